"""The tests' own safety net holds: leaks are found, the network is refused, the environment is clean."""

import base64
import json
import os
import re
import socket
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary import CanaryFactory, find_leaks, make_canary
from tests.support.network import is_local
from tests.support.processes import clean_environment, run_command, scrub, secretsync_argv
from tests.support.tools import count_skips
from tests.support.walker import everything_shown

ROOT = Path(__file__).parents[2]


def quote_all(text: str) -> str:
    """`text` with each character percent-encoded."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


@pytest.mark.parametrize(
    ("form", "show"),
    [
        ("plain", str),
        ("plain", str.upper),
        ("plain", repr),
        ("plain", json.dumps),
        ("plain", urllib.parse.quote),
        ("plain", lambda value: value[: len(value) // 2]),
        ("plain", lambda value: value[len(value) // 2 :]),
        ("reversed", lambda value: value[::-1]),
        ("base64", lambda value: base64.b64encode(value.encode()).decode()),
        ("base64", lambda value: base64.b64encode(b"x" + value.encode()).decode()),
        ("base64", lambda value: base64.urlsafe_b64encode(b"xy" + value.encode()).decode()),
        ("hex", lambda value: value.encode().hex()),
        ("hex", lambda value: value.encode().hex(" ").upper()),
        ("hex", lambda value: "".join(f"\\x{byte:02x}" for byte in value.encode())),
        ("URL-quoted", quote_all),
        ("JSON-escaped", lambda value: "".join(f"\\u{ord(char):04x}" for char in value)),
        ("list of bytes", lambda value: str(list(value.encode()))),
        ("UTF-16", lambda value: value.encode("utf-16-le").decode("latin-1")),
    ],
)
def test_a_leak_is_found_in_each_form(form: str, show: Callable[[str], str]) -> None:
    """A canary is found whole or halved, in each encoding and inside other text."""
    assert form in find_leaks(f"before {show(make_canary('$<a', 'b>'))} after")


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_is_found_at_each_offset(before: bytes, after: bytes) -> None:
    """The bytes around a secret move it within base64."""
    assert "base64" in find_leaks(base64.b64encode(before + make_canary().encode() + after))


@given(st.binary())
def test_noise_is_clean(data: bytes) -> None:
    """Text without a canary has no leak."""
    assert find_leaks(data) == ()


@pytest.mark.reveals
def test_a_command_must_not_show_a_secret(canary: CanaryFactory, tmp_path: Path) -> None:
    """A secret in stderr, in stdout without `reveals`, or in an argument fails the test."""
    secret = canary()
    show = [sys.executable, "-I", "-c", "import os, sys; print(os.environ['S'], file=getattr(sys, os.environ['TO']))"]
    for stream, reveals in (("stderr", False), ("stderr", True), ("stdout", False)):
        with pytest.raises(AssertionError, match=f"leaked into the {stream}") as caught:
            run_command(show, cwd=tmp_path, env={"S": secret, "TO": stream}, reveals=reveals)
        assert secret not in str(caught.value)
    shown = run_command(show, cwd=tmp_path, env={"S": secret, "TO": "stdout"}, reveals=True, expect=0)
    assert shown.stdout == f"{secret}\n"
    assert secret not in repr(shown)
    with pytest.raises(AssertionError, match="leaked into an argument list"):
        run_command([sys.executable, "-c", "", secret], cwd=tmp_path, env={})


def test_an_unexpected_status_fails(tmp_path: Path) -> None:
    """The message has the status and what was said."""
    with pytest.raises(AssertionError, match=r"(?s)status 3, not 0.*why"):
        run_command([sys.executable, "-c", "raise SystemExit(print('why') or 3)"], cwd=tmp_path, env={}, expect=0)


def test_a_plug_in_is_imported_only_from_given_folders(tmp_path: Path) -> None:
    """Isolated runs heed no PYTHONPATH; the others heed it, and still nothing from the working directory."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "plugged.py").write_text("")
    (tmp_path / "here.py").write_text("")
    env = {"PYTHONPATH": str(tmp_path / "path")}
    for isolated, module, expected in ((True, "plugged", 1), (False, "plugged", 0), (False, "here", 1)):
        argv = [*secretsync_argv([], isolated=isolated)[:-2], "-c", f"import {module}"]
        assert run_command(argv, cwd=tmp_path, env=env).status == expected


def test_commands_get_a_clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH, HOME, no metadata service, and what is given; None takes away."""
    monkeypatch.setenv("VAULT_TOKEN", "x")
    assert set(clean_environment(tmp_path, {"A": "1", "HOME": None})) == {"PATH", "AWS_EC2_METADATA_DISABLED", "A"}


def test_the_environment_is_scrubbed(home: Path) -> None:
    """Nothing of the person who runs the tests leads anywhere."""
    dangerous = ["AWS_PROFILE", "BAO_ADDR", "VAULT_TOKEN", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT", "MSI_SECRET"]
    dangerous += ["https_proxy", "ALL_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SECRETSYNC_ENV", "ENVIRONMENT"]
    environ = dict.fromkeys([*dangerous, "PATH"], "x")
    scrub(environ)
    assert environ == {"PATH": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    assert not set(dangerous) & set(os.environ)
    assert Path.home() == home
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"


@pytest.mark.blocked_network
def test_the_network_is_refused() -> None:
    """Addresses and names beyond loopback, by each way to reach them."""
    with socket.socket() as tcp:
        with pytest.raises(OSError, match="loopback"):
            tcp.connect(("192.0.2.1", 80))
        with pytest.raises(OSError, match="loopback"):
            tcp.connect_ex(("169.254.169.254", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(OSError, match="loopback"):
        udp.sendto(b"", ("192.0.2.1", 53))
    with pytest.raises(OSError, match="loopback"):
        urllib.request.urlopen("http://example.com/")


def test_loopback_is_open() -> None:
    """A server of the test's own can be reached, by address and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1]), timeout=5).close()
    assert is_local("::1")
    assert not is_local("localhost.example.com")


