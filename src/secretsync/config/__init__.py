"""The configuration that the application holds."""
