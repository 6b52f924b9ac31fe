"""The tests find every secret that comes out, wherever and in whatever form."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import ENDS, KINDS, find_leaks, make_pem
from tests.support.processes import clean_environment, run_command

ROOT = Path(__file__).parents[2]
PLANTED: list[dict[str, str]] = tomllib.loads((Path(__file__).parent / "data/planted_leaks.toml").read_text())["leak"]

INNER = '''
import base64, gzip, json, logging, os, subprocess, sys, textwrap, threading, pytest
from secretsync.core.system.atomic_write import write_file
from secretsync.core.errors import UsageError
from tests.support.canary import KINDS, make_canary, make_pem, make_short
from tests.support.processes import run_command

SHOW = """
import base64, os, sys
text = base64.urlsafe_b64encode(sys.argv[1].encode() + os.environ["S"].encode()).decode()
print(text, file=getattr(sys, (sys.argv + ["stdout"])[2]))
"""

def child(code, inherits=False):
    """Run code in a process that has a secret in its environment."""
    env = {"S": make_canary()}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=FOLDER, capture_output=not inherits)
    assert done.returncode == 0, "the program of the test failed"

@pytest.fixture(autouse=True)
def folder(tmp_path):
    global FOLDER
    FOLDER = tmp_path

@pytest.fixture(autouse=True)
def debug(caplog):
    caplog.set_level(logging.DEBUG)

def test_clean(canary, tmp_path):
    """Inputs, declared files and secrets that stay inside are no leaks."""
    secret = canary()
    (tmp_path / "input").write_text(secret)
    os.rename(tmp_path / "input", tmp_path / "moved")
    subprocess.run(["cat", str(tmp_path / "moved")], check=True, capture_output=True)
    print(f"{len(secret)} characters")

@pytest.mark.sink("out/*.env")
def test_sink(canary, tmp_path):
    (tmp_path / "out").mkdir()
    write_file(str(tmp_path / "out" / "x.env"), canary().encode())

@pytest.mark.reveals
def test_revealed(canary, tmp_path):
    print(canary())
    write_file(str(tmp_path / "x.env"), canary().encode())
'''


def _inner_test(number: int, leak: dict[str, str]) -> str:
    body = "\n".join(f"    {line}" for line in leak["code"].strip().split("\n"))
    return f"\ndef test_planted_{number:02}(canary, tmp_path, request):\n{body}\n"


@pytest.mark.reveals
def test_every_planted_leak_is_found(tmp_path: Path) -> None:
    """Each leak of a list fails its test, and no test without a leak fails."""
    assert len(PLANTED) >= 24
    assert len({leak["place"] for leak in PLANTED}) == len(PLANTED)
    (tmp_path / "test_inner.py").write_text(INNER + "".join(_inner_test(*item) for item in enumerate(PLANTED)))
    argv = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-rfE"]
    argv += ["-p", "tests.conftest", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "base"), "--tb=line"]
    env = clean_environment(tmp_path, {"COLUMNS": "250"})
    run = run_command([*argv, str(tmp_path / "test_inner.py")], cwd=ROOT, env=env, expect=1, reveals=True)
    failed = {
        int(number) for number in re.findall(r"^(?:ERROR|FAILED) \S+::test_planted_(\d+)", run.stdout, re.MULTILINE)
    }
    missed = [leak for number, leak in enumerate(PLANTED) if number not in failed]
    assert not missed, "\n".join(f"{leak['place']}: {leak['form']}" for leak in missed)
    for name in ("clean", "sink", "revealed"):
        assert f"::test_{name}" not in run.stdout, name
    # A test that fails for another reason proves nothing.
    reasons = re.findall(r"^(?:ERROR|FAILED) \S+::test_planted_\d+ - (.*)$", run.stdout, re.MULTILINE)
    assert len(reasons) == len(PLANTED)
    assert not [reason for reason in reasons if "a secret leaked into" not in reason]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_secret_is_found(kind: str) -> None:
    """A secret of each kind is found as a whole, and by its first and its last line."""
    secret = KINDS[kind]()
    assert "plain" in find_leaks(secret)
    lines = re.split(r"[\r\n\u2028]+", secret.strip())
    for line in lines[1:-1] if kind == "PEM" else lines:
        assert find_leaks(line), kind


def test_sizes_of_the_kinds() -> None:
    """The shortest secret has eight characters, the longest 256 KB; a key has several lines."""
    made: dict[str, Any] = {kind: make() for kind, make in KINDS.items()}
    assert len(made["eight characters"]) == 8
    assert len(made["256 KB"]) >= 256 * 1024
    assert make_pem().count("\n") > 5
    assert all(len(end) == 8 for end in ENDS)


BESIDE = """
import subprocess, sys
from tests.support.canary import make_canary

WRITE = "import os, sys; os.mkdir(sys.argv[1]); open(sys.argv[1] + '/x', 'w').write(os.environ['S'])"

def test_of_a_program(tmp_path):
    subprocess.run([sys.executable, "-c", WRITE, str(tmp_path.parent / "beside")], env={"S": make_canary()}, check=True)

def test_after_it():
    pass
"""


@pytest.mark.reveals
def test_a_folder_beside_those_of_the_tests_is_found(tmp_path: Path) -> None:
    """A run fails if a program made a folder beside those of the tests and wrote a secret into it."""
    (tmp_path / "test_inner.py").write_text(BESIDE)
    argv = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    argv += ["-p", "tests.conftest", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "base")]
    env = clean_environment(tmp_path, {"COLUMNS": "250"})
    run = run_command([*argv, str(tmp_path / "test_inner.py")], cwd=ROOT, env=env, expect=1, reveals=True)
    assert re.search(r"a secret leaked into: the file \S+/base/beside/x \(plain\)", run.stdout)
    assert "2 passed, 1 error" in run.stdout
