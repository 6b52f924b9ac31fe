"""Take the part that a reference names from a payload, as text: fields, JSON pointers, decoding, trimming."""

from __future__ import annotations

from _collections_abc import Mapping  # the home of collections.abc, without the import of collections

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Selector
from secretsync.core.secret import Payload, Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# RFC 3986 section 2.3. Not urllib, because its import takes longer than a whole start.
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

NO_FIELD = "the secret has no such field"
EMPTY = "its value is empty"
_TAKE_PART = "take it with ?as=json, or name a field inside it"


class _Unusable(Exception):  # noqa: N818 - does not leave this module
    """The payload does not have the part. The cause contains no text of the payload."""

    def __init__(self, cause: str, hint: str | None = None) -> None:
        self.cause = cause
        self.hint = hint
        super().__init__(cause)


def select(payload: Payload, selector: Selector) -> Secret | Failed:
    """Return the part of `payload` that `selector` names. A part that does not exist is a failure without a default."""
    failure = None
    try:
        text = _select(payload, selector)
        return Secret(_percent_encode(text) if selector.url == "url" else text)
    except _Unusable as unusable:
        failure = Failed(ProblemKind.UNUSABLE, unusable.cause, unusable.hint)
    except RecursionError:
        failure = Failed(ProblemKind.UNUSABLE, "the secret's JSON is nested too deeply")
    return failure


def _select(payload: Payload, selector: Selector) -> str:
    value = _trim(payload, selector)
    if selector.field is not None:
        value = _as_text(_at(_document(payload, value), selector.field), selector)
    elif selector.as_ == "json":
        value = _format_json(_document(payload, value))
    if selector.decode == "base64":
        value = _decode_base64(value)
        if selector.trim is not False and selector.as_ != "base64":
            value = _without_mark(value)
    if selector.as_ == "base64":
        import base64

        data = _decode_utf8(value).encode("utf-8") if isinstance(value, str) else value
        return base64.b64encode(data).decode("ascii")
    return _decode_utf8(value)


def _percent_encode(text: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def _trim(payload: Payload, selector: Selector) -> str | bytes:
    """Return the payload without the byte order mark of a text and the last line end of a file.

    Editors add both, so that they do not belong to the secret.
    """
    value = payload.reveal()
    if selector.trim is not False and (selector.as_ != "base64" or selector.decode == "base64"):
        value = _without_mark(value)
    trim = payload.from_file if selector.trim is None else selector.trim
    if not trim:
        return value
    if isinstance(value, str):
        return value.removesuffix("\n").removesuffix("\r") if value.endswith("\r\n") else value.removesuffix("\n")
    return value.removesuffix(b"\n").removesuffix(b"\r") if value.endswith(b"\r\n") else value.removesuffix(b"\n")


def _without_mark(value: str | bytes) -> str | bytes:
    return value.removeprefix("\ufeff") if isinstance(value, str) else value.removeprefix(b"\xef\xbb\xbf")


def _decode_utf8(value: str | bytes) -> str:
    text = None
    try:
        text = value if isinstance(value, str) else value.decode("utf-8")
        text.encode("utf-8")  # a JSON string may contain half of a surrogate pair
    except UnicodeError:
        text = None  # not raised here, because the error contains the bytes
    if text is None:
        is_utf_16 = isinstance(value, bytes) and value.startswith((b"\xff\xfe", b"\xfe\xff"))
        hint = "it begins as UTF-16, so save it as UTF-8; or take it with ?as=base64"
        raise _Unusable("the secret is not UTF-8 text", hint if is_utf_16 else "take it with ?as=base64")
    return text


def _decode_base64(value: str | bytes) -> bytes:
    import base64

    data = _decode_utf8(value).encode("utf-8") if isinstance(value, str) else value
    decoded = None
    try:
        # Base64 often contains line breaks. Any other character outside its alphabet is an error.
        decoded = base64.b64decode(data.translate(None, b"\r\n"), validate=True)
    except ValueError:
        decoded = None
    if decoded is None:
        raise _Unusable("the secret is not base64", "remove decode=base64")
    return decoded


def _document(payload: Payload, value: str | bytes) -> Any:
    """Return the JSON of the payload, which is parsed once for all of its fields."""
    document, failure = payload.derive(lambda: _parse_json(value))
    if failure is not None:
        raise _Unusable(*failure)
    return document


def _parse_json(value: str | bytes) -> tuple[Any, tuple[str, str | None] | None]:
    """Return the document in `value`, or the cause and the hint of a failure."""
    from secretsync.core.exact_json import NotJsonError, parse_json  # imported only if a field is asked for

    try:
        return parse_json(_decode_utf8(value)), None
    except _Unusable as unusable:
        return None, (unusable.cause, unusable.hint)
    except NotJsonError as error:
        hint = "look at the secret in its store, because a field and as=json need JSON"
        return None, (f"the secret {error.cause}", hint)
    except RecursionError:
        return None, ("the secret's JSON is nested too deeply", None)


def _format_json(value: Any) -> str:
    from secretsync.core.exact_json import format_json

    return format_json(value)


def _at(document: Any, field: str) -> Any:
    """Return the value at a key, or at a JSON pointer (RFC 6901)."""
    if not field.startswith("/") and not isinstance(document, dict):
        raise _Unusable("the secret's JSON is not an object, and a field of it is requested")
    found = document
    for name in field_tokens(field):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and _is_index(name) and int(name) < len(found):
            found = found[int(name)]
        else:
            from secretsync.resolving.field_hints import field_hint  # Imported only for the message.

            raise _Unusable(NO_FIELD, field_hint(document, field))
    return found


def find_field(fields: Mapping[str, object], selector: Selector) -> bool | Failed:
    """Return True if a secret has the field of `selector`, False if that is unknown, and else the failure.

    `fields`: the secret's JSON object with None in place of each value that is not an object.
    """
    field = selector.field or "/"
    place: object = fields
    for token in field_tokens(field):
        if not isinstance(place, Mapping):
            return False  # inside of a list, or of a value that is no object
        if token not in place:
            from secretsync.resolving.field_hints import field_hint  # Imported only for the message.

            return Failed(ProblemKind.UNUSABLE, NO_FIELD, field_hint(fields, field))
        place = place[token]
    if isinstance(place, Mapping) and selector.as_ != "json":
        return Failed(ProblemKind.UNUSABLE, "this field is an object", _TAKE_PART)
    return True


def field_tokens(field: str) -> list[str]:
    """Return the names on the way to a field, of a key, or of a JSON pointer (RFC 6901)."""
    if not field.startswith("/"):
        return [field]
    return [token.replace("~1", "/").replace("~0", "~") for token in field[1:].split("/")]


def _is_index(name: str) -> bool:
    # RFC 6901 section 4: digits without a leading zero.
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and len(name) <= 9


def _as_text(value: Any, selector: Selector) -> str:
    if selector.as_ == "json":
        return _format_json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    what = "null" if value is None else "a list" if isinstance(value, list) else "an object"
    raise _Unusable(f"this field is {what}", _TAKE_PART)
