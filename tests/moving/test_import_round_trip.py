"""An application gets the same values after an import as before, and no secret is left in the project."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import dotenv
import pytest

from secretsync import resolve_config
from secretsync.core.errors import ConfigurationError
from secretsync.moving.files import write
from secretsync.moving.import_files import ImportPlan, ImportRequest, plan_import, write_secrets
from secretsync.moving.sources import read_source
from secretsync.policy.policy import Policy
from secretsync.project.bindings import Bindings
from secretsync.project.bindings_file import read_bindings
from secretsync.providers.interface import Provider
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.moving.generated_env_files import Generated
from tests.support.amounts import AMOUNTS
from tests.support.canary import find_leaks


def run_import(path: Path, root: Path, to: str, stores: dict[str, Provider], environment: str) -> ImportPlan:
    """Import one file with --write."""
    bindings = root / "providers" / f"{environment}.toml"
    known = read_bindings(str(bindings), file="b") if bindings.exists() else Bindings()
    request = ImportRequest(
        environment=environment,
        root=str(root),
        to=to,
        bindings=known,
        replaced={name: store.spec for name, store in stores.items()},
    )
    plan = plan_import([read_source(str(path), None, None)], request, Policy())
    list(write_secrets(plan, StoreAccess({}, replaced=stores)))
    write(str(root), plan.files)
    return plan


def contents(root: Path) -> dict[str, bytes]:
    """Return the files of a project."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.reveals
@pytest.mark.parametrize("block", range(8))
def test_generated_files(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Each value of generated files is equal byte for byte, and each planted secret is only in the store."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    count = AMOUNTS[pytestconfig.option.amount].imports
    for seed in range(block * count, block * count + count):
        source = tmp_path / f"{seed}.env"
        generated = Generated(seed)
        source.write_bytes(generated.text.encode())
        before = dotenv.dotenv_values(source)
        root, environment = tmp_path / str(seed), ("development", "production")[seed % 2]
        root.mkdir()
        store = MemoryProvider()
        to = "vault:secret/app" if seed % 3 else "vault:"
        run_import(source, root, to, {"vault": store}, environment)
        config = resolve_config(environment, root=str(root), environ={}, stores={"vault": store}, validate=False)
        assert config.as_environ() == before, seed
        files = contents(root)
        for name, data in files.items():
            assert not find_leaks(data), (seed, name)
        run_import(source, root, to, {"vault": store}, environment)
        assert contents(root) == files
        stored = "\n".join(_values(store))
        used = "\n".join(value or "" for value in before.values())
        for secret in generated.planted:
            forms = (secret, quote(secret), quote(secret, safe=""))
            if any(form in used for form in forms):
                assert any(form in stored for form in forms), seed


def _values(store: MemoryProvider) -> Iterator[str]:
    """Yield the values of a store, and of the fields of its secrets."""
    for versions in store._versions.values():
        assert len(versions) == 1  # the second import wrote nothing
        value = versions[-1][0].reveal()
        assert isinstance(value, str)
        yield value
        with contextlib.suppress(ValueError, AttributeError):
            yield from map(str, json.loads(value).values())


@pytest.fixture
def one(tmp_path: Path) -> Callable[[str], ImportPlan]:
    """Import one text into `development` of a new project."""

    def run(text: str) -> ImportPlan:
        (tmp_path / ".env").write_text(text)
        request = ImportRequest(
            environment="development",
            root=str(tmp_path),
            to="vault:secret/app",
            bindings=Bindings(),
        )
        return plan_import([read_source(str(tmp_path / ".env"), None, None)], request, Policy())

    return run


def test_variables_in_single_quotes(one: Callable[[str], ImportPlan]) -> None:
    """A variable in single quotes stays as it is written, which is a difference to python-dotenv."""
    plan = one("A=1\nB='${A}'\nC='$<A> ${'\nD=\"${A}\"\n")
    assert plan.files[0].content.startswith("A=1\nB='${A}'\n")
    [note] = plan.notes
    assert ".env:2: B: in single quotes ${...} stays as it is written" in note


@pytest.mark.reveals
def test_a_secret_with_a_variable_of_the_process(one: Callable[[str], ImportPlan]) -> None:
    """An entry that mixes a secret with a variable that no file defines needs a decision."""
    with pytest.raises(ConfigurationError, match="API_TOKEN: it mixes a secret with a variable of the process"):
        one("API_TOKEN=abc${ELSEWHERE}def\n")


@pytest.mark.parametrize(
    "text", ["\\\\${ELSEWHERE}", "\\\\${ELSEWHERE:-x}", "a\\\\\\\\${ELSEWHERE:-}b", "${ELSEWHERE:-{}"]
)
def test_a_variable_that_an_env_file_cannot_hold(one: Callable[[str], ImportPlan], text: str) -> None:
    """A file that SecretSync would refuse is not written, whether the process has the variable or not."""
    with pytest.raises(ConfigurationError, match="A: a variable of the process environment is in a text"):
        one(f'A="{text}"\n')


def test_a_variable_of_a_later_line(one: Callable[[str], ImportPlan]) -> None:
    """python-dotenv does not see an entry of a later line, and SecretSync would: the user has to decide."""
    with pytest.raises(ConfigurationError, match="B: "):
        one("B=${A}\nA=1\n")
