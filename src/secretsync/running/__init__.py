"""Starting the application in the place of this process."""
