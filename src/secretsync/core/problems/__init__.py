"""The kinds of problems, and problems with one cause as a group; imported only if there is a problem."""
