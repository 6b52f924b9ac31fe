"""Resolve a plan: request its secrets from the stores and put the answers in."""
