"""Questions about a plan's secrets that give no configuration."""
