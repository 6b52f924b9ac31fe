"""Variables compared with compose-go, the library by which Docker Compose reads env files."""

import random
from pathlib import Path

import pytest

from secretsync.config.config import Config
from tests.rendering.formats.readers import compose_values, find_compose
from tests.support.amounts import AMOUNTS
from tests.support.plans import plan_errors, planned, resolved

ENVIRONMENT = {"SET": "value", "EMPTY": "", "ODD": "a:-b}${SET}$", "_x1": "0"}
UNSET = "UNSET"
NAMES = (*ENVIRONMENT, UNSET)
OPERATORS = (":-", "-", ":+", "+", ":?", "?")
TEXTS = (
    "a",
    "Z9",
    "-",
    ":-",
    "?",
    "+",
    ":",
    ".",
    "/",
    "%41",
    "x y",
    "{a}",
    "{a:{b}}",
    "$${SET}",
    "=",
    ",",
    "\u00e9",
    "@",
)


def make_value(drawn: random.Random, depth: int = 0) -> str:
    """Return a value, or the word of a variable, by the grammar."""
    pieces = []
    for _ in range(drawn.randrange(1 if depth else 2, 4)):
        if drawn.random() < (0.6 if depth < 4 else 0):
            word = ""
            if drawn.random() < 0.85:
                word = drawn.choice(OPERATORS) + (make_value(drawn, depth + 1) if drawn.random() < 0.9 else "")
            pieces.append(f"${{{drawn.choice(NAMES)}{word}}}")
        else:
            pieces.append(drawn.choice(TEXTS))
    return "".join(pieces)


def ours(value: str) -> str | None:
    """Return SecretSync's result for the value as the only line of an env file; None if it is refused."""
    files = {"common": f"KEY={value}\n"}
    if planned(files, environ=ENVIRONMENT)[1]:
        return None
    found = resolved(files, stores={}, environ=ENVIRONMENT)
    return found["KEY"] if isinstance(found, Config) else None


def test_generated_variables_are_as_in_compose(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Every form and nesting gives the same text; only an unset variable without a word is empty in Compose."""
    if find_compose() is None:
        pytest.skip("needs the reader compose-go, which is not here")
    option = request.config.option
    drawn = random.Random(option.hostile_seed)
    values = [make_value(drawn) for _ in range(AMOUNTS[option.amount].variables)]
    expected = compose_values(ENVIRONMENT, values, tmp_path)
    wrong = [
        (value, text, found)
        for value, text in zip(values, expected, strict=True)
        if (found := ours(value)) != text and not (found is None and f"${{{UNSET}}}" in value)
    ]
    assert not wrong, (len(wrong), wrong[:5])
    # The comparison is worth something only if most values are accepted, and some refused.
    assert len(values) // 2 < sum(text is not None for text in expected) < len(values)


@pytest.mark.parametrize(
    ("value", "in_compose", "in_secretsync"),
    [
        ("a${UNSET}b", "ab", None),
        ("$SET", "value", "$SET"),
        ("a$$b", "a$b", "a$$b"),
        ("${EMPTY:-{}}${SET}", None, "{}value"),
        ("${SET:-${1}}", "value", None),
        ("${SET:-$<docker:x>}", "value", None),
        ("\\${SET}", "\\value", None),
    ],
)
def test_intended_differences(value: str, in_compose: str | None, in_secretsync: str | None, tmp_path: Path) -> None:
    """Each difference that the documentation lists."""
    assert ours(value) == in_secretsync
    if find_compose() is None:
        pytest.skip("needs the reader compose-go, which is not here")
    assert compose_values(ENVIRONMENT, [value], tmp_path) == [in_compose]


def test_variables_in_messages_are_not_expanded() -> None:
    """A message is printed as written, because a variable in it may be a secret."""
    (error,) = plan_errors({"common": "A=${UNSET:?no ${SET}}"}, environ=ENVIRONMENT)
    assert "no ${SET}" in error
    assert "value" not in error
