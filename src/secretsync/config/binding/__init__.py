"""Fill an application's class from a configuration: from its fields and their types to an instance."""
