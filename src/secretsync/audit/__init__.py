"""The audit of an environment: rules over what was read of it, and a report."""
