"""Find the cause of a line that is not an entry of an env file.

No cause and no hint repeats a part of the line, because a line may be a pasted value. Only words of other languages are
repeated, such as `declare`.
"""

from __future__ import annotations

import re

from secretsync.core.model import Entry
from secretsync.core.names import is_key
from secretsync.core.records import Record


class Mistake(Record):
    """The cause of a wrong line, and the next step."""

    offset: int  # of the wrong character, from 0, in the text of the statement
    cause: str
    hint: str


_ENTRY_HINT = "write NAME=value"
_NAME_HINT = "a name is letters, digits, '_', '.' and '-', and begins with a letter or '_'"
_QUOTE_HINT = "replace it by ' or \""
_LINE_HINT = "remove the line"
_NAME_ALONE = "there is a name without '='"
_NO_EQUAL_SIGN = "there is no '=' after the name"

# Lines of other languages: a pattern for the beginning of a line without its indentation, the cause, the hint.
_OTHER_LANGUAGES: tuple[tuple[str, str, str], ...] = (
    (r"(?:<{7}|={7}|>{7}|\|{7})(?:\s|$)", "this is a mark of a merge conflict of git", "resolve the conflict"),
    (
        r"-----BEGIN |\$ANSIBLE_VAULT;|age-encryption\.org/",
        "this is a block of PEM, or an encrypted file, without a name",
        'write NAME="..." around it, or decrypt the file first',
    ),
    (r"(?:---|\.\.\.)\s*$|%YAML\s", "this line is YAML", _LINE_HINT),
    (r"(?:-e|--env|--build-arg)(?:\s|=)", "this line is an option of a command line", f"{_ENTRY_HINT} alone"),
    (r"-\s", "this line is an item of a list in YAML", f"{_ENTRY_HINT} without '-'"),
    (r"```|~~~", "this line is Markdown", _LINE_HINT),
    (
        r";|//|/\*|\*/|--\s|<!--|::\s|(?i:rem)\s|!\s",
        "this is a comment of another language",
        "begin the comment with '#'",
    ),
    (r"<[A-Za-z/?!]", "this line is XML or HTML", _ENTRY_HINT),
    (r"(?i:\$env:|\[(?:System\.)?Environment\]::)", "this line is a command of PowerShell", _ENTRY_HINT),
    (r"\$\s", "this line begins with the prompt of a shell", f"{_ENTRY_HINT} without '$'"),
    (r"\$\{?[A-Za-z_]\w*\}?\s*=", "there is a '$' before the name", "remove it"),
    (
        r"\[[^\]\"'{}]+\]\s*(?:[#;].*)?$",
        "this line is the header of a section, as INI files and TOML have it",
        _LINE_HINT,
    ),
    (r"[{}\[\]]|\"[^\"]*\"\s*:", "this line is JSON", f"{_ENTRY_HINT}, one entry in each line"),
)

# First words of lines of other languages, and what they belong to.
_SHELL = "a shell"
_WORDS = {
    **dict.fromkeys(("declare", "typeset", "readonly", "local", "let", "env", "alias"), _SHELL),
    **dict.fromkeys(("set", "SET", "Set", "setx", "SETX"), "Windows or of a shell"),
    "setenv": "csh",
    **dict.fromkeys(("ENV", "ARG"), "a Dockerfile"),
    **dict.fromkeys(("SetEnv", "PassEnv"), "Apache"),
    **dict.fromkeys(("const", "var"), "JavaScript"),
}
_COMMANDS = frozenset(
    [
        "unset",
        "source",
        ".",
        "eval",
        "echo",
        "cd",
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "for",
        "while",
        "do",
        "done",
        "case",
        "esac",
        "function",
        "return",
        "exit",
    ]
)

# Variables that choose the env files, and the options that do the same.
_READ_BEFORE_FILES = {"SECRETSYNC_ENV": "-e NAME", "SECRETSYNC_ROOT": "--root DIR"}
_TYPOGRAPHIC = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a\uff02\uff07"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063"  # no-width characters
_INVISIBLE += "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # directions of text
_EQUAL_SIGNS = "\uff1d\ufe66\ua78a\u207c\u208c\uff1a\ufe55\u2236"  # and colons

