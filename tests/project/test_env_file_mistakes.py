"""Each kind of wrong line has its own message, with the line and the column of the wrong character, and no value."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.errors import Problem
from secretsync.project.env_file import parse_env_file
from tests.support.amounts import examples
from tests.support.canary import make_canary
from tests.support.growth import AssertLinear

# A line, the column of its mistake, the cause, and a part of the next step. @ is a secret.
MISTAKES: dict[str, tuple[str, int, str, str]] = {
    # other languages
    "YAML": ("A: @", 2, "there is ':' after the name in the place of '='", "write NAME=value"),
    "YAML with spaces": ("A : @", 3, "there is ':' after the name in the place of '='", "write NAME=value"),
    "YAML directive": ("%YAML 1.2", 1, "this line is YAML", "remove the line"),
    "YAML with =": ("URL: https://@/?a=b", 4, "there is ':' after the name", "write NAME=value"),
    "YAML list": ("- A=@", 1, "this line is an item of a list in YAML", "without '-'"),
    "YAML document": ("---", 1, "this line is YAML", "remove the line"),
    "properties": ("a.b:@", 4, "there is ':' after the name", "write NAME=value"),
    "JSON": ('{"A": "@"}', 1, "this line is JSON", "write NAME=value"),
    "JSON member": ('  "A": "@=x",', 3, "this line is JSON", "write NAME=value"),
    "JSON end": ("}", 1, "this line is JSON", "write NAME=value"),
    "section": ("[production]", 1, "this line is the header of a section", "remove the line"),
    "section with comment": ("[a.b] ; @", 1, "this line is the header of a section", "remove the line"),
    "Dockerfile": ("ENV A=@", 1, "'ENV' is a word of a Dockerfile", "without 'ENV'"),
    "docker run": ("-e A=@", 1, "this line is an option of a command line", "write NAME=value alone"),
    "docker run, long": ("--env A=@", 1, "this line is an option of a command line", "write NAME=value alone"),
    "GitHub": ("A<<EOF", 2, "a block as in $GITHUB_ENV begins here", 'NAME="first line'),
    "Dockerfile ARG": ("ARG A", 1, "'ARG' is a word of a Dockerfile", "without 'ARG'"),
    "declare": ('declare -x A="@"', 1, "'declare' is a word of a shell", "without 'declare'"),
    "csh": ("setenv A @", 1, "'setenv' is a word of csh", "without 'setenv'"),
    "cmd": ("set A=@", 1, "'set' is a word of Windows or of a shell", "without 'set'"),
    "fish": ("set -gx A @", 1, "'set' is a word of Windows or of a shell", "without 'set'"),
    "shell option": ("set -x", 1, "'set' is a command of a shell", "remove the line"),
    "shell command": ("source ./@", 1, "'source' is a command of a shell", "remove the line"),
    "shell if": ("if [ -f x ]; then", 1, "'if' is a command of a shell", "remove the line"),
    "shell prompt": ("$ export A=@", 1, "this line begins with the prompt of a shell", "without '$'"),
    "PowerShell": ('$env:A = "@"', 1, "this line is a command of PowerShell", "write NAME=value"),
    "PowerShell, long": ('[Environment]::SetEnvironmentVariable("A", "@")', 1, "a command of PowerShell", "write NAME"),
    "Perl": ("$A=@", 1, "there is a '$' before the name", "remove it"),
    "JavaScript": ('const A = "@"', 1, "'const' is a word of JavaScript", "without 'const'"),
    "Make": ("A:=@", 2, "there is ':=' in the place of '='", "write NAME=value"),
    "append": ("A+=@", 2, "there is '+=' in the place of '='", "write NAME=value"),
    "XML": ('<add key="A" value="@"/>', 1, "this line is XML or HTML", "write NAME=value"),
    "Markdown": ("```sh", 1, "this line is Markdown", "remove the line"),
    "merge": ("<<<<<<< HEAD", 1, "this is a mark of a merge conflict of git", "resolve the conflict"),
    "merge, middle": ("=======", 1, "this is a mark of a merge conflict of git", "resolve the conflict"),
    "encrypted": ("$ANSIBLE_VAULT;1.1;AES256", 1, "an encrypted file, without a name", "decrypt the file first"),
    "age": ("age-encryption.org/v1", 1, "an encrypted file, without a name", "decrypt the file first"),
    "PEM": ("-----BEGIN PRIVATE KEY-----", 1, "this is a block of PEM", 'write NAME="..."'),
    # comments
    "comment ;": ("; @", 1, "this is a comment of another language", "begin the comment with '#'"),
    "comment //": ("// A=@", 1, "this is a comment of another language", "begin the comment with '#'"),
    "comment /*": ("/* @ */", 1, "this is a comment of another language", "begin the comment with '#'"),
    "comment --": ("-- A=@", 1, "this is a comment of another language", "begin the comment with '#'"),
    "comment REM": ("REM A=@", 1, "this is a comment of another language", "begin the comment with '#'"),
    # the name
    "no name": ("=@", 1, "there is no name before '='", "write NAME=value"),
    "no name, indented": ("  = @", 3, "there is no name before '='", "write NAME=value"),
    "no name after export": ("export =@", 7, "there is no name after 'export'", "write export NAME=value"),
    "option of export": ("export -n A=@", 8, "there is an option after 'export'", "write export NAME=value"),
    "Export": ("Export A=@", 1, "'Export' is not 'export'", "write export NAME=value"),
    "space in the name": ("B C=@", 2, "there is white space in the name", "write '_' in place of the space"),
    "tab in the name": ("B\tC=@", 2, "there is white space in the name", "write '_' in place of the space"),
    "no-break space": ("B\xa0C=@", 2, "a space that is not a blank (U+00A0) in the name", "a name is one word"),
    "digit": ("1A=@", 1, "a name cannot begin with a digit", "begins with a letter or '_'"),
    "dot": (".A=@", 1, "a name cannot begin with this character", "begins with a letter or '_'"),
    "hyphen": ("-A=@", 1, "a name cannot begin with this character", "begins with a letter or '_'"),
    "index": ("servers[0]=@", 8, "a name cannot have this character", "a name is letters, digits"),
    "letter": ("CLÉ=@", 3, "there is a letter outside ASCII in the name", "a name is letters, digits"),
    "dash": ("A\u2013B=@", 2, "there is a dash that is not '-' (U+2013)", "replace it by '-' or '_'"),
    "invisible": ("A\u200b=@", 2, "there is an invisible character (U+200B)", "type the name again"),
    "control character": ("A\x07B=@", 2, "there is a control character (U+0007)", "delete it"),
    "end of a file of DOS": ("\x1a", 1, "there is a control character (U+001A)", "delete it"),
    "soft hyphen": ("A\xadB=@", 2, "there is an invisible character (U+00AD)", "type the name again"),
    "quoted name": ('"A"=@', 1, "there are double quotes around the name", "remove them"),
    "quoted space": ("'A B'=@", 3, "there is white space in the name", "a name is one word"),
    "quote in the name": ('A"=@', 2, "there is a quote in the name", "remove it"),
    "typographic name": ("\u201cA\u201d=@", 1, "there is a typographic quote (U+201C)", "replace it by ' or \""),
    "colon of another script": ("A\uff1a@", 2, "there is U+FF1A in the place of '='", "type '=' again"),
    "other equal sign": ("A\uff1d@", 2, "there is U+FF1D in the place of '='", "type '=' again"),
    # the equal sign
    "no equal sign": ("A @", 2, "there is no '=' after the name", "write NAME=value"),
    "tab": ("A\t@", 2, "there is no '=' after the name", "write NAME=value"),
    "arrow": ("A -> @", 2, "there is no '=' after the name", "write NAME=value"),
    "URL": ("URL postgres://@/?a=b", 4, "there is no '=' after the name", "write NAME=value"),
    "name alone": ("A", 2, "there is a name without '='", "write NAME= for an empty value"),
    "export alone": ("export A # @", 9, "there is a name without '='", "write NAME= for an empty value"),
    "base64 alone": ("@+/", 1, "there is no '=' in this line", "put that value in quotes"),
    # the value
    "text after": ('B="@"y', 0, "there is text after the closing quote", "remove it"),
    "semicolon after": ("B='@';", 0, "there is text after the closing quote", "remove it"),
    "three quotes": ('B="""@"""', 3, "there are three quotes before the value", 'write " once before and once after'),
    "three single quotes": ("B = '''@'''", 5, "there are three quotes before the value", "write ' once before"),
    "apostrophe": ("B='it's'", 7, "there is text after the closing quote", "\\' for a quote inside the value"),
    "typographic value": ("B=\u201c@\u201d", 3, "there are typographic quotes around the value", "in single quotes"),
}
# Without other quotes of the same kind below, because those would close the value.
OPEN: dict[str, tuple[str, int, str, str]] = {
    "unclosed": ('A="@', 3, "the quote that opens here is not closed", 'write " at the end'),
    "unclosed single": ("A='@", 3, "the quote that opens here is not closed", "write ' at the end"),
    "folder of Windows": ('A="C:\\@\\"', 3, "the quote that opens here is not closed", 'write \\\\" at the end'),
    "typographic end": ('A="@\u201d', 3, "is not closed", "a typographic quote does not close it"),
    "lone quote": ('"', 1, "there is a quote in the place of a name", "look above for the beginning of the value"),
}


def problems_of(text: str) -> list[Problem]:
    """Return the problems of a file."""
    return list(parse_env_file(text.encode(), file="x.env").problems)


def check(problem: Problem, line: int, column: int, cause: str, hint: str) -> None:
    """Compare a problem with what is expected; the column 0 is not compared."""
    assert cause in problem.cause
    assert hint in str(problem.hint)
    assert (problem.line, problem.column or 0) == (line, column or problem.column)
    assert problem.key is None


@pytest.mark.parametrize("kind", [*MISTAKES, *OPEN])
def test_cause_and_place(kind: str) -> None:
    """A line of each kind has its cause, its place and the next step, in all line ends and after a byte order mark."""
    line, column, cause, hint = {**MISTAKES, **OPEN}[kind]
    secret = make_canary()
    line = line.replace("@", secret)
    # The last line of each file is an entry that no quote can swallow.
    for text, number in (
        (line, 1),
        (f"{line}\nZ=1\n", 1),
        (f"# c\nA1=1\n\n{line}\nZ=1", 4),
        (f"A1=1\r\n{line}\r\nZ=1\r\n", 2),
        (f"A1=1\r{line}\rZ=1\r", 2),
        (f"\ufeff{line}\n", 1),
        (f"A1='x\ny'\n{line}", 3),
    ):
        (problem,) = problems_of(text)
        check(problem, number, column, cause, hint)
        assert secret not in repr(problem)


@pytest.mark.parametrize(
    ("block", "line", "column", "cause"),
    [
        ('A="""\n@\nB=@\n"""', 2, 3, "there are three quotes before the value"),
        ("export A='''@\n@ x\nB C'''", 2, 10, "there are three quotes before the value"),
        ("A<<EOF\n@\n@ x\nEOF", 2, 2, "a block as in $GITHUB_ENV begins here"),
        ("A=@ \\\n  @\\\n  x @", 2, -1, "a backslash at the end of a line does not continue the value"),
        ("A='1'\nA2=@\\\n  @", 3, -1, "a backslash at the end of a line does not continue the value"),
    ],
)
def test_a_block_of_lines_is_one_problem(block: str, line: int, column: int, cause: str) -> None:
    """The problem is at the first line of the block, and the lines behind the block are read; -1: the last column."""
    block = block.replace("@", make_canary())
    for end in ("\n", "\r\n"):
        (problem,) = problems_of(f"Z=1\n{block}\nY=1\nX=2\n".replace("\n", end))
        assert cause in problem.cause
        expected = len(f"Z=1\n{block}".split("\n")[line - 1]) if column < 0 else column
        assert (problem.line, problem.column) == (line, expected)
    (problem, other) = problems_of(f"{block}\nA B\n")
    assert (cause in problem.cause, "no '='" in other.cause) == (True, True)


def test_a_backslash_counts_for_the_next_line_only() -> None:
    """A line further below has its own cause, because a folder of Windows ends in a backslash too."""
    (problem,) = problems_of("A=C:\\dir\\\nB=1\nC D\n")
    assert (problem.line, problem.cause) == (3, "there is no '=' after the name")
    assert problems_of("A=C:\\dir\\\nB=1\n") == []


@pytest.mark.parametrize(
    ("begin", "cause"),
    [
        (b"\0GITCRYPT\0", "is encrypted by git-crypt"),
        (b"age-encryption.org/v1\n", "is encrypted by age"),
        (b"Salted__", "is encrypted by openssl"),
        (b"\x1f\x8b\x08", "is compressed by gzip"),
        (b"\x28\xb5\x2f\xfd", "is compressed by zstd"),
        (b"PK\x03\x04", "is a ZIP archive"),
        (b"\x85\x01", "may be encrypted by GnuPG"),
    ],
)
def test_files_that_are_not_text(begin: bytes, cause: str) -> None:
    """A file that is encrypted or compressed is named as such."""
    secret = make_canary()
    (problem,) = parse_env_file(begin + secret.encode() + bytes(range(256)), file="x.env").problems
    assert cause in problem.cause
    assert (problem.line, problem.column) == (1, 1)
    assert secret not in repr(problem)


def test_text_after_has_its_column() -> None:
    """The column is that of the text after the closing quote, also after white space and escapes."""
    for text, line, column in (
        ('B="x"y', 1, 6),
        ('B="x"  y', 1, 8),
        ('  export B = "x\\"" y', 1, 20),
        ("B='\u00e9' y", 1, 7),
    ):
        (problem,) = problems_of(text)
        assert (problem.line, problem.column) == (line, column)


def test_a_quote_that_is_closed_too_late() -> None:
    """The place is the beginning of the value, and the cause names the line in which the quote is closed."""
    (problem,) = problems_of('Z=1\nA="x\nB=2\nC="y"\nD=4')
    check(problem, 2, 3, "the quote that opens here is closed in line 4", "close it in its own line")


_BLOCK = "GitHub"  # the lines behind it belong to it
_SIMPLE = sorted(kind for kind, row in MISTAKES.items() if "'" not in row[0] and kind != _BLOCK)


@given(
    st.lists(st.sampled_from(_SIMPLE) | st.none(), max_size=12), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)
@examples(300)
def test_every_kind_at_every_place(kinds: list[str | None], end: str, has_mark: bool) -> None:
    """Several mistakes in one file each have their line and column; good lines between them stay entries."""
    secret = make_canary()
    lines = [
        f"K{index}=v" if kind is None else MISTAKES[kind][0].replace("@", secret) for index, kind in enumerate(kinds)
    ]
    file = parse_env_file((("\ufeff" if has_mark else "") + end.join(lines)).encode(), file="x.env")
    expected = [(number, kind) for number, kind in enumerate(kinds, 1) if kind is not None]
    assert len(file.problems) == len(expected)
    for problem, (number, kind) in zip(file.problems, expected, strict=True):
        _, column, cause, hint = MISTAKES[kind]
        check(problem, number, column, cause, hint)
    assert [entry.line for entry in file.entries] == [number for number, kind in enumerate(kinds, 1) if kind is None]
    assert secret not in repr(file.problems)


BLOCKS = [
    ("-----BEGIN PRIVATE KEY-----", ["MIIE+@", "abcd=", "ab+cd==", "-----END PRIVATE KEY-----"], 'write "'),
    ("{", ['  "user": "x",', '  "password": "@"', "}"], "write '"),
    ("[", ['  "@",', "  2", "]"], "write '"),
]


@pytest.mark.parametrize(("first", "rest", "hint"), BLOCKS)
def test_a_value_of_several_lines_without_quotes(first: str, rest: list[str], hint: str) -> None:
    """One problem at the first line stands for all lines of the value, and the lines below are read."""
    secret = make_canary()
    text = "\n".join(["Y=1", f"  KEY={first}", *rest, "Z=1", "B C=3"]).replace("@", secret)
    file = parse_env_file(text.encode(), file="x.env")
    block, other = file.problems
    check(block, 2, 7, "a value of several lines begins here without quotes", hint)
    check(other, len(rest) + 4, 2, "there is white space in the name", "")
    assert [entry.key for entry in file.entries] == ["Y", "KEY", "Z"]
    assert secret not in repr(file.problems)


def test_a_value_that_only_looks_like_a_block() -> None:
    """A line that is an entry by itself stays one."""
    for text in ("A={\nB=1", "A=[]\nB=1", "A={}\nB=1", "A=-----BEGIN\nB=1"):
        assert not problems_of(text)
    (problem,) = problems_of("A={\n\nB C=1")
    check(problem, 3, 2, "there is white space in the name", "")


ENCODINGS: list[tuple[bytes, int, int, str, str]] = [
    ("A=1\r\nB=2\r\n".encode("utf-16"), 1, 1, "this file is UTF-16", "PowerShell 5"),
    (b"\xfe\xff" + "A=1\n".encode("utf-16-be"), 1, 1, "this file is UTF-16", "save the file as UTF-8"),
    ("A=1\n".encode("utf-16-le"), 1, 1, "this file is UTF-16 without a byte order mark", "save the file as UTF-8"),
    ("A=1\n".encode("utf-32"), 1, 1, "this file is UTF-32", "save the file as UTF-8"),
    (b"A=1\nB=\xfcx\n", 2, 3, "byte 6 of this file is not UTF-8", "Latin-1"),
    (b"A=1\r\nB=\xc3\xa9\xfc\r\n", 2, 4, "byte 9 of this file is not UTF-8", "Latin-1"),
    (b"\xef\xbb\xbfB=\x93x\x94", 1, 3, "byte 5 of this file is not UTF-8", "Windows-1252"),
    (b"A=1\nB=x\0y\n", 2, 4, "there is a NUL character", "remove it"),
    (b"A=1\0B=2\0", 1, 4, "there is a NUL character in the place of a line end", "env -0"),
]


@pytest.mark.parametrize(("data", "line", "column", "cause", "hint"), ENCODINGS)
def test_encodings(data: bytes, line: int, column: int, cause: str, hint: str) -> None:
    """A file in another encoding has its cause, and the place of the first wrong character."""
    (problem,) = parse_env_file(data, file="x.env").problems
    check(problem, line, column, cause, hint)


@pytest.mark.parametrize(
    "form",
    [
        "A#='text'",
        "a.b-#=x",
        "B C#=3",
        "A#: x",
        '"A#": 1',
        "; #",
        "A#='x'y",
        "A#=\u201cx\u201d",
        'A#="x',
        "A=1",
        "A#={",
        "A#=-----BEGIN X-----\nab+",
        'A#="""x',
        "A#<<EOF",
        "A#=x\\\nB C",
        "'#",
        "A\u200b#=",
        "declare -x A#='1'",
        "#" * 9,
        "  \t" * 9,
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_growth(form: str, end: str, assert_linear: AssertLinear) -> None:
    """Many lines take time in proportion to their number, also if each line is wrong."""

    def prepare(count: int) -> Callable[[], object]:
        data = end.join(form.replace("#", str(index), 1) for index in range(count)).encode()
        return lambda: parse_env_file(data, file="x.env")

    assert_linear(prepare, 150)


