"""Each kind of change is made, one at a time, and only where a test can see it."""

import ast

import pytest

from tests.mutation.mutants import list_mutants, mutate

CHANGES = {
    "a == b": ["a != b"],
    "a != b": ["a == b"],
    "a < b": ["a <= b"],
    "a <= b": ["a < b"],
    "a > b": ["a >= b"],
    "a >= b": ["a > b"],
    "a in b": ["a not in b"],
    "a is not b": ["a is b"],
    "a < b < c": [],
    "a and b": ["a or b"],
    "a or b": ["a and b"],
    "a + b": ["a - b"],
    "a // b": ["a * b"],
    "a % b": ["a * b"],
    "a | b": ["a & b"],
    "not a": ["a"],
    "-a": [],
    "1": ["2"],
    "0.5": ["1.5"],
    "True": ["False"],
    "'text'": ["''"],
    "b'bytes'": ["b''"],
    "''": [],
    "None": [],
    "f'message {a}'": [],
    "f(1)": ["f(2)"],
}


def changes(source: str) -> list[str]:
    """Return what each mutant of a module does."""
    return [mutant.change for mutant in list_mutants(source)]


@pytest.mark.parametrize("expression", CHANGES)
def test_each_expression(expression: str) -> None:
    """The mutants of an expression in a function are the changes of the table."""
    source = f"def f():\n    name = {expression}\n"
    found = list_mutants(source)
    made = [ast.unparse(mutate(source, mutant.number)) for mutant in found]
    assert made == [f"def f():\n    name = {new}" for new in CHANGES[expression]]


@pytest.mark.parametrize(
    ("statement", "new"),
    [
        ("call()", "pass"),
        ("a += b", "pass"),
        ("a.b = c", "pass"),
        ("a[b] = c", "pass"),
        ("del a", "pass"),
        ("raise E('text of 1 message')", "pass"),
        ("return a", "return None"),
    ],
)
def test_each_statement(statement: str, new: str) -> None:
    """A statement is removed, or returns None."""
    source = f"def f():\n    {statement}\n"
    assert [ast.unparse(mutate(source, mutant.number)) for mutant in list_mutants(source)] == [f"def f():\n    {new}"]


@pytest.mark.parametrize(
    "source",
    [
        "NAME = 1 + 2",
        "class C:\n    name: int = 1",
        "def f(a: 'str | None' = 'x') -> 'str | None':\n    name = a",
        "@decorate(1)\ndef f():\n    name = a",
        "def f():\n    'docstring'",
        "def f():\n    name: 'int | str' = a",
        "def f():\n    return None",
        "def f():\n    name = a",
        "def f():\n    ...",
    ],
)
def test_code_without_mutants(source: str) -> None:
    """Code that runs at import, annotations and docstrings have no mutant."""
    assert changes(source) == []


def test_where_a_mutant_is() -> None:
    """A mutant has its function with class and outer function, its line, and the first line of its statement."""
    source = (
        "class C:\n    def f(self):\n        def g():\n            n = (a,\n             1)\n        return a == b\n"
    )
    assert [(mutant.function, mutant.lines) for mutant in list_mutants(source)] == [
        ("C.f.g", (5, 4)),
        ("C.f", (6, 6)),
        ("C.f", (6, 6)),
    ]


def test_a_statement_in_a_block() -> None:
    """A change inside a block keeps the rest of the block; lines are those of the source."""
    source = "def f():\n    for a in b:\n        if a > 1:\n            g(a)\n            continue\n        h(a)\n"
    found = list_mutants(source)
    assert [mutant.change for mutant in found] == [
        "a > 1 -> a >= 1",
        "1 -> 2",
        "g(a) -> pass",
        "continue -> pass",
        "h(a) -> pass",
    ]
    tree = mutate(source, 3)
    assert ast.unparse(tree) == ast.unparse(ast.parse(source.replace("continue", "pass")))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Pass)] == [5]
