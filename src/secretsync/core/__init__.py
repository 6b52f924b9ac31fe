"""The base of every other package: records, secrets, errors, names, texts, times, files and git."""

__all__ = ["__version__"]

__version__ = "0.1.0"
