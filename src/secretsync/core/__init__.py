"""What every other package stands on: records, errors, names, times, and files."""
