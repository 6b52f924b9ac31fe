"""Recognize examples that have to be replaced by a value: changeme, TODO, <SECRET>."""

from __future__ import annotations

from collections.abc import Sequence

# Words of stand-ins under any name; then those that may be meant where the name is not one of a secret, such as
# AUTH_METHOD=password. Compared without case and signs. No regular expressions: compiling them costs every start.
_LONGEST_EXAMPLE = 120  # characters
_CHANGE = frozenset(f"{verb}{what}" for verb in ("change", "replace") for what in ("me", "it", "this"))
_NOTES = ("todo", "fixme", "tbd")
_STEMS = frozenset({"secret", "password", "passwd", "token", "apikey", "key", "secretkey", "accesskey"})
_EXAMPLE_SECRETS = frozenset(
    (
        *("pass", "admin", "root", "test", "testing", "example", "default", "dummy", "sample", "placeholder", "none"),
        *("null", "unset", "foo", "bar", "foobar", "dev", "qwerty", "letmein"),
        *("123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890"),
    )
)


def is_example(text: str, *, is_sensitive: bool) -> bool:
    """Return True if `text` is an example that has to be replaced by a value."""
    text = text.strip().lower()
    if not text or len(text) > _LONGEST_EXAMPLE:
        return False
    words = "".join(char if char.isalnum() else " " for char in text).split()
    if not words:
        return is_sensitive and set(text) in ({"*"}, {"."})
    if words[0] in _CHANGE or "".join(words[:2]) in _CHANGE:
        return True
    if words[0] in _NOTES and text.startswith(words[0]) and text[len(words[0]) :][:1] in ("", ":", " ", "(", "!"):
        return True
    is_crossed_out = len(text) > 2 and set(text) == {"x"}
    return is_crossed_out or _is_hole(text) or (is_sensitive and _is_example_secret(words))


def _is_hole(text: str) -> bool:
    """Return True if `text` is a place for a value: <NAME>, {{ NAME }}, ${NAME} or $<NAME>."""
    if text.startswith("{{") and text.endswith("}}"):
        return text[2:-2].strip().replace(".", "_").isidentifier()
    if text.startswith("${") and text.endswith("}"):
        return text[2:-1].isidentifier()
    inside = text.removeprefix("$")
    if not (inside.startswith("<") and inside.endswith(">") and inside[1:2].isalpha()):
        return False
    return not text.startswith("<") or all(char.isalnum() or char in " _.-" for char in inside[1:-1])


def _is_example_secret(words: Sequence[str]) -> bool:
    plain = "".join(words)
    if plain in _EXAMPLE_SECRETS or (words[0] in ("your", "insert", "put") and len(words) > 1):
        return True
    core = plain.removeprefix("my").removeprefix("super").rstrip("1234")
    return core in _STEMS or core.removesuffix("here") in _STEMS
