"""Recognize secrets in plain text by their form."""
