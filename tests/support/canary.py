"""Secret values for tests, made so that each trace of one in any output can be found."""

import base64
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

# Every canary is HEAD + something unique + TAIL. They are plain letters and digits, so that quoting by URL, JSON, shell
# or repr leaves them as they are, and are looked for separately, so that a shortened secret is found as well.
HEAD = "c4n4ryhe4d"
TAIL = "c4n4ryt41l"


def make_canary(before: str = "", after: str = "") -> str:
    """A new secret: unique, recognisable, at least 32 characters, with `before` and `after` around it."""
    return f"{before}{HEAD}{secrets.token_hex(6)}{TAIL}{after}"


def _base64(text: bytes) -> Iterator[bytes]:
    """Return the parts of `text` in base64 that are the same wherever it begins in the encoded data."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text)
        # The first and the last characters depend on the neighbours too.
        yield encoded[(0, 2, 3)[shift] : (len(text) + shift) // 3 * 4]


def _forms(text: str) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    data = text.encode()
    yield "plain", re.compile(re.escape(data), re.IGNORECASE)
    yield "reversed", re.compile(re.escape(data[::-1]), re.IGNORECASE)
    yield "base64", re.compile(b"|".join(re.escape(form) for form in _base64(data)))
    yield "hex", re.compile(rb"[ :,]?".join(rb"(?:0x|\\x)?%02x" % byte for byte in data), re.IGNORECASE)
    yield "URL-quoted", re.compile(b"".join(rb"(?:%%%02x|%c)" % (byte, byte) for byte in data), re.IGNORECASE)
    yield "JSON-escaped", re.compile(b"".join(rb"(?:\\u00%02x|%c)" % (byte, byte) for byte in data), re.IGNORECASE)
    yield "list of bytes", re.compile(rb",\s*".join(b"%d" % byte for byte in data))
    yield "UTF-16", re.compile(rb"\x00".join(b"%c" % byte for byte in data))


_FORMS = [(name, pattern) for part in (HEAD, TAIL) for name, pattern in _forms(part)]


def find_leaks(data: bytes | str) -> tuple[str, ...]:
    """The forms ("plain", "base64", "hex", ...) in which `data` holds a canary or an end of one; empty: it is clean."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    return tuple(dict.fromkeys(name for name, pattern in _FORMS if pattern.search(data)))


def assert_clean(data: bytes | str, where: str) -> None:
    """Fail where `data` holds a canary; the message says where and how, and does not repeat it."""
    __tracebackhide__ = True  # a traceback would show the data
    leaks = find_leaks(data)
    if leaks:
        message = f"a secret leaked into {where} ({', '.join(leaks)})"
        raise AssertionError(message)


class CanaryFactory:
    """Makes secrets, and keeps an eye on files that must never hold one."""

    def __init__(self) -> None:
        self.watched: list[Path] = []

    def __call__(self, before: str = "", after: str = "") -> str:
        """A new secret with `before` and `after` around it: unique, recognisable, 32 characters and more."""
        return make_canary(before, after)

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
