"""Secrets that programs handle wrongly come out of no command, and arrive unchanged."""

import json
import logging

import pytest

from secretsync import resolve_config
from tests.support.canary import KINDS, CanaryFactory
from tests.support.projects import MakeProject, Project

KEYS = {f"S{number}": kind for number, kind in enumerate(KINDS)}
ENV = ("-e", "test")

# Each command that shows or writes something about secrets, with the statuses that it may end with.
COMMANDS: dict[tuple[str, ...], tuple[int, ...]] = {
    ("check", *ENV): (0,),
    ("check", *ENV, "--fetch", "-v"): (0,),
    ("explain", *ENV, "-v"): (0,),
    ("audit", *ENV, "--online"): (0, 1),
    ("audit", *ENV, "--format", "sarif"): (0, 1),
    ("check-rotation", *ENV, "--format", "json"): (0, 1),
    ("track", *ENV): (0,),
    ("diff", *ENV): (0,),
    ("doctor", *ENV): (0,),
    ("template", "--output", "-"): (0,),
    ("backup",): (0,),
    ("render", *ENV, "--format", "docker"): (6,),
    ("render", *ENV, "--format", "portable"): (6,),
    ("run", *ENV, "-v", "--", "true"): (0, 6),
    ("get", *ENV, "docker:S0#field"): (3, 2),
}


@pytest.fixture
def secrets(canary: CanaryFactory) -> dict[str, str]:
    """Return a secret of each kind, by its key."""
    made = canary.hostile()
    return {key: made[kind] for key, kind in KEYS.items()}


@pytest.fixture
def shop(project: MakeProject, secrets: dict[str, str]) -> Project:
    """Return a project with all of them as Docker secrets, beside text and in a URL too."""
    made = project(
        {
            "env/test/security.env": "".join(f"{key}=$<docker:{key}?trim=false>\n" for key in KEYS)
            + "URL=https://u:$<docker:S0?as=url>@h/$<docker:S8?as=url>\n",
            "providers/test.toml": '[stores.docker]\ndir = "s"\n',
        }
    )
    for key, value in secrets.items():
        made.write(f"s/{key}", value)
    return made


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_one(shop: Project, command: tuple[str, ...]) -> None:
    """The command ends as expected; its output and its files are looked through for each secret."""
    if command[0] == "diff":
        shop.cli("track", *ENV, expect=0)
    done = shop.cli(*command)
    assert done.status in COMMANDS[command], done.stderr


@pytest.mark.sink("out.json")
def test_each_arrives_unchanged(shop: Project, secrets: dict[str, str]) -> None:
    """A file of JSON has the values as they are in the store."""
    shop.cli("render", *ENV, "--format", "json", "--output", "out.json", expect=0)
    rendered = json.loads(shop.read("out.json"))
    assert [key for key, value in secrets.items() if rendered[key] != value] == []


def test_the_library_logs_none(shop: Project, secrets: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """With all loggers at DEBUG, the library logs, prints and raises no secret, and the filter masks each."""
    caplog.set_level(logging.DEBUG)
    config = resolve_config("test", root=shop.root, environ={})
    assert [key for key, value in secrets.items() if config[key] != value] == []
    masker = config.masker()
    for key in KEYS:
        logging.getLogger("app").warning(masker.text(f"{key} is {config[key]}, {config[key]!r}"))
        logging.getLogger("app").warning(masker.text(json.dumps({key: config[key]})))
