"""Find the cause why the bytes of an env file are not text in UTF-8 without NUL."""

from __future__ import annotations

# The first bytes of files that are not text, and what they are.
_NOT_TEXT = (
    (b"\0GITCRYPT\0", "is encrypted by git-crypt", "run `git-crypt unlock` first"),
    (
        b"age-encryption.org/",
        "is encrypted by age",
        "decrypt it, and pipe it to `secretsync run --env-file -`",
    ),
    (b"Salted__", "is encrypted by openssl", "decrypt it first"),
    (b"\x1f\x8b", "is compressed by gzip", "decompress it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd", "decompress it first"),
    (b"PK\x03\x04", "is a ZIP archive", "take the env file out of it"),
    (b"\x85", "may be encrypted by GnuPG", "decrypt it, and pipe it to `secretsync run --env-file -`"),
)
_UTF_8_HINT = "save the file as UTF-8"
_WINDOWS_HINT = f"{_UTF_8_HINT}; Notepad and the > of PowerShell 5 write UTF-16"


def wrong_encoding(data: bytes) -> tuple[str, str, str]:
    """Return the text before the wrong character, the cause and the hint."""
    if name := _utf_16_or_32(data):
        return "", f"this file is {name}", _WINDOWS_HINT
    for begin, cause, hint in _NOT_TEXT:
        if data.startswith(begin):
            return "", f"this file {cause}", hint
    bad, reason = _first_wrong_byte(data)
    before = data[:bad].decode("utf-8").removeprefix("\ufeff")
    if reason is not None:
        return before, f"byte {bad} of this file is not UTF-8", f"{_UTF_8_HINT}; it may be Latin-1 or Windows-1252"
    if data.count(b"\0") > 1 and b"\n" not in data:
        hint = "write one entry in each line; `env -0` and /proc/PID/environ separate entries by NUL"
        return before, "there is a NUL character in the place of a line end", hint
    return before, "there is a NUL character", "remove it; a value with NUL cannot be in an env file"


def _utf_16_or_32(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    # ASCII in UTF-16: every second byte is NUL, and none of the others.
    for nul, other in ((data[:64:2], data[1:64:2]), (data[1:64:2], data[:64:2])):
        if len(nul) > 1 and len(data) % 2 == 0 and not any(nul) and 0 not in other:
            return "UTF-16 without a byte order mark"
    return None


def _first_wrong_byte(data: bytes) -> tuple[int, str | None]:
    """Return the place of the first byte that is not UTF-8, else of the first NUL with None."""
    reason = None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        bad, reason = error.start, error.reason  # and not `error.object`, which is the whole file
    return (data.index(b"\0"), None) if reason is None else (bad, reason)
