"""What the tests share: canaries, clean processes, projects on disk, and a guard against the network."""
