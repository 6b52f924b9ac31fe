"""A model of the grammar by which docker compose (compose-go v2) reads env files."""

import re
from collections.abc import Mapping
from pathlib import Path

_KEY = re.compile(r"\s*(?:export[ \t]+)?([A-Za-z0-9_.\-\[\]]+)[ \t]*([=:\n])[ \t\v\f\r\x85\xa0]*")
_ESCAPE = re.compile(r'\\(?:([abcfnrtv$"\\])|0([0-7]{1,3}))')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$", '"': '"'}
_ESCAPED |= {"\\": "\\", "c": "\\c"}
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<name>[_a-zA-Z]\w*)|\{(?P<braced>[_a-zA-Z]\w*)(?P<rest>[^}]*)\}|(?P<bad>\{))"
)


class ComposeError(Exception):
    """Compose refuses the file."""


def read(data: bytes, folder: Path) -> Mapping[str, str]:
    """Return the variables that compose takes from the file, where nothing is set in its own environment."""
    text = data.decode("utf-8").removeprefix("\ufeff")
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        else:
            key = _KEY.match(text, position)
            if key is None:
                raise ComposeError(f"character {position}: this is no key")
            position = key.end()
            if key[2] != "\n":
                found[key[1]], position = _value(text, position, found)
    return {name: value for name, value in found.items() if not name[0].isdigit()}


def _value(text: str, start: int, known: Mapping[str, str]) -> tuple[str, int]:
    if text[start : start + 1] not in ("'", '"'):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        return _substituted(text[start:end].split(" #", maxsplit=1)[0].rstrip(), known), end
    quote = text[start]
    inside: list[str] = []
    position = start + 1
    while position < len(text):
        pair = text[position : position + 2]
        if pair == f"\\{quote}":
            inside.append(quote)
            position += 2
        elif pair[0] == quote:
            value = "".join(inside)
            return (_substituted(_unescaped(value), known) if quote == '"' else value), position + 1
        else:
            step = pair if pair[0] == "\\" else pair[0]
            inside.append(step)
            position += len(step)
    raise ComposeError(f"character {start}: a quote that is not closed")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]] if match[1] else chr(int(match[2], 8)), text)


def _substituted(text: str, known: Mapping[str, str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if match["bad"]:
            raise ComposeError("a substitution that is not well formed")
        value = known.get(match["name"] or match["braced"], "")
        rest = match["rest"] or ""
        return rest.lstrip(":")[1:] if not value and rest.lstrip(":").startswith("-") else value

    return _VARIABLE.sub(replaced, text)
