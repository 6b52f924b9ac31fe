"""Env files: python-dotenv's grammar, and an error with its line wherever that would lose data silently."""

import io
import logging
import os
import socket
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dotenv
import dotenv.parser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretsync.core.files import MAX_BYTES, Input
from secretsync.core.names import is_key
from secretsync.project.env_file import EnvFile, parse_env_file, read_env_file
from secretsync.project.env_file_places import locate, unquoted_tail
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory, make_canary
from tests.support.growth import AssertLinear
from tests.support.hostile import ENV_FILE_ATOMS
from tests.support.plans import env_file
from tests.support.processes import open_files


def values(file: EnvFile) -> dict[str, str]:
    """Keys and texts of a file without problems."""
    assert not file.problems, [str(problem) for problem in file.problems]
    return {entry.key: entry.text for entry in file.entries}


def errors(file: EnvFile) -> list[tuple[int | None, str]]:
    """Line and cause of each problem; every one names the file."""
    assert all(problem.file == file.file for problem in file.problems)
    return [(problem.line, problem.cause) for problem in file.problems]


VALUES: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("\n\n  \n# c\n", {}),
    ("A=", {"A": ""}),
    ("A=1", {"A": "1"}),
    (" A = 1 ", {"A": "1"}),
    ("export A=1\n\texport\tB=2", {"A": "1", "B": "2"}),
    ("'A'=1", {"A": "1"}),
    ("A=a b  c ", {"A": "a b  c"}),
    ("A=p#w", {"A": "p#w"}),
    ("A=p #w", {"A": "p"}),
    ("A=#w", {"A": "#w"}),
    ("A= #w", {"A": ""}),
    ("A=1=2", {"A": "1=2"}),
    (
        "discovery.type=single-node\nspring.datasource.url = x",
        {"discovery.type": "single-node", "spring.datasource.url": "x"},
    ),
    ("export my-app.log-level='x'\nA-=1\n_.=2", {"my-app.log-level": "x", "A-": "1", "_.": "2"}),
    ("A\xa0=\xa01\xa0\n\xa0B=2", {"A": "1", "B": "2"}),
    ("A='\u201cx\u201d'\nB=\u201cx\u201d y\nC=x\u201d", {"A": "\u201cx\u201d", "B": "\u201cx\u201d y", "C": "x\u201d"}),
    ('A="p #w" # c', {"A": "p #w"}),
    ("A='p #w'", {"A": "p #w"}),
    ('A="a\\nb\\t\\"\\\\c\\x\\u0041$"', {"A": 'a\nb\t"\\c\\x\\u0041$'}),
    ("A='a\\nb\\'\\\\c'", {"A": "a\\nb'\\c"}),
    ('A="a\n  b\n"\nB=2', {"A": "a\n  b\n", "B": "2"}),
    ("A=a'b\"c", {"A": "a'b\"c"}),
    ("A=$X ${Y} $<Z> `id`", {"A": "$X ${Y} $<Z> `id`"}),
    ("A=\\", {"A": "\\"}),
    ("A=é😀", {"A": "é😀"}),
    # a mark at the start is dropped, one inside is text
    ("\ufeffA=1", {"A": "1"}),
    ("A=\ufeff1", {"A": "\ufeff1"}),
    # line ends
    ("A=1\r\nB='x\r\ny'\r\n", {"A": "1", "B": "x\ny"}),
    ("A=1\rB=2\r", {"A": "1", "B": "2"}),
    ('A="a\\rb"', {"A": "a\rb"}),
    # these end no line
    (
        "A=a\u2028b\nB=a\x85b\nC=a\x0bb\nD=a\x0cb\nE=a\u2029b\nF=a\x1cb",
        {"A": "a\u2028b", "B": "a\x85b", "C": "a\x0bb", "D": "a\x0cb", "E": "a\u2029b", "F": "a\x1cb"},
    ),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_values(text: str, expected: dict[str, str]) -> None:
    """Each text holds exactly these entries, as python-dotenv has them."""
    assert values(env_file(text)) == expected
    assert dotenv.dotenv_values(stream=io.StringIO(text, newline=None), interpolate=False) == expected


