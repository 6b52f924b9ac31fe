"""The grammar for editors finds the placeholders and variables that SecretSync finds."""

import json
import random
from pathlib import Path

import pytest

from secretsync.project.placeholders import BareName, Variable, parse_value, references
from tests.support.processes import clean_environment, run_command
from tests.support.tools import needs, needs_tool

ROOT = Path(__file__).parents[2]
GRAMMAR = ROOT / "editors" / "secretsync-env.tmLanguage.json"
MODULES = ROOT / ".tools" / "textmate" / "node_modules"
PREFIX = "KEY="

PIECES = (
    *("$<NAME>", "$<DB_PASSWORD?as=url>", "$<aws:prod/app#password>", "$<env:LOG_LEVEL:-INFO>", "$<A:?set it>"),
    *("$<aws:arn:aws:secretsmanager:eu-west-1:1:secret:x-Ab#/db/password>", "$<vault:secret/app?version=3#key>"),
    *("$<aws:prod/app?stage=AWSPREVIOUS&as=json#a>", "$<docker:db_password>", "$<SENTRY:->"),
    *("${HOST}", "${HOST:-local}", "${A-${B:-c}}", "${A:+{x}}", "${A:?why}"),
    *("$", "$$", "$$$", "$$<X>", "$${Y}", "text", "://", "@", ":", " ", "$(date)", "$NAME", "}", "{"),
)


def tokens(text: str, folder: Path) -> list[list[tuple[str, list[str]]]]:
    """Return the tokens of each line with their scopes, as Visual Studio Code makes them."""
    needs(MODULES.is_dir(), "vscode-textmate")
    argv = [needs_tool("node"), str(ROOT / "tests" / "editors" / "tokens.js"), str(MODULES), str(GRAMMAR)]
    done = run_command(argv, cwd=folder, env=clean_environment(folder), stdin=text, expect=0)
    lines = text.split("\n")
    return [
        [(lines[number][start:end], scopes) for start, end, scopes in found]
        for number, found in enumerate(json.loads(done.stdout))
    ]


def found_in(line: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    """Return the stores, names and variables of a line in order."""
    kinds = {
        "entity.name.type.store": "store",
        "variable.other.secret": "name",
        "variable.other.environment": "variable",
    }
    return [(kind, text) for text, scopes in line for scope, kind in kinds.items() if scopes[-1].startswith(scope)]


def expected(value: str) -> list[tuple[str, str]]:
    """Return what SecretSync finds in a value, in the same form."""
    found: list[tuple[str, str]] = []
    for part in references(parse_value(value).parts):
        if isinstance(part, Variable):
            found.append(("variable", part.name))
        elif isinstance(part.reference, BareName):
            found.append(("name", part.reference.name))
        else:
            found.append(("store", part.reference.store))
    return found


def test_random_values(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """In every value that SecretSync accepts, the grammar finds the same stores, names and variables."""
    drawn = random.Random(pytestconfig.option.hostile_seed)
    values = [
        "".join(drawn.choices(PIECES, k=drawn.randrange(1, 6))).strip() for _ in range(pytestconfig.option.hostile)
    ]
    right = [value for value in values if not parse_value(value).faults]
    assert len(right) > len(values) // 2
    lines = tokens("\n".join(f"{PREFIX}{value}" for value in right), tmp_path)
    for value, line in zip(right, lines, strict=True):
        assert found_in(line) == expected(value), value


LINES = {
    "SECRET_KEY=$<SECRET_KEY>": [("name", "SECRET_KEY")],
    'export URL="a://$<DB?as=url>@${HOST}"': [("name", "DB"), ("variable", "HOST")],
    "A='$<X> ${Y}'": [],
    "# $<X> ${Y}": [],
    "A=x # $<X>": [],
    "  A = $<docker:x>": [("store", "docker")],
    "A=$$<X>": [],
    "A=$$$<X>": [("name", "X")],
    'A="$<vault:a': [("store", "vault")],  # not finished: an editor sees it while it is typed
}


def test_a_value_of_several_lines(tmp_path: Path) -> None:
    """A quoted value can have several lines, and the line after it is an entry."""
    lines = tokens('A="x\n$<NAME> ${B:-\ny"\nC=$<D>', tmp_path)
    assert [found_in(line) for line in lines] == [[], [("name", "NAME"), ("variable", "B")], [], [("name", "D")]]


@pytest.mark.parametrize("line", LINES)
def test_lines_of_env_files(tmp_path: Path, line: str) -> None:
    """Single quotes and comments contain no placeholder."""
    assert found_in(tokens(line, tmp_path)[0]) == LINES[line]


def test_parts_of_a_placeholder(tmp_path: Path) -> None:
    """Each part has a scope of its own, so that a theme can colour it."""
    (line,) = tokens("A=$<aws:prod/app?stage=X#pass:-word>", tmp_path)
    parts = {text: scopes[-1].removesuffix(".secretsync").rsplit(".", 1)[-1] for text, scopes in line}
    expected_parts = {
        "aws": "store",
        "prod/app": "path",
        "stage": "option",
        "X": "option",
        "pass": "field",
        "word": "default",
    }
    assert {text: parts[text] for text in expected_parts} == expected_parts


def test_an_unfinished_line_does_not_change_the_next(tmp_path: Path) -> None:
    """A placeholder ends at the end of its line."""
    first, second = tokens("A=$<aws:x\nB=$<NAME>", tmp_path)
    assert found_in(first) == [("store", "aws")]
    assert found_in(second) == [("name", "NAME")]
    assert second[0][0] == "B"
    assert second[0][1][-1] == "variable.other.key.env"