_TRIPLE_QUOTES = ('"""', "'''")
_GITHUB_BLOCK = re.compile(r"\s*[A-Za-z_]\w*<<([A-Za-z_]\w*)\s*$")
HEREDOC = re.compile(r"<<-?\s?[\"'\\]?([A-Za-z_]\w*)[\"']?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_VALUES = {"'": re.compile(r"'(?:\\.|[^'\\])*'", re.DOTALL), '"': re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)}


def find_mistake(statement: str, key: str | None, number: int) -> Mistake:
    """Return the mistake in `statement`, the lines that python-dotenv read as one. It begins with its indentation.

    `key`: the key that python-dotenv read; None if it read none. `number`: the number of the first line.
    """
    start = len(statement) - len(statement.lstrip())
    line = statement[start:].partition("\n")[0].rstrip()
    found = _other_language(line) or _in_export(line) or _at_begin(line)
    if found is None:
        begin = re.match(r"(?:export\s+)?", line).end()  # type: ignore[union-attr]
        found = (
            _in_quoted_key(statement[start:], key, number)
            or _in_name(line, begin)
            or _in_value(statement[start:], begin, number)
        )
    return Mistake(start + found.offset, found.cause, found.hint)


def _other_language(line: str) -> Mistake | None:
    for pattern, cause, hint in _OTHER_LANGUAGES:
        if re.match(pattern, line):
            return Mistake(0, cause, hint)
    word, _, rest = line.partition(" ") if " " in line else line.partition("\t")
    if rest.lstrip().startswith("="):  # the word is the name
        return None
    if word in _COMMANDS or re.match(r"set\s+[-+][a-zA-Z]+(?:\s+[a-z]+)?$", line):  # set -a, set -o pipefail
        return Mistake(0, f"{word!r} is a command of a shell", f"{_LINE_HINT}, because env files do not have commands")
    if word in ("Export", "EXPORT", "exports") and rest:
        return Mistake(0, f"{word!r} is not 'export'", "write export NAME=value")
    if word in _WORDS and rest:
        return Mistake(0, f"{word!r} is a word of {_WORDS[word]}", f"{_ENTRY_HINT} without {word!r}")
    return None


def _in_export(line: str) -> Mistake | None:
    found = re.match(r"export(\s*)(?:$|#|=|(-\w))", line)
    if found is None:
        return None
    if found[2]:
        return Mistake(found.start(2), "there is an option after 'export'", "remove it: write export NAME=value")
    if found[0].endswith("=") and not found[1]:  # export=1
        return None
    return Mistake(len("export"), "there is no name after 'export'", "write export NAME=value")


def _at_begin(line: str) -> Mistake | None:
    """Return the mistake of a line that does not begin with a name."""
    first = line[:1]
    if first == "=":
        return Mistake(0, "there is no name before '='", _ENTRY_HINT)
    if first == '"' and re.match(r'"[^"]*"\s*=', line):
        return Mistake(0, "there are double quotes around the name", "remove them")
    if first in ("'", '"', "`") and not re.match(r"'[^']+'\s*=", line):
        hint = "if it ends a value of several lines, look above for the beginning of the value"
        return Mistake(0, "there is a quote in the place of a name", hint)
    return None


def _in_quoted_key(statement: str, key: str | None, number: int) -> Mistake | None:
    """Return the mistake of a name in single quotes, which python-dotenv accepts around any text."""
    quoted = re.match(r"(?:export\s+)?'([^']+)'", statement)
    if quoted is None:
        return None
    name = quoted[1]
    if not is_key(name):
        good = _NAME.match(name)
        return _wrong_character(name, good.end() if good else 0, quoted.start(1))
    rest = statement[quoted.end() :].lstrip(" \t")
    if not rest.startswith("="):
        return Mistake(
            quoted.end(), _NAME_ALONE if key is not None else _NO_EQUAL_SIGN, "write NAME= for an empty value"
        )
    return _in_value(statement, quoted.end(), number)


def _in_name(line: str, begin: int) -> Mistake | None:
    """Return the mistake between the beginning of the name, at `begin`, and the equal sign; None if it is behind."""
    name = _NAME.match(line, begin)
    end = name.end() if name else begin
    rest = line[end:]
    if rest.lstrip().startswith("=") and name:
        return None
    if name and (not rest or re.match(r"\s*#", rest)):
        return Mistake(end, _NAME_ALONE, "write NAME= for an empty value")
    operator = re.match(r"\s*([:+?!.]{1,2}=)", rest) if name else None
    if operator is not None:
        return Mistake(end + operator.start(1), f"there is {operator[1]!r} in the place of '='", _ENTRY_HINT)
    if name and rest.lstrip().startswith(":"):
        cause = "there is ':' after the name in the place of '=', as YAML and properties have it"
        return Mistake(line.index(":", end), cause, _ENTRY_HINT)
    if rest[:1] in _EQUAL_SIGNS or (rest[:1].isspace() and rest.lstrip()[:1] in _EQUAL_SIGNS):
        offset = end + len(rest) - len(rest.lstrip())
        return Mistake(offset, f"there is {_code(line[offset])} in the place of '='", "type '=' again")
    if name and _GITHUB_BLOCK.match(line):
        hint = 'put the lines in quotes: NAME="first line, further lines"'
        return Mistake(end, "a block as in $GITHUB_ENV begins here", hint)
    if "=" not in line:
        if name and rest[0].isspace():
            return Mistake(end, _NO_EQUAL_SIGN, _ENTRY_HINT)
        hint = f"{_ENTRY_HINT}; if the line continues a value, put that value in quotes"
        return _seen_character(line[end : end + 1], end) or Mistake(0, "there is no '=' in this line", hint)
    if name and rest[0].isspace():
        return _space_in_name(rest, end)
    return _wrong_character(line, end, 0)


def _space_in_name(rest: str, end: int) -> Mistake:
    if re.match(r"(?:\s+[A-Za-z0-9_.-]+)+\s*=", rest) is None:
        return Mistake(end, _NO_EQUAL_SIGN, _ENTRY_HINT)
    kind = "white space" if rest[0] in " \t" else f"a space that is not a blank ({_code(rest[0])})"
    return Mistake(end, f"there is {kind} in the name", "a name is one word: write '_' in place of the space")


def _wrong_character(line: str, position: int, base: int) -> Mistake:
    """Return the mistake of the character at `position`, which a name cannot have there. `base` is added to it."""
    char = line[position : position + 1]
    seen = _seen_character(char, base + position)
    if seen is not None:
        return seen
    if position == 0 and char.isdigit():
        return Mistake(base, "a name cannot begin with a digit", _NAME_HINT)
    if char.isspace():
        return Mistake(base + position, "there is white space in the name", "a name is one word")
    if char.isalpha():
        return Mistake(base + position, "there is a letter outside ASCII in the name", _NAME_HINT)
    where = "begin with" if position == 0 else "have"
    return Mistake(base + position, f"a name cannot {where} this character", _NAME_HINT)


def _seen_character(char: str, offset: int) -> Mistake | None:
    """Return the mistake of a character that looks like another one, or like none."""
    if not char:
        return None
    if char == "\ufeff":
        hint = "remove it; files that were put together keep their marks"
        return Mistake(offset, "there is a byte order mark (U+FEFF) inside the file", hint)
    if char in _INVISIBLE:
        return Mistake(offset, f"there is an invisible character ({_code(char)})", "delete it, and type the name again")
    if not char.isprintable() and not char.isspace():
        return Mistake(offset, f"there is a control character ({_code(char)})", "delete it")
    if char in _TYPOGRAPHIC:
        return Mistake(offset, f"there is a typographic quote ({_code(char)})", _QUOTE_HINT)
    if char in _DASHES:
        return Mistake(offset, f"there is a dash that is not '-' ({_code(char)})", "replace it by '-' or '_'")
    if char in "\"'`":
        return Mistake(offset, "there is a quote in the name", "remove it")
    return None


def _in_value(statement: str, begin: int, number: int) -> Mistake:
    """Return the mistake behind the equal sign: a quote that is not closed, or text after the closing quote."""
    opening = statement.index("=", begin) + 1
    opening += len(statement[opening:]) - len(statement[opening:].lstrip(" \t"))
    while statement[opening : opening + 1] not in ("'", '"', ""):  # other white space
        opening += 1
    quote = statement[opening : opening + 1]
    if statement[opening : opening + 3] in _TRIPLE_QUOTES:
        hint = f"write {quote} once before and once after the value, which may have several lines"
        return Mistake(opening, "there are three quotes before the value, as Python and TOML have them", hint)
    closed = _VALUES[quote].match(statement, opening) if quote else None
    if closed is None:
        return Mistake(opening, "the quote that opens here is not closed", _hint_to_close(statement[opening:], quote))
    crossed = statement.count("\n", opening, closed.end())
    if crossed:
        cause = f"the quote that opens here is closed in line {number + crossed}, and text follows there"
        return Mistake(opening, cause, "close it in its own line, or remove the text after the closing quote")
    offset = closed.end() + len(statement[closed.end() :]) - len(statement[closed.end() :].lstrip())
    hint = f"remove it, or write # before a comment, or \\{quote} for a quote inside the value"
    return Mistake(offset, "there is text after the closing quote", hint)


def _hint_to_close(rest: str, quote: str) -> str:
    rest = rest.rstrip()
    if len(rest) > 2 and rest.endswith(f"\\{quote}"):
        return f"a backslash before a quote makes it a part of the value; write \\\\{quote} at the end"
    if any(char in rest for char in _TYPOGRAPHIC):
        return f"write {quote} at the end; a typographic quote does not close it"
    return f"write {quote} at the end, or \\{quote} for a quote inside the value"


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"


def reserved_name(entry: Entry) -> Mistake | None:
    """Return the mistake of a name that SecretSync sets, or reads before it reads an env file."""
    offset = entry.source.index(entry.key)
    if entry.key == "SECRETSYNC_RESOLVED" or entry.key.startswith("SECRETSYNC_RESOLVED_"):
        cause = f"{entry.key} is a name that `secretsync run` sets for the application"
        return Mistake(offset, cause, "rename or remove the entry")
    if (option := _READ_BEFORE_FILES.get(entry.key)) is not None:
        cause = f"{entry.key} is read before the env files, so that it selects nothing here"
        return Mistake(offset, cause, f"set it in the process environment, or give {option}")
    return None


def typographic_quotes(entry: Entry) -> Mistake | None:
    """Return the mistake of a value that typographic quotes enclose: they would be a part of it."""
    text = entry.text
    if len(text) < 2 or text[0] not in _TYPOGRAPHIC or text[-1] not in _TYPOGRAPHIC:
        return None
    hint = "use ' or \"; if they belong to the value, put the whole value in single quotes"
    return Mistake(entry.source.index(text), "there are typographic quotes around the value", hint)


def last_line_of_block(statement: str) -> str | None:
    """Return a pattern for the last line, if a wrong statement begins a block of lines; None if it does not."""
    if github := _GITHUB_BLOCK.match(statement):
        return rf"\s*{github[1]}\s*$"
    value = statement.partition("=")[2].lstrip()
    quotes = value[:3]
    return f".*{quotes}" if quotes in _TRIPLE_QUOTES and quotes not in value[3:] else None


def several_lines(entry: Entry) -> tuple[Mistake, str]:
    """Return the mistake of a value of several lines without quotes, and a pattern for the last of the lines."""
    offset = entry.source.index(entry.text, entry.source.index("="))
    if entry.text.endswith("\\"):
        cause = "a backslash at the end of a line does not continue the value in the next line"
        hint = "write the value in one line, or put all its lines in double quotes"
        return Mistake(len(entry.source.rstrip()) - 1, cause, hint), r"(?!.*\\\s*$).*\S"
    if heredoc := HEREDOC.fullmatch(entry.text):
        hint = 'put the lines in quotes: NAME="first line, further lines"'
        return Mistake(offset, "a here-document of a shell begins here", hint), rf"\s*{heredoc[1]}\s*$"
    is_json = entry.text in ("{", "[")
    quote, end = ("'", r"\s*[}\]]\s*$") if is_json else ('"', r"\s*-----END ")
    cause = "a value of several lines begins here without quotes"
    return Mistake(offset, cause, f"write {quote} before it and after its last line"), end
