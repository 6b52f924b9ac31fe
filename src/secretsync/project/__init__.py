"""The project's files: their places and their contents."""