ERRORS: list[tuple[bytes, list[tuple[int, str]]]] = [
    (b"A='x", [(1, "not closed")]),
    (b'A=1\n\n# c\nB="x\nC=2\n', [(4, "not closed")]),
    (b"A=1\nfoo bar\nB=2\n= x", [(2, "no '=' after the name"), (4, "no name before '='")]),
    (b"A='x' y", [(1, "text after the closing quote")]),
    (b'\n\n\nA="a\nb" c\nB=1\nA', [(4, "closed in line 5, and text follows there"), (7, "without '='")]),
    (b"export =1", [(1, "no name after 'export'")]),
    (b"A", [(1, "without '='")]),
    (b"\r\n\r\nA # c\r\n", [(3, "without '='")]),
    (b"A=1\n\n\nexport B\n", [(4, "without '='")]),
    (b"export", [(1, "no name after 'export'")]),
    (b"1A=x\n.A=x\n\xc3\x89=x\n'A B'=x\nA\xc2\xad=x", [(line, "") for line in range(1, 6)]),
    (b"\xef\xbb\xbf\xef\xbb\xbfA=1", [(1, "byte order mark")]),
    (b"A=1\n\nB='\n\n'\nA=2", [(6, "already in line 1")]),
    (b"A=1\nexport A=2\n'A'=3", [(2, "already in line 1"), (3, "already in line 1")]),
    (b"A=1\nB=\0x", [(2, "NUL")]),
    (b"A=1\r\nB=\0", [(2, "NUL")]),
    (b"A=1\rB=\0", [(2, "NUL")]),
    (b"A=1\nB=\xe9\n", [(2, "byte 6 of this file is not UTF-8")]),
    (b"A=1\rB=\xe9", [(2, "byte 6 of this file is not UTF-8")]),
    (b"A=1\r\n\r\nB=\xed\xa0\x80", [(3, "byte 9 of this file is not UTF-8")]),
    ("A=1\n".encode("utf-16"), [(1, "UTF-16")]),
    ("A=1\n".encode("utf-16-be"), [(1, "UTF-16 without a byte order mark")]),
    ("A=1\n".encode("utf-16-le"), [(1, "UTF-16 without a byte order mark")]),
    ("A=1\n".encode("utf-32"), [(1, "UTF-32")]),
    (b"\xfe\xff\0A", [(1, "UTF-16")]),
]


@pytest.mark.parametrize(("data", "expected"), ERRORS)
def test_errors(data: bytes, expected: list[tuple[int, str]]) -> None:
    """Everything that would be lost is an error with its line, all of them at once."""
    found = errors(parse_env_file(data, file="x.env"))
    assert [(line, [cause for _, cause in expected if cause in text][:1]) for line, text in found] == [
        (line, [cause]) for line, cause in expected
    ]


LINES: list[tuple[str, list[int]]] = [
    ("A=1\nB=2", [1, 2]),
    ("\n\n  \n\tA=1\n\n\nB=2", [4, 7]),
    ("# c\n\n# d\nA=1 # e\n# f\nB=2", [4, 6]),
    ("A='x\n\ny'\nB=\"\n\"\n\nC=3", [1, 4, 7]),
    ("A=1\r\n\r\nB='x\r\ny'\r\nC=3", [1, 3, 5]),
    ("A=1\r\rB=2", [1, 3]),
    ("\ufeff\n\nA=1", [3]),
    ("A=a\u2028b\x85c\x0bd\x0ce\nB=2", [1, 2]),
    ("\x0b\x0c\n\x85\u2028 A=1", [2]),
    ("A=\nB=\n\nC=", [1, 2, 4]),
]


@pytest.mark.parametrize(("text", "lines"), LINES)
def test_lines(text: str, lines: list[int]) -> None:
    """An entry's line is its key's, whatever stands before it."""
    file = env_file(text)
    assert not file.problems
    assert [entry.line for entry in file.entries] == lines


def test_which_values_are_literal() -> None:
    """Only what stands in single quotes is."""
    file = env_file("A='$<X>'\nB=\"'x'\"\nC=x'y'\nexport 'D' = 'z'\n'E'=\"x\"\nF=\n'G'=''\nH= # '")
    assert [entry.key for entry in file.entries if entry.literal] == ["A", "D", "G"]


