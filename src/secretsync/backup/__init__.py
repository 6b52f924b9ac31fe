"""Archives of env/ and providers/: made whole, verified before they are used, restored in one step."""
