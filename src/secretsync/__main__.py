"""`python -m secretsync`."""

from secretsync.cli import main

if __name__ == "__main__":
    main()
