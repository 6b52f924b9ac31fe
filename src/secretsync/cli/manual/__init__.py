"""Help and manual pages, from the data of the commands."""
