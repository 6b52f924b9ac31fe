"""Write YAML: mappings, lists, and double-quoted strings, which every version of YAML reads in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from secretsync.core.text import printable
from secretsync.rendering.formats.yaml_ import escaped

Node = str | bool | int | Mapping[str, "Node"] | Sequence["Node"]


def format_documents(documents: Sequence[Node], comments: Sequence[str] = ()) -> str:
    """Return `documents` as a YAML stream. `comments`: lines at its beginning."""
    head = "".join(f"# {printable(line)}".rstrip() + "\n" for line in comments)
    return head + "---\n".join("\n".join(_lines(document)) + "\n" for document in documents)


def _lines(node: Node) -> Iterator[str]:
    """Yield the lines of a node, without indentation."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _after(f"{_scalar(key) if not _is_plain(key) else key}:", value)
    elif isinstance(node, Sequence) and not isinstance(node, str) and node:
        for value in node:
            lines = _lines(value)
            yield f"- {next(lines)}"
            yield from (f"  {line}" for line in lines)
    else:
        yield _scalar(node)


def _after(start: str, value: Node) -> Iterator[str]:
    """Yield a key and its value: a scalar on the same line, anything else below it."""
    if value and isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        yield start
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{start} {_scalar(value)}"


def _scalar(node: Node) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, str):
        return f'"{escaped(node)}"'
    if isinstance(node, Mapping):
        return "{}"
    return str(node) if isinstance(node, int) else "[]"


# Words that YAML 1.1 reads as a boolean or as null, and "=" and "<<" with a meaning of their own, are quoted.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def _is_plain(key: str) -> bool:
    """Return True if `key` is the same string without quotes, in every version of YAML."""
    return key.isascii() and key.isidentifier() and key.strip("_") != "" and key.lower() not in _WORDS
