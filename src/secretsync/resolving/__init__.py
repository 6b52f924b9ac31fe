"""From a plan to a configuration: ask the stores, and put the answers in."""
