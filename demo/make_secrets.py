"""Make random development secrets, one file each, where there are none yet."""

import os
import secrets
import sys
from pathlib import Path

NAMES = ("database_password", "jwt_secret", "secret_key")


def main(folder: Path) -> None:
    """Fill `folder` as Docker would fill /run/secrets: a file a secret, for its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in NAMES:
        try:
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        print(f"made {folder / name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
