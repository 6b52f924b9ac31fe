"""The JSON Schemas judge files as the readers of the files do."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from secretsync.cli.commands.schema import FILES, schema_text
from secretsync.planning.references import TargetFinder
from secretsync.policy.policy_file import parse_policy
from secretsync.project.bindings_file import parse_bindings
from tests.schemas.toml_files import Maker, to_json, to_toml
from tests.support.amounts import AMOUNTS
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject

TAPLO = Path(__file__).parents[2] / ".venv" / "bin" / "taplo"


def validator(file: str) -> Draft7Validator:
    """Return the validator of a kind of file. The schema itself is checked."""
    schema = json.loads(schema_text(file))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def problems(file: str, data: bytes) -> list[str]:
    """Return what SecretSync finds wrong with a file."""
    if file == "policy":
        return [str(problem) for problem in parse_policy(data, "policy.toml").problems]
    bindings = parse_bindings(data, "production.toml")
    return [str(problem) for problem in (*bindings.problems, *TargetFinder(bindings, "production").problems)]


def documents(file: str, count: int, seed: int) -> Iterator[str]:
    """Yield random files: a third without a mistake, the others with a few."""
    for number in range(count):
        maker = Maker(f"{seed} {file} {number}", (0, 0.03, 0.1)[number % 3])
        yield to_toml(maker.bindings() if file == "bindings" else maker.policy())


@pytest.mark.parametrize("file", FILES)
def test_same_judgement_as_the_reader(pytestconfig: pytest.Config, file: str) -> None:
    """A schema accepts a file if and only if SecretSync reads it without a problem."""
    judge, count = validator(file), AMOUNTS[pytestconfig.option.amount].files
    refused = 0
    for text in documents(file, count, pytestconfig.option.hostile_seed):
        found = problems(file, text.encode())
        errors = [error.message for error in judge.iter_errors(to_json(tomllib.loads(text)))]
        assert bool(found) == bool(errors), f"{text}\nreader: {found}\nschema: {errors}"
        refused += bool(found)
    assert 0.2 * count < refused < 0.8 * count


@pytest.mark.parametrize("file", FILES)
def test_same_judgement_as_taplo(tmp_path: Path, file: str) -> None:
    """Taplo, the tool behind editors, judges files with the line `#:schema` as SecretSync does."""
    (tmp_path / "schema.json").write_text(schema_text(file), encoding="utf-8")
    wrong = set()
    for number, text in enumerate(documents(file, 60, 1)):
        path = tmp_path / f"{number}.toml"
        path.write_text(f"#:schema ./schema.json\n{text}", encoding="utf-8")
        if problems(file, path.read_bytes()):
            wrong.add(path.name)
    done = run_command(
        [str(TAPLO), "lint", *map(str, sorted(tmp_path.glob("*.toml")))], cwd=tmp_path, env=clean_environment(tmp_path)
    )
    found = {Path(line.split('path="')[1].split('"')[0]).name for line in done.stderr.split("\n") if 'path="' in line}
    assert found == wrong
    assert done.status == 1


@pytest.mark.parametrize(
    ("file", "text", "is_right"),
    [
        ("bindings", '[secrets]\nA = { ref = "docker:a", rotated = "2026-10-01" }', True),  # a date in quotes
        ("bindings", '[secrets]\nA = "nowhere:a"', True),  # a store that does not exist
        ("bindings", 'lookup = ["nowhere"]', True),
        ("policy", '[checks.A]\nmatches = "("', True),  # not a regular expression
        ("policy", "[checks.A]\nmin_length = 5.0", True),  # a whole number for JSON
    ],
)
def test_what_a_schema_does_not_see(file: str, text: str, is_right: bool) -> None:
    """These mistakes are found only by SecretSync, because they need more than one value, or types that JSON lacks."""
    assert validator(file).is_valid(to_json(tomllib.loads(text))) is is_right
    assert problems(file, text.encode())


def test_settings_of_plug_ins(project: MakeProject, plugin: Path) -> None:
    """The settings of an installed plug-in are in the schema."""
    made = project({})
    schema: dict[str, Any] = json.loads(made.cli("schema", "bindings", sys_path=[plugin], expect=0).stdout)
    assert "probe" in schema["properties"]["stores"]["properties"]
    assert "provider-probe" in schema["definitions"]


def test_files_of_init(project: MakeProject, tmp_path: Path) -> None:
    """`init --schemas` writes the schemas and a line in each TOML file that leads to one; taplo accepts the files."""
    made = project({})
    made.cli("init", "-e", "development", "-e", "production", "--schemas", expect=0)
    assert made.read("schemas/policy.schema.json") == schema_text("policy")
    files = {
        "providers/development.toml": "../schemas/bindings.schema.json",
        "providers/production.toml": "../schemas/bindings.schema.json",
        "env/production/policy.toml": "../../schemas/policy.schema.json",
    }
    for name, schema in files.items():
        assert made.read(name).split("\n")[0] == f"#:schema {schema}"
        assert (made.root / name).parent.joinpath(schema).is_file()
    argv = [str(TAPLO), "lint", *files]
    run_command(argv, cwd=made.root, env=clean_environment(tmp_path), expect=0)
    text = made.read("providers/production.toml")
    made.write("providers/production.toml", text.replace("max_age", "max_aeg"))
    done = run_command(argv, cwd=made.root, env=clean_environment(tmp_path))
    assert done.status == 1
    assert "max_aeg" in done.stderr


def test_no_line_without_a_schema(project: MakeProject) -> None:
    """Without the option, `init` writes no line, because an editor would report a schema that does not exist."""
    made = project({})
    made.cli("init", expect=0)
    assert "#:schema" not in made.read("providers/production.toml")
    made.cli("schema", "bindings", "--output", "bindings.schema.json", expect=0)
    made.write("schemas/bindings.schema.json", made.read("bindings.schema.json"))
    made.cli("init", "-e", "staging", expect=0)
    assert made.read("providers/staging.toml").startswith("#:schema ../schemas/bindings.schema.json\n")
    assert "#:schema" not in made.read("env/staging/policy.toml")
