"""The base of every other package: records, secrets, errors, names, texts, times, files and git."""

__version__ = "0.1.0"