def test_comments_above_an_entry() -> None:
    """The lines right above belong to it; a blank line or another entry ends them."""
    file = env_file("# gone\n\n# one\n#  two\nA=1 # not this\nB=2\n# three\n\nC=3\n  ## four\nexport D='x\ny'\n")
    comments = {entry.key: entry.comment for entry in file.entries}
    assert comments == {"A": "one\ntwo", "B": None, "C": None, "D": "four"}


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("A=x #y", "#y"),
        ("A=x # y #z", "# y #z"),
        ("A= #x", "#x"),
        ("A=x#y", ""),
        ("A='x' #y", ""),
        ('A="x" #y', ""),
        ("A=x  ", ""),
        ("A=", ""),
    ],
)
def test_what_was_cut(text: str, tail: str) -> None:
    """The comment behind an unquoted value is what python-dotenv cut off."""
    (entry,) = env_file(text).entries
    assert unquoted_tail(entry) == tail


_files = st.lists(st.sampled_from(ENV_FILE_ATOMS), max_size=14).map("".join)


def _reference(text: str) -> tuple[dict[str, str | None], bool]:
    """Return what python-dotenv reads from a file of this text, and whether it warned."""
    records: list[logging.LogRecord] = []

    class Collect(logging.Handler):
        """Keeps what is logged."""

        def emit(self, record: logging.LogRecord) -> None:
            """Keep it."""
            records.append(record)

    handler = Collect()
    logger = logging.getLogger("dotenv.main")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        read = dotenv.dotenv_values(stream=io.StringIO(text, newline=None), interpolate=False)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    return dict(read), bool(records)


@given(_files | st.text().filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)))
@examples(600)
@example("A='x\\\\'\nB='y'")
@example("export\u2028A=1")
@example("A=1\x1c#x")
@example("A\nA=1\n")
def test_what_python_dotenv_reads_reads_the_same(text: str) -> None:
    """What it reads without a warning has the same values here, unless one of the stricter rules says why not."""
    read, warned = _reference(text)
    file = env_file(text)
    if not file.problems:
        assert not warned
        assert values(file) == read
        return
    causes = [cause for _, cause in errors(file)]
    # A later line may give a key a value, so that the dictionary does not show a key without one.
    parsed = list(dotenv.parser.parse_stream(io.StringIO(text, newline=None)))
    keys = [binding.key for binding in parsed if binding.key is not None]
    is_strict = any(
        (
            "\0" in text,
            len(keys) != len(set(keys)),
            any(not is_key(key) for key in keys),
            any(binding.key is not None and binding.value is None for binding in parsed),
            "there are typographic quotes around the value" in causes,
        )
    )
    assert warned or is_strict


@given(_files)
@examples(300)
def test_every_character_has_its_place(text: str) -> None:
    """The line and the column of each character of a value lead back to it in the file."""
    file = env_file(text)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    escapes = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
    for entry in file.entries:
        if entry.literal:
            continue
        for offset, char in enumerate(entry.text):
            line, column = locate(entry, offset)
            there = (lines[line - 1] + "\n")[column - 1 :]
            assert there[0] == char or (there[0] == "\\" and escapes.get(there[1], there[1]) == char)


@given(st.lists(st.sampled_from((*ENV_FILE_ATOMS, "SECRET", "SECRET", "\0")), max_size=14))
def test_no_error_holds_any_text(atoms: list[str]) -> None:
    """A line pasted without its key is a value: no message repeats it."""
    secret = make_canary(after="-x")  # no name, so that it is no key
    text = "".join(atoms).replace("SECRET", secret)
    for data in (text.encode(), text.encode() + b"\xff", text.encode("utf-16")):
        for problem in parse_env_file(data, file="x.env").problems:
            assert secret[:-2] not in repr(problem)
            assert problem.line
            assert problem.column


def test_an_error_that_is_not_utf8_carries_nothing(canary: CanaryFactory) -> None:
    """The bytes are in no message, and no exception that holds them is left."""
    problems = parse_env_file(f"A={canary()}\n".encode() + b"\xff", file="x.env").problems
    assert len(problems) == 1
    canary.assert_clean(repr(problems))
    assert "0xff" not in repr(problems)


