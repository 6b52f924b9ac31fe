"""The .env file of python-dotenv, which SecretSync reads too."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Grammar: the parser of python-dotenv. It opens files with universal newlines, so a raw CR is read as LF, in quotes
# too. Up to 1.2.2 a backslash pair before the closing quote is read as an escaped quote, and the value continues to the
# next quote of the file. Readers that interpolate replace `${name:-default}` in every kind of quotes. Other readers,
# SecretSync included, read `${` and `$<` in single quotes literally.
_DOUBLE = {ord("\\"): r"\\", ord('"'): r"\"", ord("\n"): r"\n", ord("\r"): r"\r"}
_SINGLE = {ord("\\"): r"\\", ord("'"): r"\'"}


def refusal(key: str, value: str, /, *, interpolating: bool = False) -> str | None:
    """Return why the file cannot carry the entry, or None."""
    reason = env_refusal(key, value)
    if reason or interpolating:
        return reason
    if "\r" in value and _has_placeholder(value):
        return "it contains a carriage return, which needs double quotes, and ${ or $<, which need single quotes"
    if value.endswith("\\") and not _fits_unquoted(value):
        return "it ends in a backslash, which python-dotenv up to 1.2.2 misreads at the end of a quoted value"
    return None


def render(items: Mapping[str, str], /, *, interpolating: bool = False) -> str:
    """Return `items` as a .env file.

    `interpolating`: True for readers that replace `${...}` (the default of python-dotenv), False for readers that do
    not: `dotenv_values(interpolate=False)` and SecretSync.
    """
    write = _interpolating if interpolating else _literal
    return "".join(f"{key}={write(items[key])}\n" for key in sorted(items))


def _literal(value: str) -> str:
    if is_safe(value) or value.endswith("\\"):
        return value
    if "$" in value and "\r" not in value:
        return f"'{value.translate(_SINGLE)}'"
    return f'"{value.translate(_DOUBLE)}"'


def _interpolating(value: str) -> str:
    if is_safe(value):
        return value
    # A variable without a name is never set, so the reader inserts its default: "$" before "{", or the last backslash.
    body, last = (value[:-1], r"${:-\\}") if value.endswith("\\") else (value, "")
    return f'"{body.translate(_DOUBLE).replace("${", "${:-$}{")}{last}"'


def _has_placeholder(value: str) -> bool:
    return "${" in value or "$<" in value


def _fits_unquoted(value: str) -> bool:
    """Return True if the reader keeps all of `value` without quotes. It strips white space, and cuts at " #"."""
    if _has_placeholder(value) or value[0] in "'\"" or value != value.strip() or "\n" in value or "\r" in value:
        return False
    return not any(part[-1:].isspace() for part in value.split("#")[:-1])
