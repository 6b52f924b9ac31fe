"""The file $GITHUB_ENV of GitHub Actions, and the commands that mask its values in the log."""

from __future__ import annotations

import os

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# The runner refuses NODE_OPTIONS, and does not let a step change the runner's own variables.
_RESERVED_PREFIXES = ("GITHUB_", "RUNNER_")
_SHORTEST_MASK = 4  # characters
_COMMON_WORDS = ("true", "false", "null", "none")  # lines of JSON and YAML
_COMMAND_ESCAPES = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}


def refusal(key: str, value: str, /) -> str | None:
    """Return why the runner cannot take the entry, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if key.upper() == "NODE_OPTIONS":
        return "the runner refuses this name"
    if key.upper().startswith(_RESERVED_PREFIXES):
        return "the runner reserves names that begin with GITHUB_ or RUNNER_"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as text to append to $GITHUB_ENV: here documents with random delimiters."""
    return "".join(_written(key, items[key]) for key in sorted(items))


def preamble(items: Mapping[str, str], secret_keys: Collection[str] | None = None) -> str:
    """Return the commands that mask the lines of the values of `secret_keys` (None: of all values).

    Write them to stdout or stderr of the step before any other output. In the file they are an error.
    """
    masks: dict[str, None] = {}
    for key in sorted(items):
        if secret_keys is None or key in secret_keys:
            # One command a line, because the runner would mask every line of a longer text, also the line "{".
            lines = items[key].replace("\r", "\n").split("\n")
            masks |= dict.fromkeys(text for line in lines if _hides_only_secrets(text := line.strip()))
    return "".join(f"::add-mask::{mask.translate(_COMMAND_ESCAPES)}\n" for mask in masks)


def _hides_only_secrets(text: str) -> bool:
    """Return False if a mask of `text` would hide parts of other output: brackets, a rule of hyphens, `null,`."""
    if len(text) < _SHORTEST_MASK or not any(map(str.isalnum, text)):
        return False
    return text.strip(" ,;:\"'[](){}").lower() not in _COMMON_WORDS


def _written(key: str, value: str) -> str:
    lines = value.split("\n")
    delimiter = _delimiter()
    while delimiter in lines:
        delimiter = _delimiter()
    return f"{key}<<{delimiter}\n{value}\n{delimiter}\n"


def _delimiter() -> str:
    return f"secretsync_{os.urandom(16).hex()}"
