"""Encode a handover as environment variables and digests of its values, and decode it."""

# $SECRETSYNC_RESOLVED is JSON that contains no value. If it would be large, only its head stays there, and the rest is
# compressed and split into $SECRETSYNC_RESOLVED_1, _2, ... because Linux limits the size of one variable.
# $SECRETSYNC_RESOLVED_KEY is the random key of the digests of all values. It is a variable of its own, because a digest
# whose key is known reveals a short secret. A reader of both variables can read the values themselves beside them.
# Behind the key is a keyed digest of the other variables, so that each change of one is recognized as damage.
# $SECRETSYNC_RESOLVED_VALUE_1, _2, ... are values of the shared configuration or of a service that have no variable,
# because the file of a service defines the same key. A value that does not fit into one variable is in several, such as
# $SECRETSYNC_RESOLVED_VALUE_1_2, and its row says in how many.
from __future__ import annotations

from secretsync.core.secret import Secret, variable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any

VARIABLE = "SECRETSYNC_RESOLVED"
KEY_VARIABLE = f"{VARIABLE}_KEY"
VALUE_PREFIX = f"{VARIABLE}_VALUE_"
KEY_BYTES = 16
_DIGEST_BYTES = 16
_SCHEMA = 4
_MOST_INLINE = 16_384  # characters of the variable; a larger text is compressed
_PART = 120_000  # characters of one further variable, below the limit of Linux (131,071 bytes with the name)
_PIECE = 30_000  # characters of one variable of a value; at most 120,000 bytes
_MOST_PARTS, _MOST_PIECES = 100, 1000
_MOST_BYTES = 64 * 1024 * 1024  # after decompression
_HEAD = ("schema", "environment", "root", "bindings", "named", "validates")
_TYPES: Mapping[str, Any] = {
    "environment": (str, type(None)),
    "root": str,
    "is_strict": bool,
    "files": (list, type(None)),
    "bindings": (str, type(None)),
    "named": (str, type(None)),
    "validates": bool,
    "services": list,
    "withheld": list,
    "started": int,
    "record": (str, type(None)),
    "names": dict,
    "secrets": str,
    "settings": str,
}


def handover_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of all variables that some `run` set for its own use."""
    return tuple(name for name in environ if has_no_value(name) or name.startswith(VALUE_PREFIX))


def has_no_value(name: str) -> bool:
    """Return True for a variable of `run` that describes the configuration, without a value of it."""
    return name in (VARIABLE, KEY_VARIABLE) or (
        name.startswith(f"{VARIABLE}_") and name.removeprefix(f"{VARIABLE}_").isdecimal()
    )


def encode(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that contain the fields of a handover. All text in them is ASCII."""
    document: dict[str, Any] = {"schema": _SCHEMA, **fields}
    key = document.pop("key")
    text = _dump(document)
    texts = [text] if len(text) <= _MOST_INLINE else _parts(document)
    names = [VARIABLE, *(f"{VARIABLE}_{number}" for number in range(1, len(texts)))]
    return {**dict(zip(names, texts, strict=True)), KEY_VARIABLE: key + _seal(key, texts)}


def _parts(document: dict[str, Any]) -> list[str]:
    """Return the texts of the variables for a large document: its head, and the compressed rest."""
    import zlib
    from binascii import b2a_base64

    head = {name: document.pop(name) for name in _HEAD}
    packed = b2a_base64(zlib.compress(_dump(document).encode("ascii")), newline=False).decode("ascii")
    parts = [packed[start : start + _PART] for start in range(0, len(packed), _PART)]
    return [_dump({**head, "parts": len(parts)}), *parts]


def value_variables(name: str, value: str) -> dict[str, str]:
    """Return the variables for a value that has no variable of its own: one as it is, or pieces with escapes."""
    if len(value) <= _PIECE and "\0" not in value:
        return {name: value}
    text = value.replace("%", "%25").replace("\0", "%00")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    if len(pieces) == 1:
        pieces.append("")  # two variables show that the text has escapes
    return dict(zip(_piece_names(name, len(pieces)), pieces, strict=True))


def value_of_variables(name: str, pieces: int, environ: Mapping[str, str]) -> Secret | None:
    """Return the value that `value_variables` wrote as so many variables; None if one of them does not exist."""
    texts = [variable_text(environ[one]) for one in _piece_names(name, pieces) if one in environ]
    if len(texts) < pieces:
        return None
    return Secret("".join(texts).replace("%00", "\0").replace("%25", "%"))


def _piece_names(name: str, count: int) -> list[str]:
    return [name, *(f"{name}_{number}" for number in range(2, count + 1))]


def _seal(key: str, texts: Iterable[str]) -> str:
    """Return the keyed digest of the variables, in hexadecimal."""
    return _digest(bytes.fromhex(key), (text.encode("utf-8", "surrogateescape") for text in texts))


