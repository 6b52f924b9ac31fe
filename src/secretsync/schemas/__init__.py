"""JSON Schemas of the TOML files, for editors: from the tables that the readers of the files use."""
