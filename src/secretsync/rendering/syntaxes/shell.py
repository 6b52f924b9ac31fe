"""POSIX shells (sections 2.2, 2.3 and 2.7.4 of the standard), and `$'...'`, `((` and `<<<` of bash and zsh."""

from __future__ import annotations

import re

from secretsync.rendering.formats import shell
from secretsync.rendering.syntaxes import syntax
from secretsync.rendering.syntaxes.syntax import Refused

_DOUBLE = {ord(char): f"\\{char}" for char in '\\"$`'}
_HERE = "<<"
_BEFORE_COMMENT = " \t\n;&|()<>"  # characters after which `#` begins a comment

# The constructs that are open, by the token that began them; "" is the script itself. `"${` is `${` in double quotes.
_EXPANSIONS = r"`|\$\(\(|\$\(|\$\{|\$\["
_COMMANDS = re.compile(rf"""\\(?:.|\n|\Z)|['"#\n]|\$'|{_EXPANSIONS}|\(\(|\(|\)|<<<|<<-?|\bcase\b""")
_TOKENS = {
    "": _COMMANDS,
    "(": _COMMANDS,
    '"': re.compile(rf'\\(?:.|\n|\Z)|"|{_EXPANSIONS}'),
    "'": re.compile("'"),
    "$'": re.compile(r"\\(?:.|\n|\Z)|'"),
    "${": re.compile(rf"""\\(?:.|\n|\Z)|['"}}]|\$'|{_EXPANSIONS}"""),
    '"${': re.compile(rf"""\\(?:.|\n|\Z)|['"}}]|{_EXPANSIONS}"""),
    "((": re.compile(rf"""\\(?:.|\n|\Z)|["()]|{_EXPANSIONS}"""),
    "`": re.compile(r"\\(?:.|\n|\Z)|`"),
    "#": re.compile(r"(?=\n)"),
}
_CLOSING = {'"': '"', "'": "'", "$'": "'", "${": "}", '"${': "}", "`": "`", "#": ""}
_OPENING = {"$((": "((", "$(": "(", "${": "${", "'": "'", '"': '"', "$'": "$'", "`": "`"}
_DELIMITER = re.compile(r"""[ \t]*((?:\\.|'[^'\n]*'|"[^"\n]*"|[^\s;&|()<>\\'"`])+)""")
_NO_DOCUMENT = "a here document without a delimiter in its line"


