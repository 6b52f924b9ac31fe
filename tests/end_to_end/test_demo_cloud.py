"""`make demo-cloud`: real servers, one environment, no secret shown, and nothing left behind however it ends."""

import os
import re
import secrets
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.cloud import play
from secretsync.project.bindings_file import parse_bindings
from tests.servers.ministack import Ministack
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "demo.cloud.play"]


@pytest.fixture(autouse=True)
def programs(ministack: Ministack) -> None:
    """Skip the test if a server's program is not installed."""


def left_behind(folder: Path) -> list[str]:
    """Return the processes that have to do with `folder`, by id."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in environment:
            found.append(process.name)
    return found


def test_it_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, canary: CanaryFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    """Everything is shown masked, whichever secrets it makes up."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    made: list[str] = []

    def make(_size: int) -> str:
        made.append(canary())
        return made[-1]

    monkeypatch.setattr(secrets, "token_urlsafe", make)
    try:
        assert play.main() == 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    said = capfd.readouterr()
    assert len(made) >= 4
    canary.assert_clean(said.out + said.err)


def test_it_ends_well(tmp_path: Path) -> None:
    """Status 0, each command's own output, one read of each store, and nothing left."""
    environment = {**clean_environment(tmp_path), "TMPDIR": str(tmp_path), "AWS_PROFILE": "of-somebody"}
    done = run_command(COMMAND, cwd=ROOT, env=environment, expect=0)
    shown = done.stdout
    assert re.findall(r"^\$ secretsync ([a-z-]+)", shown, re.MULTILINE) == ["explain", "check-rotation", "run"]
    for words in ("aws:demo/app#secret_key (version ", "aws: 1 secret, 1 request, "):
        assert words in shown
    assert "signed with SECRET_KEY=<Secret ********>: valid" in shown
    assert report_in(shown) == report_in((ROOT / "docs" / "rotation.md").read_text(encoding="utf-8"))
    assert done.stderr == ""
    assert not left_behind(tmp_path)
    assert not list(tmp_path.glob("secretsync-demo-*"))


def report_in(text: str) -> str:
    """Return the rotation report in a text, but for its date, and the eighths of its bars, which hours change."""
    (report,) = re.findall(r"^\$ secretsync check-rotation.*?^3 secrets: [^\n]*", text, re.MULTILINE | re.DOTALL)
    return re.sub(r"[▏▎▍▌▋▊▉█]·", "▏·", re.sub(r"\d{4}-\d\d-\d\d", "DATE", report))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """The servers go with it, even where it is killed; else its files do too."""
    environment = {**clean_environment(tmp_path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(left_behind(tmp_path)) >= 3
        process.send_signal(number)
        process.stdout.read()  # to its end: the servers write elsewhere
        status = process.wait(HANG)
    assert status in (128 + number, -number)
    until_gone(tmp_path)
    assert number is signal.SIGKILL or not list(tmp_path.glob("secretsync-demo-*"))


def until_gone(folder: Path) -> None:
    """Return when no process has to do with `folder`; the kernel needs a moment for those that it kills."""
    for process in left_behind(folder):
        descriptor = -1
        try:
            descriptor = os.pidfd_open(int(process))
            assert select.select([descriptor], [], [], HANG)[0], f"process {process} is still there"
        except ProcessLookupError:
            continue
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def test_its_bindings() -> None:
    """They name no address and no credential, and can be read."""
    text = (ROOT / "demo/cloud/providers/production.toml").read_bytes()
    assert not parse_bindings(text, "production.toml").problems
    assert b"://" not in text


def test_make_plays_it() -> None:
    """The one command is what the tests above run."""
    text = (ROOT / "Makefile").read_text()
    assert "demo-cloud: $(VENV)/.dev .tools/.servers\n\t@$(BIN)/python -m demo.cloud.play\n" in text
