"""Small applications, one for each framework."""
