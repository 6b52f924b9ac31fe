"""The lines of keys in TOML: compared with the document that tomllib reads."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.core.errors import Problem
from secretsync.project.toml_lines import DEEPEST, lines_of_keys
from secretsync.project.toml_reader import parse_document

DOCUMENT = '''# [comment]
title = "[x]"  # y = 1
[stores.vault]
address = "https://h # {a = 1, b = 2}"
auth = { method = "jwt", role = "r" }
text = """
[not.a.table]
key = 1 \\""" ""
"""
literal = \'\'\'
[[nor.this]]
\'\'\'
after = 1
list = [
  "a", # ]
  { x = 1, y = { z = 2 } },
  [1, 2],
]
"quoted key" . 'b' = 1
[[ignore]]
rule = 1
[[ignore]]
rule = 2
[ "a b" . c ]
k.l.m = 1
'''
LINES = {
    ("title",): 2,
    ("stores", "vault"): 3,
    ("stores", "vault", "address"): 4,
    ("stores", "vault", "auth"): 5,
    ("stores", "vault", "auth", "role"): 5,
    ("stores", "vault", "text"): 6,
    ("stores", "vault", "literal"): 10,
    ("stores", "vault", "after"): 13,
    ("stores", "vault", "list"): 14,
    ("stores", "vault", "quoted key", "b"): 19,
    ("ignore", "0"): 20,
    ("ignore", "0", "rule"): 21,
    ("ignore", "1", "rule"): 23,
    ("a b", "c"): 24,
    ("a b", "c", "k"): 25,
    ("a b", "c", "k", "l", "m"): 25,
}


def keys(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key, without those in arrays of values."""
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from keys(value, (*path, key))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_key_has_its_line(end: str) -> None:
    """Text in strings, comments and arrays is neither a key nor a table."""
    text = DOCUMENT.replace("\n", end)
    lines = lines_of_keys(text)
    assert {path: lines.get(path) for path in LINES} == LINES
    assert not set(keys(tomllib.loads(text))) - set(lines)
    assert not any("not" in path or "nor" in path or "y = 1" in path for path in lines)


@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "[[{}]]"])
def test_a_key_with_too_many_parts(form: str) -> None:
    """An error with its line, because tomllib takes quadratic time for such a key."""
    assert not isinstance(parse_document(form.format(".".join("a" * DEEPEST)).encode(), "f"), Problem)
    problem = parse_document(f"x = 1\n{form.format(' . '.join('a' * (DEEPEST + 1)))}".encode(), "f")
    assert str(problem) == f"f:2: a key has more than {DEEPEST} parts"
