"""The rules on values, and policy.toml."""