INNER = """
import logging, socket, threading, pytest
from tests.support.canary import make_canary
from tests.support.tools import needs_tool

def test_clean(canary, tmp_path):
    canary.watch(tmp_path)
    (tmp_path / "file").write_text("nothing")

def test_print(canary):
    print(canary())

def test_log(canary):
    logging.getLogger("x").warning("%r", canary())

def test_file(canary, tmp_path):
    canary.watch(tmp_path)
    (tmp_path / "file").write_text(canary())

def test_network():
    try:
        socket.create_connection(("192.0.2.1", 80))
    except OSError:
        pass

GO = threading.Event()

def try_later():
    GO.wait(60)
    test_network()

@pytest.fixture(scope="module")
def left_behind():
    thread = threading.Thread(target=try_later)
    thread.start()
    return thread

def test_starts_a_thread(left_behind):
    pass

def test_after_the_thread(left_behind):
    GO.set()
    left_behind.join()

@pytest.mark.reveals
def test_allowed(canary):
    print(canary())

def test_tool():
    needs_tool("no-such-tool")
"""


@pytest.mark.reveals
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_run_fails_where_a_test_leaks(tmp_path: Path, workers: str) -> None:
    """Output, logs, watched files and refused connections fail their test, in each worker; skips are counted.

    A refused connection of a thread that an earlier test left behind fails no test.
    """
    (tmp_path / "test_inner.py").write_text(INNER)
    argv = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    argv += ["-n", workers, "--dist=loadscope", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    argv += ["--basetemp", str(tmp_path / "base")]
    env = clean_environment(tmp_path, {"COLUMNS": "200"})
    # Pytest shows what a failing test printed, and that is right.
    run = run_command([*argv, str(tmp_path / "test_inner.py")], cwd=ROOT, env=env, expect=1, reveals=True)
    for name, cause in (
        ("print", "a secret leaked into: Captured stdout call"),
        ("log", "a secret leaked into: "),
        ("file", "a secret leaked into the file"),
        ("network", "the test tried to reach beyond loopback: 192.0.2.1"),
    ):
        assert f"test_inner.py::test_{name}" in run.stdout, name
        assert cause in run.stdout, name
    assert "1 skipped: needs no-such-tool" in run.stdout
    assert "4 errors" in run.stdout
    assert "8 passed, 1 skipped" in run.stdout


def test_an_order_is_repeated_by_its_seed(tmp_path: Path) -> None:
    """A seed of `--shuffle` gives one order, and the header prints the seed."""
    (tmp_path / "test_inner.py").write_text("".join(f"def test_{number:02}(): pass\n" for number in range(20)))
    argv = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    argv += ["-v", "-p", "tests.conftest", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "base")]

    def order(*options: str) -> list[str]:
        argv_of_one = [*argv, *options, str(tmp_path / "test_inner.py")]
        run = run_command(argv_of_one, cwd=ROOT, env=clean_environment(tmp_path), expect=0)
        assert all(f"order: {option}" in run.stdout for option in options)
        return re.findall(r"::(test_\d\d) PASSED", run.stdout)

    first, again, other = order("--shuffle=1"), order("--shuffle=1"), order("--shuffle=2")
    assert first == again
    assert sorted(first) == sorted(other) == order()
    assert len({*map(tuple, (first, other, sorted(first)))}) == 3


def test_skips_are_counted_by_what_is_missing() -> None:
    """The most frequent first."""
    reasons = ["Skipped: needs zsh, which is not here", "Skipped: other", "Skipped: needs zsh, which is not here"]
    assert count_skips(reasons) == ["2 skipped: needs zsh", "1 skipped: other"]


def test_the_walker_finds_what_an_error_leads_to(canary: CanaryFactory) -> None:
    """The walker looks into attributes, slots, containers, frames, causes and notes."""

    class Slotted:
        __slots__ = ("__hidden",)

        def __init__(self, value: object) -> None:
            self.__hidden = value

    class Plain:
        def __init__(self, value: object) -> None:
            self.kept = value

    noted, caused = RuntimeError("x"), RuntimeError("x")
    noted.add_note(canary())
    caused.__context__ = RuntimeError(canary())
    for value in (Slotted([canary()]), Plain({"a": (canary(),)}), {canary(): 1}, noted, caused):
        error = value if isinstance(value, RuntimeError) else RuntimeError(value)
        assert find_leaks(everything_shown(error, "tests"))
    assert not find_leaks(everything_shown(RuntimeError(Plain(["nothing"])), "tests"))
