"""List the messages of errors in the code: the text, with `...` for its variable parts, and the next step."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "secretsync"
# Functions and classes that do not end with `Error` and take the text of a message.
_OTHERS = frozenset(
    (
        *("Failed", "Fault", "FileRefusal", "Issue", "Missing", "Mistake", "Problem", "Refused", "Unreadable"),
        *("_Refused", "_Unusable", "_denied", "_error", "_failed", "_not_http", "_note", "_problem", "_refuse"),
        *("_refused", "_too_large", "_unavailable", "bad_source", "finding_at", "found", "garbled", "general_error"),
        *("mistake", "note", "problem", "refuse", "unusable"),
    )
)
# The place of the cause among the arguments of a call; the next step is behind it.
_PLACES = {"AwsRequestError": 1, "Failed": 1, "HttpError": 1, "ReportFileError": 0}
# Names of variables that hold the text of a message.
_VARIABLES = frozenset(("cause", "message", "problem", "text"))
_FEWEST_WORDS = 3  # a shorter text is a name or a part of a message


def messages() -> dict[str, list[tuple[str, str]]]:
    """Return the messages and their next steps, by package."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        package = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        found.setdefault(package, set()).update(_in_module(ast.parse(path.read_text(encoding="utf-8"))))
    return {package: sorted(rows) for package, rows in found.items() if rows}


def _in_module(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _in_call(node)
        elif isinstance(node, ast.Assign) and any(getattr(name, "id", "") in _VARIABLES for name in node.targets):
            for text in _texts(node.value):
                if "; " in text:  # otherwise it may be any text
                    yield from _row(text, "")


def _in_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if not name.endswith("Error") and name not in _OTHERS:
        return
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    written = [value for value in node.args[_PLACES.get(name, 0) :] if name in _PLACES or any(_texts(value))]
    causes = [*written[:1], *(value for key, value in keywords.items() if key == "cause")]
    hints = [*written[1:2], *(value for key, value in keywords.items() if key == "hint")]
    hint = next((text for value in hints for text in _texts(value)), "")
    for value in causes:
        for text in _texts(value):
            yield from _row(text, hint)


def _row(text: str, hint: str) -> Iterator[tuple[str, str]]:
    cause, _, step = text.partition("; ")
    if len(re.findall(r"[A-Za-z]+", cause)) < _FEWEST_WORDS:
        return
    if not re.search("[A-Za-z]{2}", step or hint):
        step = hint = ""
    yield " ".join(cause.split()), " ".join((step or hint).split())


def _texts(node: ast.expr) -> Iterator[str]:
    """Return the texts that an expression can have, with `...` for its variable parts."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)


def plain(text: str) -> str:
    """Return a text for a cell of a table."""
    return re.sub(r"([\\|*_<>\[\]])", r"\\\1", text)
