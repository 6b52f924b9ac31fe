"""The kinds of checks of a policy: the test of a value, and the message for a value that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secretsync.config.convert import UNFIT, attempt, to_bool, to_float
from secretsync.policy.policy import Check
from secretsync.policy.rules import Severity

# For every strict environment. They apply only if the key is defined; only a policy requires keys.
BUILT_IN = (
    Check(key="DEBUG", kind="is_false", parameter=True, rule="debug-off"),
    Check(key="SECRET_KEY", kind="min_length", parameter=32, rule="secret-key-length"),
    Check(key="FORCE_HTTPS", kind="is_true", parameter=True, rule="force-https"),
    Check(key="SESSION_TIMEOUT", kind="max", parameter=3600, rule="session-timeout", severity=Severity.WARNING),
)


def passes(check: Check, text: str) -> bool:
    """Return True if a value meets the condition of `check`."""
    return _TESTS[check.kind](text, check.parameter)


def requirement_of(check: Check, *, hides_value: bool) -> str:
    """Return what a value must be. `hides_value`: do not show the wanted value, because it may be the secret."""
    shown = check.parameter
    if isinstance(shown, tuple):
        shown = " or ".join(shown)
    if hides_value and check.kind in ("equals", "one_of"):
        shown = "what the policy says"
    return _WORDS[check.kind].format(shown)


def _in_bounds(text: str, is_in: Callable[[float], bool]) -> bool:
    number = attempt(to_float, text)
    return number is not UNFIT and is_in(number)


def _scheme(text: str) -> str:
    """Return the scheme of a URL in small letters, or an empty text."""
    scheme, separator, _ = text.partition("://")
    return scheme.lower() if separator else ""


_TESTS: dict[str, Callable[[str, Any], bool]] = {
    "is_true": lambda text, _: attempt(to_bool, text) is True,
    "is_false": lambda text, _: attempt(to_bool, text) is False,
    "equals": lambda text, wanted: text == wanted,
    "not_equals": lambda text, unwanted: text != unwanted,
    "one_of": lambda text, wanted: text in wanted,
    "matches": lambda text, pattern: pattern.fullmatch(text) is not None,
    "min_length": lambda text, least: len(text) >= least,
    "max_length": lambda text, most: len(text) <= most,
    "min": lambda text, least: _in_bounds(text, lambda number: number >= least),
    "max": lambda text, most: _in_bounds(text, lambda number: number <= most),
    "url_scheme": lambda text, schemes: _scheme(text) in [scheme.lower() for scheme in schemes],
}
_WORDS = {
    "is_true": "it must be on: true, yes, on or 1",
    "is_false": "it must be off: false, no, off or 0",
    "equals": "it must be {}",
    "not_equals": "it is what the policy excludes",
    "one_of": "it must be one of: {}",
    "matches": "it does not have the form that the policy asks for",
    "min_length": "it must have at least {} characters",
    "max_length": "it must have at most {} characters",
    "min": "it must be a number, at least {}",
    "max": "it must be a number, at most {}",
    "url_scheme": "it must be a URL that begins with {}://",
}
