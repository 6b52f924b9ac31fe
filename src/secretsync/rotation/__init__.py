"""How old secrets are, against the policy."""
