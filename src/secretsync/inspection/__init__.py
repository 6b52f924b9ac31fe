"""Inspect the secrets of a plan without making a configuration."""
