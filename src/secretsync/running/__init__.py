"""Replace this process with the application."""
