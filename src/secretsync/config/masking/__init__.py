"""Mask known secrets in texts and objects."""
