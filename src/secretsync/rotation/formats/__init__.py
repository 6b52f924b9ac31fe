"""The formats of `check-rotation`, one module each, with a pure `render` from a document to text."""

from __future__ import annotations

from importlib import import_module

from secretsync.rotation.formats.document import Document

# Each format, its module, and its description for the documentation.
FORMATS = {
    "table": ("table", "for a terminal, the worst first"),
    "json": ("json_", "schema 1, for programs"),
    "junit": ("junit", "JUnit XML: a test case for each secret"),
    "sarif": ("sarif", "SARIF 2.1.0, for code scanning"),
    "prometheus": ("prometheus", "for the textfile collector of node_exporter"),
    "html": ("html_", "one page with a timeline, for people"),
    "github": ("github", "annotations of a GitHub workflow, at the lines of the env files"),
    "markdown": ("markdown", "a table, for a code review or a job summary"),
}


def render(name: str, document: Document) -> str:
    """Return `document` in the format `name`, with a newline at the end."""
    module, _ = FORMATS[name]
    text: str = import_module(f"secretsync.rotation.formats.{module}").render(document)
    return text
