"""docs/from-scripts.md: every script has its command, and what is to be typed can be typed."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

import secretsync
from secretsync.cli.commands import COMMANDS
from secretsync.cli.parser import build_parser
from secretsync.config.config import Config
from tests.support.projects import MakeProject

PAGE = (Path(__file__).parents[2] / "docs" / "from-scripts.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in row.strip("|").split(" | ")]
    for row in PAGE.partition("<!-- table -->\n")[2].partition("<!-- /table -->")[0].rstrip("\n").split("\n")[2:]
]
# What people write around env files: each has its row.
SCRIPTS = (
    *("mkdir", "SecureConfig", "validate_required_settings", "AppConfig", "docker-compose.prod.yml", "Dockerfile.prod"),
    *("audit_config.py", "config_diff.py", "config_diff.py diff", "chmod 600", "backup_config()", ".env.example", "$?"),
    "rolling restart",
)
TYPED = sorted({line for text in re.findall(r"`(secretsync [^`]+)`", PAGE) for line in text.split(" && ")})


def test_every_script_has_its_row() -> None:
    """Each script has its task, its command and its improvement in the table."""
    for script in SCRIPTS:
        assert any(script in row[0] for row in ROWS), script
    for row in ROWS:
        assert len(row) == 4, row[0]
        assert all(row), row[0]
        assert "`" in row[2], row[0]


def test_every_command_is_there() -> None:
    """No command is named that does not exist."""
    assert {line.split()[1] for line in TYPED} <= set(COMMANDS)
    assert len(TYPED) >= 15


@pytest.mark.parametrize("line", TYPED)
def test_what_is_typed_is_taken(line: str) -> None:
    """Each command line is one that the command's own parser takes."""
    _, name, *arguments = shlex.split(line)
    command = importlib.import_module(f"secretsync.cli.commands.{name.replace('-', '_')}")
    if hasattr(command, "split") and "--" in arguments:
        arguments, rest = command.split(arguments)
        assert rest
    elif hasattr(command, "split"):
        return  # the name of a command in a sentence
    build_parser(name, command).parse_args(arguments)


def test_calls_are_there() -> None:
    """The names of the library in the table are names of the library."""
    called = set(re.findall(r"`(\w+)\(", " ".join(row[2] for row in ROWS)))
    assert called == {"resolve_config", "AppConfig"}
    assert called <= set(secretsync.__all__)
    methods = set(re.findall(r"`config\.(\w+)\(", " ".join(row[2] for row in ROWS)))
    assert methods == {"require", "bind", "refresh"}
    assert all(hasattr(Config, method) for method in methods)


def test_the_order_of_things(project: MakeProject) -> None:
    """A project as scripts have it: what is there stays, plain secrets are found, and placeholders of old work."""
    made = project(
        {
            "env/production/common.env": "ENVIRONMENT=production\nDEBUG=False\nFORCE_HTTPS=True\n",
            "env/production/security.env": "SECRET_KEY=${SECRET_KEY}\nDB_PASSWORD=an0ther-0ne-in-plain\n",
        }
    )
    assert "kept env/production/security.env" in made.cli("init", "-e", "production", expect=0).stdout
    assert "env/production/security.env:2: " in made.cli("audit", "--all", expect=1).stdout
    made.write("env/production/security.env", "SECRET_KEY=${SECRET_KEY}\nDB_PASSWORD=$<DB_PASSWORD>\n")
    assert "plaintext" not in made.cli("audit", "--all").stdout
    env = {"SECRET_KEY": "k" * 40, "DB_PASSWORD": "k" * 20, "DATABASE_URL": "postgresql://db/app"}
    made.cli("check", "-e", "production", env=env, expect=0)
    made.cli("run", "-e", "production", "--", "true", env=env, expect=0)
