"""Print what OneEnv's templates are for SecretSync: `python -m secretsync.integrations.oneenv policy | template`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from secretsync.core.errors import SecretSyncError
from secretsync.integrations.oneenv.templates import policy_text, template_text

_COMMANDS: dict[str, Callable[[], str]] = {"policy": policy_text, "template": template_text}


def main(arguments: list[str]) -> int:
    """Import the application's modules as OneEnv does, print the text, and return the exit status."""
    if len(arguments) != 1 or arguments[0] not in _COMMANDS:
        sys.stderr.write("usage: python -m secretsync.integrations.oneenv policy | template\n")
        return 2
    try:
        _import_templates()
        sys.stdout.write(_COMMANDS[arguments[0]]())
    except SecretSyncError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_status)
    return 0


def _import_templates() -> None:
    import oneenv  # type: ignore[import-untyped]

    collect: Callable[[], object] | None = getattr(oneenv, "import_templates", None)
    if collect is not None:  # OneEnv 0.1.0 does not have it
        with contextlib.redirect_stdout(sys.stderr):  # it prints the modules that cannot be imported
            collect()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
