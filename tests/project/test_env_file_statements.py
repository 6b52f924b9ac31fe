"""The statements of env files are those of python-dotenv's parser, whichever way they are read."""

import io
import random
from collections.abc import Iterator

import dotenv.parser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretsync.project import env_file_statements
from secretsync.project.env_file_statements import read_statements
from tests.support.amounts import AMOUNTS, examples
from tests.support.hostile import ENV_FILE_ATOMS

# Lines as people write them, so that most drawn files mix both ways.
_LINES = (
    *(
        "A=1",
        "export B=2",
        " C = 3 ",
        "D=",
        "E= # c",
        "F=a b # c",
        "G=a#b",
        'H="a b" # c',
        "I='a b'#c",
        'J="a\\nb"',
        "K='a",
    ),
    *(
        'L="a',
        'b"',
        "c'",
        "# comment",
        "  # comment",
        "",
        "  ",
        "M",
        "N N=1",
        "export",
        "export =1",
        "export  O=1",
        "1=2",
        "a.b-c=d",
    ),
    *(
        "=x",
        "'P'=1",
        "Q='a' b",
        "R=a\x0b#b",
        "S=\u00a0x",
        "\u2028T=1",
        "U=\u201cx\u201d",
        "exportV=1",
        "export\tW=1",
        "X=a\\",
        "Y=#",
        "Z =\t",
    ),
    *("É=1", "_=1", "A_=$<x:-'>", 'B="x"y', "\ufeff", "\x1cC=1", "D=1\x85E=2", "\x0c# c", "=\u3000=", "F ='", "-=1"),
)
_files = (
    st.lists(st.sampled_from(_LINES), max_size=8).map("\n".join)
    | st.lists(st.sampled_from(ENV_FILE_ATOMS), max_size=14).map("".join)
    | st.text(st.sampled_from("aA=#'\"\\ \t\n\x0b\x85\u2028\ufeffexport"), max_size=16)
).map(lambda text: text.replace("\r\n", "\n").replace("\r", "\n"))


def _by_parser(text: str) -> list[tuple[object, ...]]:
    """Return what the parser alone says: line, source, key, value, comment, and if a blank line is before it."""
    found: list[tuple[object, ...]] = []
    for binding in dotenv.parser.parse_stream(io.StringIO(text)):
        original = binding.original.string
        blank = original[: len(original) - len(original.lstrip())]
        source = original[blank.rfind("\n") + 1 :]
        line = binding.original.line + blank.count("\n")
        if binding.key is not None or binding.error:
            found.append((line, source, binding.key, binding.value, None, "\n" in blank))
        elif source.strip():
            found.append((line, source, None, None, source.strip(), "\n" in blank))
    return found


@given(_files)
@examples(2_000)
@example("\ufeff\ufeffA='\\\n'\nB=1")
@example("export\u2028A=1")
@example("A='x\\\\'\nB='y'\n\n#c\n")
def test_both_ways_read_the_same(text: str) -> None:
    """The lines that string methods read have the same key, value, text and place as with the parser."""
    assert _read(text) == _by_parser(text)


def _read(text: str) -> list[tuple[object, ...]]:
    """Return what both ways together read: line, source, key, value, comment, and if a blank line is before it."""
    return [
        (one.line, one.source, one.key, one.value, one.comment, one.is_after_blank) for one in read_statements(text)
    ]


def random_texts(count: int, seed: int) -> Iterator[str]:
    """Yield env files of lines as people write them, of hostile pieces, and of both."""
    draw = random.Random(seed)
    pieces = [[f"{line}\n" for line in _LINES], list(ENV_FILE_ATOMS), list("aA=#'\"\\ \t\n\x0b\x85\u2028\ufeffexport")]
    pieces.append([*pieces[0], *pieces[1]])
    for number in range(count):
        text = "".join(draw.choices(pieces[number % len(pieces)], k=draw.randint(1, 9)))
        yield text.replace("\r\n", "\n").replace("\r", "\n")


def test_random_texts_read_the_same(pytestconfig: pytest.Config) -> None:
    """Random env files, a million in the long run, have the same statements with both ways."""
    option = pytestconfig.option
    wrong = next(
        (t for t in random_texts(AMOUNTS[option.amount].env_files, option.hostile_seed) if _read(t) != _by_parser(t)),
        None,
    )
    assert wrong is None, f"--hostile-seed={option.hostile_seed}: {wrong!r}"


@pytest.mark.parametrize(
    ("line", "quote"),
    [
        ("A=1", "1"),
        ("A=''", "'"),
        ('export A = "x" # c', '"'),
        ("A='a\\'b'", "'"),
        ('A="a\nb"', '"'),
        ("A=", ""),
        ("A= # c", "#"),
    ],
)
def test_quotes(line: str, quote: str) -> None:
    """The first character of the value says if the value is literal."""
    [statement] = read_statements(line)
    assert statement.quote == quote


def test_ordinary_lines_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments, blank lines, `export`, quotes and inline comments are read without python-dotenv, which takes time."""
    monkeypatch.delattr(env_file_statements, "_Parser")
    text = "# c\n\nexport A=1\nB = \"x y\"  # c\nC='x'\nD=a#b # c\nE=\n"
    assert [statement.value for statement in read_statements(text) if statement.key] == ["1", "x y", "x", "a#b", ""]