def decode(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the fields of the handover in `environ`; None if they are damaged or of another schema."""
    key, seal = _key(environ)
    document = _read(environ, key, seal)
    if document is None:
        return None
    fields = {name: document.get(name, ...) for name in _TYPES}
    if not all(isinstance(fields[name], kind) for name, kind in _TYPES.items()):
        return None
    files = fields["files"]
    is_sound = (
        are_strings(fields["services"])
        and are_strings(fields["withheld"])
        and (fields["environment"] is not None if files is None else are_strings(files))
        and all(is_row(row) for row in fields["names"].values())
    )
    if not is_sound:
        return None
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return {**fields, **lists, "key": key}


def _dump(value: object) -> str:
    """Return compact JSON in ASCII, as `json` writes it, which is imported only for unusual text.

    `json` imports `re`, and this is the only JSON that nearly every start writes.
    """
    if isinstance(value, dict):
        return f"{{{','.join(f'{_dump(str(key))}:{_dump(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_dump, value))}]"
    if isinstance(value, str) and value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    import json

    return json.dumps(value)


def _key(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the key and the digest behind it; two empty texts if they are damaged."""
    text = environ.get(KEY_VARIABLE, "")
    is_sound = len(text) == 2 * (KEY_BYTES + _DIGEST_BYTES) and not text.strip("0123456789abcdef")
    return (text[: 2 * KEY_BYTES], text[2 * KEY_BYTES :]) if is_sound else ("", "")


def _read(environ: Mapping[str, str], key: str, seal: str) -> dict[str, Any] | None:
    """Return the document in the variables; None if it is damaged."""
    texts = [environ.get(VARIABLE, "")]
    head = _parse(texts[0])
    if head is None or head.get("schema") != _SCHEMA:
        return None
    is_whole = "parts" not in head
    count = head.pop("parts", 1)
    if not isinstance(count, int) or not 0 < count <= _MOST_PARTS:
        return None
    if not is_whole:
        texts += [environ.get(f"{VARIABLE}_{number}", "") for number in range(1, count + 1)]
    if not key or _seal(key, texts) != seal:
        return None
    if is_whole:
        return head
    import zlib
    from binascii import a2b_base64

    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(a2b_base64("".join(texts[1:]), strict_mode=True), _MOST_BYTES)
        text = data.decode("ascii") if unpacker.eof and not unpacker.unused_data else ""
    except (ValueError, zlib.error):
        return None
    rest = _parse(text)
    return None if rest is None else {**rest, **head}


def _parse(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    import json

    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def is_row(row: object) -> bool:
    """Return True if `row` is the origin of one value."""
    if not isinstance(row, dict):
        return False
    if not all(
        isinstance(row.get(name, default), str) for name, default in (("file", None), ("path", ""), ("key", ""))
    ):
        return False
    pieces = row.get("pieces", 2)
    return (
        isinstance(pieces, int)
        and 1 < pieces <= _MOST_PIECES
        and are_strings(row.get("references", []))
        and are_strings(row.get("stores", []))
        and _are_strings_or_none(row.get("versions", []))
        and _are_strings_or_none(row.get("digests", []))
    )


def are_strings(value: object) -> bool:
    """Return True if `value` is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_strings_or_none(value: object) -> bool:
    return isinstance(value, list) and all(item is None or isinstance(item, str) for item in value)


def content_digest(key: bytes, content: Secret) -> str:
    """Return the keyed digest of a secret that has no version."""
    return _digest(key, [content.reveal().encode("utf-8", "surrogateescape")])


def digests(key: bytes, values: Mapping[str, Secret], secret: Collection[str]) -> tuple[str, str]:
    """Return the keyed digests of the secrets and of the settings among `values`. `secret`: the names of secrets."""
    names = frozenset(secret)
    return (
        _digest(key, _texts((name, value) for name, value in values.items() if name in names)),
        _digest(key, _texts((name, value) for name, value in values.items() if name not in names)),
    )


def _texts(values: Iterable[tuple[str, Secret]]) -> Iterator[bytes]:
    """Yield each name and its value, sorted by name."""
    for name, value in sorted(values, key=lambda pair: pair[0]):
        yield name.encode("utf-8", "surrogateescape")
        yield value.reveal().encode("utf-8", "surrogateescape")


def _digest(key: bytes, texts: Iterable[bytes]) -> str:
    """Return the keyed digest of texts and their lengths, in hexadecimal."""
    try:
        from _blake2 import blake2b  # hashlib loads OpenSSL, which costs every start several milliseconds
    except ImportError:
        from hashlib import blake2b

    digest = blake2b(key=key, digest_size=_DIGEST_BYTES)
    for data in texts:
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
