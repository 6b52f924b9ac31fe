"""The project's files: where they are, and what stands in them."""
