"""The file $GITHUB_ENV of GitHub Actions, with the commands that mask its values in the log."""

from __future__ import annotations

import os

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["preamble", "refusal", "render"]

# The runner refuses NODE_OPTIONS, and a step never gets another value of its own variables.
_RESERVED_PREFIXES = ("GITHUB_", "RUNNER_")
_COMMAND_ESCAPES = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}


def refusal(key: str, value: str, /) -> str | None:
    """Why the runner cannot take it, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if key.upper() == "NODE_OPTIONS":
        return "the runner refuses this name"
    if key.upper().startswith(_RESERVED_PREFIXES):
        return "the runner keeps names that begin with GITHUB_ and RUNNER_ for itself"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """`items` for the end of $GITHUB_ENV: here documents, each with a delimiter that nobody can guess."""
    return "".join(_written(key, items[key]) for key in sorted(items))


def preamble(items: Mapping[str, str], secret_keys: Collection[str] | None = None) -> str:
    """The commands that mask the values of `secret_keys` (None: of all), whole and by line.

    They are for the runner's ear, stdout or stderr of the step, before anything else: in the file they are an error.
    """
    masks: dict[str, None] = {}
    for key in sorted(items):
        if secret_keys is None or key in secret_keys:
            masks |= dict.fromkeys([items[key], *items[key].replace("\r", "\n").split("\n")])
    return "".join(f"::add-mask::{mask.translate(_COMMAND_ESCAPES)}\n" for mask in masks if mask.strip())


def _written(key: str, value: str) -> str:
    lines = value.split("\n")
    delimiter = _delimiter()
    while delimiter in lines:
        delimiter = _delimiter()
    return f"{key}<<{delimiter}\n{value}\n{delimiter}\n"


def _delimiter() -> str:
    return f"secretsync_{os.urandom(16).hex()}"
