"""Options of `run`: the record of a start, the folder of secrets files, supervision. Imported only if given."""
