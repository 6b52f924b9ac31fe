"""What the README and the pages beside it show is what happens."""

import inspect
import os
import re
import shutil
import sys
import textwrap
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import secretsync
from secretsync import resolve_config
from secretsync.core.model import Missing, SecretRef
from secretsync.project.bindings_file import parse_bindings
from secretsync.project.env_file import parse_env_file
from secretsync.project.placeholders import parse_value
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.registry import BUILT_IN
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str, text: str = README) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def table(heading: str, text: str) -> list[list[str]]:
    """Return the rows of the first table under a heading, without its head."""
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def sessions() -> Iterator[tuple[str, str]]:
    """Each command of the `console` blocks, with the output that is shown."""
    for block in blocks("console"):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield command, output.rstrip("\n")


@pytest.mark.parametrize(("command", "expected"), list(sessions()))
def test_sessions(project: MakeProject, canary: CanaryFactory, command: str, expected: str) -> None:
    """A command that is shown prints what is shown; `...` on a line of its own stands for any lines."""
    made = project(
        {f".secrets/development/{name}": canary() for name in ("secret_key", "jwt_secret", "database_password")}
    )
    for folder in ("env", "providers", "demo"):
        shutil.copytree(ROOT / folder, made.root / folder)
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = clean_environment(made.home, {"PATH": path, "SMTP_PASSWORD": canary()})
    done = run_command(["bash", "-c", f"{{ {command}; }} 2>&1"], cwd=made.root, env=environment)
    pattern = re.escape(expected).replace("\\.\\.\\.", r"[\s\S]*")
    assert re.fullmatch(pattern, done.stdout.rstrip("\n")), done.stdout


def test_python_block(project: MakeProject, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library in five lines works on a project like this one."""
    made = project(
        {
            "env/production/common.env": "DEBUG=False\nFORCE_HTTPS=True\n",
            "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\n",
            "env/production/database.env": "DATABASE_URL=postgresql://db/app\n",
        }
    )
    monkeypatch.setenv("SECRET_KEY", canary("k" * 10))
    monkeypatch.chdir(made.root)
    (block, *_) = blocks("python")
    exec(block, {})
    assert "resolve_config" in block
    assert resolve_config("production")["DEBUG"] == "False"


def test_files_in_the_readme() -> None:
    """Env files and bindings that are shown can be read."""
    shown = [block for block in blocks("sh") if block.startswith("# env/")]
    assert shown
    for block in shown:
        assert not parse_env_file(block.encode(), file="README.md").problems
    for block in blocks("toml"):
        assert tomllib.loads(block)
        assert not parse_bindings(block.encode(), "README.md").problems


@pytest.mark.parametrize("block", blocks("toml"))
def test_stores_of_the_readme(project: MakeProject, block: str) -> None:
    """The settings and references of each store are accepted by its provider."""
    names = tomllib.loads(block)["secrets"]
    assert names
    entries = "".join(f"{name}=$<{name}>\n" for name in names)
    made = project({"env/production/security.env": entries, "providers/production.toml": block})
    shown = made.cli("explain", "-e", "production", "--offline", expect=0).stdout
    assert all(name in shown for name in names)


def test_the_readme_has_each_store() -> None:
    """Each built-in provider has a block, and the page is short."""
    assert {name for block in blocks("toml") for name in tomllib.loads(block)["stores"]} == set(BUILT_IN)
    assert len(README.split("\n")) < 260


def test_placeholders_of_the_table() -> None:
    """Each form in the table of placeholders is one."""
    rows = table("Forms", page("placeholders.md"))
    assert len(rows) >= 10
    for written, _ in rows:
        for form in re.findall(r"`([^`]+)`", written):
            is_literal = form.startswith("'")
            assert is_literal or not parse_value(form).faults, form


def test_links_lead_somewhere() -> None:
    """Every relative link of the README and of docs/ has its file."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def page(name: str) -> str:
    """Return a page of docs/."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_library_page(project: MakeProject, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of Python on the page runs, one after the other."""
    made = project(
        {
            **{
                f"env/{name}/common.env": "PORT=8000\nDEBUG=False\nFORCE_HTTPS=True\n"
                for name in ("production", "test")
            },
            "env/production/security.env": "SECRET_KEY=$<env:SECRET_KEY>\n",
            "env/production/web.env": "PORT=80\n",
            "env/production/database.env": "URL=$<env:SECRET_KEY>\n",
            "env/test/security.env": "KEY=$<vault:secret/app#key>\n",
        }
    )
    monkeypatch.setenv("SECRET_KEY", canary())
    monkeypatch.chdir(made.root)
    names: dict[str, object] = {"__name__": "shown"}
    monkeypatch.setitem(sys.modules, "shown", types.ModuleType("shown"))
    for block in blocks("python", page("library.md")):
        exec(block, names)
    canary.assert_clean(repr(names["settings"]))
    assert names["config"]["KEY"] == "not a secret"  # type: ignore[index]


def test_library_page_names_what_is_there() -> None:
    """The table of exceptions is complete, and so is that of arguments."""
    rows = re.findall(r"^\| `(\w+Error)` \|", page("library.md"), re.MULTILINE)
    assert sorted(rows) == sorted(name for name in secretsync.__all__ if name.endswith("Error") and "Sync" not in name)
    shown = set(re.findall(r"`(\w+)`", page("library.md").split("| Means |")[1].split("\n## ")[0]))
    assert set(inspect.signature(resolve_config).parameters) <= shown


def test_plug_in_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider on the page answers as it should, with a keyring in memory in place of the SDK."""
    provider_block, contract_block = re.findall(
        r"^   ```python\n(.*?)^   ```$", page("plugins.md"), re.MULTILINE | re.DOTALL
    )
    compile(textwrap.dedent(contract_block), "plugins.md", "exec")
    keyring = types.ModuleType("keyring")
    keyring.__dict__["errors"] = types.SimpleNamespace(KeyringError=LookupError)
    keyring.__dict__["get_password"] = lambda service, user: {("acme", "api"): "x"}.get((service, user))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(provider_block), names)
    provider = names["KeyringProvider"](StoreContext(store="keyring", environment="test"))
    refs = (SecretRef("keyring", "acme/api"), SecretRef("keyring", "acme/other"))
    there, missing = (outcome for _, outcome in provider.fetch(refs, Deadline(10)))
    assert there.value.reveal() == "x"
    assert isinstance(missing, Missing)
