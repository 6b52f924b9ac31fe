"""Read a JSON object of names and values: `heroku config --json`, `doppler secrets download --format json`."""

from __future__ import annotations

from typing import Any

from secretsync.core.exact_json import NotJsonError, Number, parse_json
from secretsync.core.names import is_key
from secretsync.moving.source_entry import Source, literal_entry
from secretsync.moving.sources import bad_source


def read(data: bytes, file: str, _service: str | None) -> Source:
    """Return the entries."""
    return entries_of(members_of(data, file), file)


def members_of(data: bytes, file: str) -> dict[str, Any]:
    """Return the members of the object in a file. Raises ConfigurationError."""
    cause, document = "it is not UTF-8 text", None
    try:
        document = parse_json(data.decode("utf-8-sig"))
        cause = "it is not a JSON object"
    except NotJsonError as error:
        cause = f"it {error.cause}"
    except (UnicodeDecodeError, RecursionError):
        pass
    if not isinstance(document, dict):
        raise bad_source(file, cause, "export the secrets again, as a JSON object of names and values")
    return document


def entries_of(members: dict[str, Any], file: str) -> Source:
    """Return the entries of names and scalars. Raises ConfigurationError for any other value."""
    entries = []
    for number, (key, value) in enumerate(members.items(), 1):
        if not is_key(key):
            raise bad_source(file, f"the name of member {number} cannot be a variable", "rename it in the source")
        entries.append(literal_entry(key, text_of(key, value, file), file=file))
    return Source(tuple(entries))


def text_of(key: str, value: Any, file: str) -> str:
    """Return a scalar as text. Raises ConfigurationError for null, a list and an object."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Number | int | float):
        text = str(value)
        if "\0" in text or any(0xD800 <= ord(char) <= 0xDFFF for char in text):
            raise bad_source(file, "the value is no text that a variable can hold", "store it as base64", key=key)
        return text
    what = "null" if value is None else "a list or an object"
    raise bad_source(file, f"the value is {what}", "give it a text, or remove it from the file", key=key)
