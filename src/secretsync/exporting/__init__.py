"""Write what other platforms need to read the same secrets: references and settings, never a value."""
