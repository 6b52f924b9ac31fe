"""What only some commands print: the progress, the wait for a store, the comparison of two states."""
