"""One module a provider, what they have in common, and how they are found by name."""