class Syntax(syntax.Syntax):
    """The escaped value in quotes; elsewhere one single-quoted word; no value in constructs with other rules."""

    def __init__(self) -> None:
        self._open = [""]
        self._before = "\n"  # the character before the present position; "x" if it is quoted
        self._documents: list[tuple[bool, str]] = []  # here documents of this line: without tabs, delimiter
        self._is_line_start = False  # in a here document
        self._is_escaped = False
        self._lost = ""  # the construct after which quotes cannot be followed

    @property
    def is_comment(self) -> bool:  # type: ignore[override]
        """True in a comment, if the quotes before it were clear."""
        return self._open[-1] == "#" and not self._lost

    def _step(self, text: str, position: int) -> int:
        self._is_escaped = False
        if self._open[-1] == _HERE:
            return self._read_document(text, position)
        token = _TOKENS[self._open[-1]].search(text, position)
        if token is None:
            self._before = text[-1]
            return len(text)
        if token.start() > position:
            self._before = text[token.start() - 1]
        before, written = self._before, token[0]
        if written.startswith("\\"):
            self._read_escape(written)
            return token.end()
        self._before = written[-1:] or before
        return self._read_token(text, token, before)

    def _read_escape(self, written: str) -> None:
        if written == "\\":
            self._is_escaped = True
        elif written == "\\'" and self._open[-1] == "$'":
            self._lost = "an escaped quote in $'...', which not every shell knows"
        if written != "\\\n":  # a continued line
            self._before = "x"

    def _read_token(self, text: str, token: re.Match[str], before: str) -> int:
        written, top = token[0], self._open[-1]
        if written == _CLOSING.get(top):
            self._open.pop()
            self._before = "x"
        elif written in ("((", "(", ")"):
            return self._read_parenthesis(text, token, before)
        elif written in ("<<", "<<-"):
            return self._begin_document(text, token)
        elif (lost := self._confusion(written, top)) is not None:
            self._lost = lost
        elif written in _OPENING:
            self._open.append('"${' if written == "${" and '"' in top else _OPENING[written])
        elif written == "#" and before in _BEFORE_COMMENT:
            self._open.append("#")
        elif written == "\n" and self._documents:
            self._open.append(_HERE)
            self._is_line_start = True
        return token.end()

    def _confusion(self, written: str, top: str) -> str | None:
        """Return the construct at which this syntax gives up, if the token begins one."""
        if written == "$[":
            return "arithmetic in $[...]"
        if written == "'" and top == '"${':
            return "quotes within quotes"
        if written == "case" and '"' in self._open:
            return "a case within double quotes, whose parentheses do not match"
        return None

    def _read_parenthesis(self, text: str, token: re.Match[str], before: str) -> int:
        top = self._open[-1]
        if token[0] == "((" and before in _BEFORE_COMMENT:
            self._open.append("((")
        elif token[0] != ")":
            self._open += "(" * len(token[0])
        elif top == "((" and text[token.end() : token.end() + 1] != ")":
            self._open[-1] = "("  # a command in two pairs of parentheses, of which this closes the inner one
        elif top == "((":
            self._open.pop()
            self._before = "x"
            return token.end() + 1
        elif top == "(":
            self._open.pop()
        return token.end()

    def _begin_document(self, text: str, token: re.Match[str]) -> int:
        word = _DELIMITER.match(text, token.end())
        if word is None or word.end() == len(text):
            self._lost = _NO_DOCUMENT
            return token.end()
        quoted = r"""\\(.)|'([^'\n]*)'|"([^"\n]*)\""""
        delimiter = re.sub(quoted, lambda match: match[1] or match[2] or match[3] or "", word[1])
        self._documents.append((token[0] == "<<-", delimiter))
        self._before = "x"
        return word.end()

    def _read_document(self, text: str, position: int) -> int:
        """Read to the end of a line of a here document."""
        end = text.find("\n", position)
        without_tabs, delimiter = self._documents[0]
        line = text[position : end if end >= 0 else len(text)]
        if self._is_line_start and end >= 0 and (line.lstrip("\t") if without_tabs else line) == delimiter:
            self._documents.pop(0)
            if not self._documents:
                self._open.pop()
        self._is_line_start = end >= 0
        self._before = "\n" if end >= 0 else "x"
        return end + 1 if end >= 0 else len(text)

    def _written(self, value: str) -> str:
        if reason := self._refusal():
            raise Refused(reason)
        if self._open[-1] == '"':
            return value.translate(_DOUBLE)
        if self._open[-1] == "'":
            return value.replace("'", r"'\''")
        return shell.quoted(value)

    def _refusal(self) -> str | None:
        """Return why the present position cannot hold a value, or None."""
        top, around = self._open[-1], self._open[:-1]
        advice = "assign it to a variable before"
        if self._lost:
            return f"it comes after {self._lost}; assign it to a variable at the beginning of the template"
        if self._is_escaped:
            return "a backslash is before it"
        if top == _HERE or self._documents:
            return f"it is in a here document, or in the line that begins one; {advice}"
        if "`" in self._open:
            return f"it is in a command in backticks; {advice}"
        if "((" in self._open:
            return f"it is in arithmetic, which a shell evaluates; {advice}"
        if '"${' in around and top == '"':
            return f"it is in quotes within quotes; {advice}"
        if top in ("$'", '"${'):
            return f"other quoting rules apply here; {advice}"
        if '"' in around:
            return f"it is in a command within double quotes; {advice}"
        if self._before == "$" and top != "'":
            return f"a dollar sign is before it; {advice}"
        return None
