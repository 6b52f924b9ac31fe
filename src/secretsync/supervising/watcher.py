"""Compare the versions of the secrets with those that the application runs with, again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from secretsync.core.errors import SecretSyncError
from secretsync.supervising.versions import Versions, describe_changes

JITTER = 0.1  # of the interval, so that the processes of a fleet do not ask at the same time


def watch(
    baseline: Mapping[str, str],
    *,
    read: Callable[[], Versions],
    interval: float,
    wait: Callable[[float], bool],
    report: Callable[[Mapping[str, str]], None],
    warn: Callable[[str], None],
    draw: Callable[[], float],
) -> None:
    """Report each new set of differences from `baseline`, until `wait` returns True.

    `wait`: waits for some seconds. `warn`: called once if the versions cannot be read, and once if they can again.
    `draw`: returns a number from 0 to 1.
    """
    known = dict(baseline)
    reported: Mapping[str, str] = {}
    is_failing = False
    while not wait(interval * (1 + JITTER * (2 * draw() - 1))):
        try:
            versions = read()
            problems = versions.problems
            known.update(versions.states)
        except SecretSyncError as error:
            problems = error.problems
        if problems and not is_failing:
            rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            warn(f"the versions of secrets cannot be read: {problems[0]}{rest}; the command goes on")
        elif is_failing and not problems:
            warn("the versions of all watched secrets can be read again")
        is_failing = bool(problems)
        changes = describe_changes(baseline, known)
        if changes != reported:
            report(changes)
            reported = changes