def _directory(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES[Input.ENV_FILE] + 1)


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (os.mkfifo, "not a regular file"),
        (_directory, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.symlink_to("/dev/null"), "not a regular file"),
        (_socket, "a socket"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read"),
        (lambda path: path.symlink_to(path.name), "cannot be read"),
        (_large, "larger than 16 MiB"),
        (lambda path: None, "cannot be read"),
    ],
    ids=["fifo", "directory", "endless device", "device", "socket", "dangling", "loop", "large", "nothing"],
)
def test_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], cause: str
) -> None:
    """It is an error at once, without waiting for a writer or an end, and no descriptor is left open."""
    monkeypatch.chdir(tmp_path)  # a socket's path has little room
    make(Path("x.env"))
    before = open_files()
    (problem,) = read_env_file("x.env", file="x.env", service=None).problems
    assert cause in problem.cause
    assert open_files() == before


def test_a_file_that_grows_is_not_read_without_end(tmp_path: Path) -> None:
    """The cap holds for what is read, whatever the file said of its size."""
    # Files of /proc say that they have none.
    (problem,) = read_env_file("/proc/self/environ", file="x.env", service=None).problems or (None,)
    assert problem is not None
    assert "larger" not in problem.cause
    exact = tmp_path / "exact.env"
    exact.write_bytes(b"A=1\n#" + b"x" * (MAX_BYTES[Input.ENV_FILE] - 5))
    assert values(read_env_file(str(exact), file="exact.env", service=None)) == {"A": "1"}


def test_many_keys_and_long_lines() -> None:
    """A large file is read whole, with the right line at its end, and so are lines of half a million characters."""
    file = env_file("".join(f"K{index}='v{index}'\n\n" for index in range(5_000)))
    assert len(file.entries) == 5_000
    long = "$<A> é \\ x" * 50_000
    assert values(env_file(f'A={long}\nB="{long.replace(chr(92), chr(92) * 2)}"\n')) == {"A": long, "B": long}
    assert file.entries[-1].line == 9_999


@pytest.mark.parametrize(
    ("form", "size"),
    [
        ("K@='v'\n", 200),
        ('K@="v\nw"\n', 200),
        ("# comment\n", 1_000),
        ("# comment\nK@=v\n", 200),
        ("\n", 2_000),
        ("K=v\n", 200),
        ('K@="v\n', 200),
        ("K@='v\nK@=\"v\n", 100),
        ("K@: v\n", 200),
        ("K@ v\n", 200),
        ("K@='v' w\n", 200),
        ("1K@=v\n", 200),
        ("'K @'=v\n", 200),
        ("export\n", 200),
        ("K@\n", 200),
        ("K@={\n1\n}\n", 100),
    ],
)
def test_time_grows_with_the_number_of_lines(assert_linear: AssertLinear, form: str, size: int) -> None:
    """Time grows linearly with the number of entries, comments and mistakes."""

    def prepare(count: int) -> Callable[[], object]:
        return partial(env_file, "".join(form.replace("@", str(index)) for index in range(count)))

    assert_linear(prepare, size)


@pytest.mark.parametrize(
    "unit", ["x", " ", " #", "\t", "\\n", "\\", "x\n", "=", "a b ", "'", '"', "\\'", "\u201c", ":"]
)
@pytest.mark.parametrize(
    "wrap", ["{}", "A={}", "A={}x", "A= {}x", 'A="{}"', "A='{}'", 'A="{}" x', "export {}", "'{}'=x", "A {}=x"]
)
def test_time_grows_with_the_length_of_a_line(assert_linear: AssertLinear, unit: str, wrap: str) -> None:
    """Time grows linearly with the length of a line."""
    assert_linear(lambda size: partial(env_file, wrap.format(unit * (size // len(unit))) + "\nB=1\n"), 500)


def test_a_long_quoted_value_takes_little_memory() -> None:
    """A value of 1 MB takes a small multiple of its size."""
    data = b'A="' + b"x" * 1_000_000 + b'"\n'
    tracemalloc.start()
    try:
        parse_env_file(data, file="x.env")
        assert tracemalloc.get_traced_memory()[1] < 12 * len(data)
    finally:
        tracemalloc.stop()


def test_places_in_a_long_value() -> None:
    """The place of a character is right, although many characters and escapes precede it."""
    (entry,) = env_file('A="' + r"\\ é" * 1_000 + "x" * 400_000 + '$"').entries
    offsets = range(400_000, 402_500, 100)
    assert [locate(entry, offset) for offset in offsets] == [(1, 4 + 1_000 + offset) for offset in offsets]