@pytest.mark.parametrize(
    "unit", ["A", "A ", " ", "A:", '"', "'", "\\", "[", "{", "=", "\u201c", "-", "A=", "\u200b", "\t="]
)
def test_growth_of_one_line(unit: str, assert_linear: AssertLinear) -> None:
    """One wrong line takes time in proportion to its length."""

    def prepare(count: int) -> Callable[[], object]:
        data = f"A B{unit * count}".encode()
        return lambda: [parse_env_file(start, file="x.env") for start in (data, data[3:], b'A="' + data)]

    assert_linear(prepare, 2_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SECRETSYNC_RESOLVED={}", "is a name that `secretsync run` sets for the application; rename or remove"),
        (
            "export SECRETSYNC_RESOLVED_KEY=x",
            "is a name that `secretsync run` sets for the application; rename or remove",
        ),
        (
            "SECRETSYNC_RESOLVED_VALUE_1='x'",
            "is a name that `secretsync run` sets for the application; rename or remove",
        ),
        ("SECRETSYNC_ENV=staging", "is read before the env files, so that it selects nothing here; set it in"),
        ("SECRETSYNC_ROOT=/srv", "is read before the env files, so that it selects nothing here; set it in"),
    ],
)
def test_names_of_secretsync(text: str, words: str) -> None:
    """Refuse names that `run` sets, and names that an env file cannot set in time, with file and line."""
    (problem,) = parse_env_file(f"A=1\n{text}\nB=2\n".encode(), file="x.env").problems
    assert str(problem).startswith("x.env:2:")
    assert words in str(problem)


@pytest.mark.parametrize("text", ["SECRETSYNC_ACCESS_LOG=x", "SECRETSYNC_RESOLVEDLY=x", "APP_SECRETSYNC_ENV=x"])
def test_other_names_of_secretsync(text: str) -> None:
    """Accept names that only look like those."""
    assert parse_env_file(text.encode(), file="x.env").problems == ()


@pytest.mark.parametrize(
    "text",
    ["A=<<EOF\nx y\nB=1\nEOF\n", "A=<<EOF\nB=1\n\nx y\nEOF\n", "A=<<-'END'\nx y\n  END\n", 'A=<< "END"\nx y\nEND\n'],
)
def test_here_documents(text: str) -> None:
    """The problem is at the first line of a here-document, and its lines are no problems of their own."""
    read = parse_env_file(f"{text}C=1\n".encode(), file="x.env")
    (problem,) = read.problems
    assert (problem.line, problem.column) == (1, 3)
    assert "here-document" in problem.cause
    assert read.entries[-1].key == "C"
