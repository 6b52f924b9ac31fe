"""A small HTTP/1.1 client for providers, on the standard library."""
