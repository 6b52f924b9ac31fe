"""Keep the configuration of a running Python service up to date."""
