"""What the operating system gives: files and pipes, git, the user, the platform."""
