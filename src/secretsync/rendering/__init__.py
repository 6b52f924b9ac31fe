"""Write a resolved configuration in the formats of other tools."""
