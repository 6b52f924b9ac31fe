"""Stay the parent process of the application: forward signals, reap processes, mask output."""
