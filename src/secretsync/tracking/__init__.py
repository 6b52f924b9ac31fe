"""Records of what an environment was, and what changed since."""
