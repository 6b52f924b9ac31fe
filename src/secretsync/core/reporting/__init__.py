"""The rows of a report, and one writer for each format that other tools define: SARIF, JUnit, GitHub, Markdown."""
