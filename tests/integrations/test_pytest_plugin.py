"""The plugin for pytest: overrides, the marker, and its cost at the start."""

import sys
from pathlib import Path

import pytest

from secretsync import ResolutionError, UsageError, ValidationError, resolve_config
from secretsync.integrations.pytest_plugin import MARKER, Overrides, override
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Return a project whose secrets are in Vault, which is not there."""
    made: Project = project(
        {
            "env/production/common.env": "DEBUG=False\nNAME=shop\n",
            "env/production/security.env": "SECRET_KEY=$<vault:secret/app#key>\n",
            "env/production/database.env": "URL=postgresql://app:${SECRET_KEY}@db\n",
            "providers/production.toml": '[stores.vault]\naddress = "http://127.0.0.1:9"\n',
        }
    )
    return made


def test_values(shop: Project, secretsync: Overrides, canary: CanaryFactory) -> None:
    """A value replaces the entry and what is made of it; no store is asked; the inner block wins."""
    first, second = f"a{canary()}", f"b{canary()}"
    with secretsync.override({"SECRET_KEY": first, "NEW": "$<not a placeholder> ${X}"}):
        config = resolve_config("production", root=shop.root)
        assert (config["SECRET_KEY"], config["NAME"]) == (first, "shop")
        assert config["NEW"] == "$<not a placeholder> ${X}"
        assert config.service("database")["URL"] == f"postgresql://app:{first}@db"
        with override({"SECRET_KEY": second}):
            assert resolve_config("production", root=shop.root)["SECRET_KEY"] == second
            assert config.refresh().config["SECRET_KEY"] == second
        assert resolve_config("production", root=shop.root)["SECRET_KEY"] == first
        assert config.origin("SECRET_KEY").is_secret


def test_a_value_that_is_refused(shop: Project, secretsync: Overrides) -> None:
    """The error and the origin name the override, not the process environment, which does not have the value."""
    secretsync.set({"SECRET_KEY": "short"})
    with pytest.raises(ValidationError, match=r"^override: SECRET_KEY: it must have at least 32 characters"):
        resolve_config("production", root=shop.root)
    config = resolve_config("production", root=shop.root, validate=False)
    assert config.origin("SECRET_KEY").file == "override"


def test_a_value_of_a_service(shop: Project, secretsync: Overrides, canary: CanaryFactory) -> None:
    """A key that a service defines has the value in the service's scope."""
    secretsync.set({"URL": "sqlite://", "SECRET_KEY": canary()})
    assert resolve_config("production", root=shop.root).service("database")["URL"] == "sqlite://"


def test_stores(shop: Project, secretsync: Overrides, canary: CanaryFactory) -> None:
    """A dictionary is a store in memory, a provider is used as it is, and `stores=` of a call wins."""
    one, two, three = f"1{canary()}", f"2{canary()}", f"3{canary()}"
    secretsync.set(stores={"vault": {"secret/app": {"key": one}}})
    assert resolve_config("production", root=shop.root)["SECRET_KEY"] == one
    with secretsync.override(stores={"vault": MemoryProvider({"secret/app": {"key": two}})}):
        assert resolve_config("production", root=shop.root)["SECRET_KEY"] == two
        own = {"vault": MemoryProvider({"secret/app": {"key": three}})}
        assert resolve_config("production", root=shop.root, stores=own)["SECRET_KEY"] == three


def test_nothing_is_left(shop: Project) -> None:
    """After the block, and after an exception in it, the library is as before."""
    from secretsync import api
    from secretsync.resolving import pipeline

    before = {module: dict(vars(module)) for module in (api, pipeline)}

    def fail() -> None:
        with override({"SECRET_KEY": "x"}):
            assert vars(api)["load_plan"] is not before[api]["load_plan"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert {module: dict(vars(module)) for module in (api, pipeline)} == before


@pytest.mark.parametrize(("values", "message"), [({"A": 5}, "A: the value is of type int"), ({"A B": "x"}, "a key")])
def test_wrong_values(values: dict[str, str], message: str) -> None:
    """The error names the key and not the value."""
    with pytest.raises(UsageError, match=message), override(values):
        pass


@pytest.mark.secretsync_no_stores
def test_marker_allows_values_and_stores(shop: Project, secretsync: Overrides, canary: CanaryFactory) -> None:
    """Values, stores of the test, files and variables are not real stores."""
    shop.write("env/test/common.env", "A=$<env:HOME>\nB=$<docker:b>\n")
    shop.write("providers/test.toml", '[stores.docker]\ndir = "files"\n')
    shop.write("files/b", "x")
    assert resolve_config("test", root=shop.root)["B"] == "x"
    key = canary()
    secretsync.set(stores={"vault": {"secret/app": {"key": key}}})
    assert resolve_config("production", root=shop.root)["SECRET_KEY"] == key


SUITE = """
import contextlib, secrets
import pytest
from secretsync import resolve_config, SecretSyncError

pytestmark = pytest.mark.secretsync_no_stores

def test_raises():
    resolve_config("production", root=ROOT)

def test_that_catches():
    with contextlib.suppress(SecretSyncError):
        resolve_config("production", root=ROOT)

@pytest.fixture
def configured():
    with contextlib.suppress(SecretSyncError):
        resolve_config("production", root=ROOT)

def test_fixture(configured):
    pass

def test_passes(secretsync):
    key = secrets.token_hex(24)
    secretsync.set({"SECRET_KEY": key})
    assert resolve_config("production", root=ROOT)["SECRET_KEY"] == key
"""


def run_suite(text: str, folder: Path, home: Path) -> str:
    """Run a suite that has nothing but the installed plugin; return its output."""
    folder.joinpath("test_suite.py").write_text(text)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "-c", "/dev/null"]
    return run_command([*argv, "--rootdir", str(folder), str(folder)], cwd=folder, env=clean_environment(home)).stdout


def test_marker_forbids_real_stores(shop: Project, tmp_path: Path, home: Path) -> None:
    """A marked test fails if it opens Vault, also if the application or a fixture catches the error."""
    out = run_suite(f"ROOT = {str(shop.root)!r}\n{SUITE}", tmp_path, home)
    assert "3 failed, 1 passed" in out
    assert f"vault: the test is marked {MARKER}; give it values or stores" in out
    assert out.count("and opened: vault") >= 2


def test_an_unmarked_test_after_a_marked_one(shop: Project) -> None:
    """The marker ends with its test."""
    from secretsync.providers.registry import load_provider
    from secretsync.resolving.requests import open_stores

    assert vars(open_stores)["load_provider"] is load_provider
    with pytest.raises(ResolutionError, match="VAULT_TOKEN"):
        resolve_config("production", root=shop.root)


START = """
import sys

def test_modules():
    assert "secretsync.integrations.pytest_plugin" in sys.modules
    own = {name for name in sys.modules if name.split(".")[0] == "secretsync"}
    assert own == {"secretsync", "secretsync.integrations", "secretsync.integrations.pytest_plugin"}
"""


def test_start_imports_nothing_else(tmp_path: Path, home: Path) -> None:
    """A suite that does not use SecretSync loads the plugin's own module and no other."""
    assert "1 passed" in run_suite(START, tmp_path, home)
