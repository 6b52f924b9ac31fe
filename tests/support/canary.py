"""Secret values for tests, made so that each trace of one in any output can be found."""

import base64
import re
import secrets
import string
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

# Every canary is HEAD + something unique + TAIL. They are plain letters and digits, so that quoting by URL, JSON, shell
# or repr leaves them as they are, and are looked for separately, so that a shortened secret is found as well. A canary
# of several lines has both in each line. A canary of eight characters has no room for them: it is in `_short`.
HEAD = "c4n4ryhe4d"
TAIL = "c4n4ryt41l"
# Eight characters that a message shows of the start or the end of a secret are a leak too.
ENDS = (HEAD[:8], TAIL[-8:])

_LARGE = 256 * 1024
_MOST_INFLATED = 64 * 1024 * 1024  # bytes of one compressed file that are looked through


def make_canary(before: str = "", after: str = "") -> str:
    """Return a new secret: unique, recognisable, at least 32 characters, with `before` and `after` around it."""
    return f"{before}{HEAD}{secrets.token_hex(6)}{TAIL}{after}"


def make_short() -> str:
    """Return a secret of eight characters, which is found until `forget_short`."""
    made = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    for needle in _needles(made):
        _short.setdefault(needle.view, []).append(needle)
    return made


def make_pem() -> str:
    """Return a secret with the form of a private key: each line has a mark at both ends."""
    lines = [make_canary() for _ in range(6)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


# One secret of each kind that programs handle wrongly.
KINDS: dict[str, Callable[[], str]] = {
    "plain": make_canary,
    "eight characters": make_short,
    "quotes": lambda: make_canary("'\"`", "`\"'"),
    "backslashes": lambda: make_canary("\\\\n", "\\"),
    "placeholder": lambda: f"$<{make_canary()}>${{{make_canary()}}}",
    "shell": lambda: make_canary("$(id)`id`;&|", " # x"),
    "format": lambda: make_canary("%s%(x)s{x}{{x}}", "%"),
    "markup": lambda: make_canary("<script>&amp;", "]]>|"),
    "url": lambda: make_canary("p:/?#[]@", "%2F&="),
    "newlines": lambda: f"{make_canary()}\n{make_canary()}\r\n{make_canary()}",
    "line ends of Unicode": lambda: "\u2028".join([make_canary(), make_canary("\x0b"), make_canary("\x85")]),
    "terminal": lambda: make_canary("\x1b[31m\u202e", "\x07"),
    "beyond the BMP": lambda: make_canary("\U0001f512", "\U0001f511"),
    "spaces": lambda: make_canary("  ", "\t "),
    "PEM": make_pem,
    "256 KB": lambda: "".join(make_canary() for _ in range(_LARGE // len(make_canary()) + 1)),
}


class _Needle(NamedTuple):
    """Bytes to look for in a view of the data."""

    form: str
    view: str
    data: bytes


def _base64(text: bytes) -> Iterator[bytes]:
    """Return the parts of `text` in base64 that are the same wherever it begins in the encoded data."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text)
        # The first and the last characters depend on the neighbours too.
        yield encoded[(0, 2, 3)[shift] : (len(text) + shift) * 8 // 6]


def _needles(text: str) -> Iterator[_Needle]:
    data = text.encode()
    yield _Needle("plain", "lower", data)
    yield _Needle("plain", "joined", data)
    yield _Needle("reversed", "lower", data[::-1])
    yield _Needle("hex", "digits", data.hex().encode())
    yield _Needle("list of bytes", "joined", b",".join(b"%d" % byte for byte in data))
    yield _Needle("UTF-16", "lower", b"\0".join(b"%c" % byte for byte in data))
    yield _Needle("UTF-32", "lower", b"\0\0\0".join(b"%c" % byte for byte in data))
    for form in _ESCAPES:
        yield _Needle(form, form, data)
    for encoded in _base64(data):
        yield _Needle("base64", "as it is", encoded)
        yield _Needle("base64", "closed up", encoded)


# How programs write a character as a number. The marks are ASCII, so that two digits are enough. A backslash may be
# doubled and a percent sign be quoted itself, if a text was encoded twice.
_ESCAPES = {
    "JSON-escaped": (b"\\u", re.compile(rb"(?<!\\)\\+u(?:00([0-9a-f]{2})|\{0*([0-9a-f]{2})\})")),
    "URL-quoted": (b"%", re.compile(rb"%(?:25)*([0-9a-f]{2})")),
    "HTML-escaped": (b"&#x", re.compile(rb"&#x0*([0-9a-f]{2});")),
    "HTML-escaped in decimal": (b"&#", re.compile(rb"&#0*([0-9]{2,3});")),
    "octal": (b"\\", re.compile(rb"(?<!\\)\\+([0-7]{3})")),
}
_BASES = {"HTML-escaped in decimal": 10, "octal": 8}

_SPACE = b" \t\r\n"
_BETWEEN_HEX = _SPACE + b":,-"


def _views(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the data in each reading in which a needle may be: decoded once for all needles."""
    lower = data.lower()
    yield "lower", lower
    yield "as it is", data
    if any(byte in data for byte in (b" ", b"\n", b"\t", b"\r")):
        yield "joined", lower.translate(None, _SPACE)
        yield "closed up", data.translate(None, _SPACE)
    elif b"," in data:
        yield "joined", lower
    yield "digits", lower.translate(None, _BETWEEN_HEX).replace(b"\\x", b"").replace(b"0x", b"")
    for form, (sign, pattern) in _ESCAPES.items():
        if sign in lower:
            yield form, pattern.sub(_CHARACTERS.get(form, partial(_character, base=16)), lower)


def _character(found: re.Match[bytes], base: int) -> bytes:
    number = int(next(group for group in found.groups() if group is not None), base)
    return bytes([number]).lower() if number < 128 else b"?"


_CHARACTERS = {form: partial(_character, base=base) for form, base in _BASES.items()}


# What to look for in each view: the ends of all canaries, and the canaries of eight characters of this test.
_always: dict[str, list[_Needle]] = {}
_short: dict[str, list[_Needle]] = {}
for _end in ENDS:
    for _one in _needles(_end):
        _always.setdefault(_one.view, []).append(_one)


def forget_short() -> None:
    """Look no longer for the canaries of eight characters."""
    _short.clear()


def find_leaks(data: bytes | str) -> tuple[str, ...]:
    """Return the forms ("plain", "base64", "hex", ...) in which `data` holds a canary or an end of one."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    found: dict[str, None] = {}
    for view, text in _views(data):
        needles = [*_always[view], *_short.get(view, ())]
        found |= dict.fromkeys(needle.form for needle in needles if needle.data in text)
    # A plain secret is in every reading of the text.
    return tuple(form for form in found if "plain" not in found or form not in _ESCAPES)


def find_leaks_in_file(data: bytes) -> tuple[str, ...]:
    """`find_leaks` of the content of a file, also of what it holds compressed by gzip or zlib."""
    found = find_leaks(data)
    if data[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        try:
            inflated = zlib.decompressobj(wbits=47).decompress(data, _MOST_INFLATED)
        except zlib.error:
            return found
        found += tuple(f"compressed, {form}" for form in find_leaks(inflated))
    return found


def assert_clean(data: bytes | str, where: str) -> None:
    """Fail where `data` holds a canary; the message says where and how, and does not repeat it."""
    __tracebackhide__ = True  # a traceback would show the data
    leaks = find_leaks_in_file(data) if isinstance(data, bytes) else find_leaks(data)
    if leaks:
        message = f"a secret leaked into {where} ({', '.join(leaks)})"
        raise AssertionError(message)


class CanaryFactory:
    """Makes secrets, and keeps an eye on files that must never hold one."""

    def __init__(self) -> None:
        self.watched: list[Path] = []

    def __call__(self, before: str = "", after: str = "") -> str:
        """Return a new secret with `before` and `after` around it: unique, recognisable, 32 characters and more."""
        return make_canary(before, after)

    def hostile(self) -> dict[str, str]:
        """Return a new secret of each of `KINDS`, by the name of the kind."""
        return {name: make() for name, make in KINDS.items()}

    def watch(self, path: Path) -> Path:
        """`path`, a file or folder in which no secret may be when the test ends."""
        self.watched.append(path)
        return path

    def assert_clean(self, data: bytes | str, where: str = "this output") -> None:
        """Fail where `data` holds a secret, whole or shortened, plain or encoded."""
        assert_clean(data, where)

    def check_watched(self) -> None:
        """Fail where a secret is in a watched file or in its name."""
        for top in self.watched:
            for path in [top, *top.rglob("*")] if top.is_dir() else [top]:
                assert_clean(str(path), "the name of a file")
                if path.is_file() and not path.is_symlink():
                    assert_clean(path.read_bytes(), f"the file {path}")
