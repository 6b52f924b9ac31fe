"""The options --supervise and --mask-output of `run`: the supervisor, and the process that becomes the application."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from secretsync.cli import console
from secretsync.running.drop_privileges import become_user, find_user
from secretsync.running.exec_command import CommandError
from secretsync.supervising.supervise import DEFAULT_GRACE, supervise

if TYPE_CHECKING:
    import argparse

    from secretsync.supervising.output import MaskedOutput
    from secretsync.supervising.sides import ApplicationSide


def supervise_start(options: argparse.Namespace) -> tuple[ApplicationSide | int | None, MaskedOutput | None]:
    """Return the exit status in the supervisor; in the process that becomes the application, its side or None.

    The second part is the masked output, or None.
    """
    output = _open_output() if options.mask_output else None
    user = None if options.user is None else find_user(options.user)

    def follow() -> None:
        if user is not None:
            with suppress(CommandError):  # The application reports the same failure and is not started.
                become_user(user)

    grace = DEFAULT_GRACE if options.grace is None else options.grace
    inform = (lambda _: None) if options.quiet else console.info
    return supervise(grace=grace, become_user=follow, inform=inform, output=output), output


def _open_output() -> MaskedOutput:
    from secretsync.supervising.output import MaskedOutput  # Imported only for masked output.

    return MaskedOutput()
