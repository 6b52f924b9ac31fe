"""Run commands in a clean environment, and find every secret that they let out."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.canary import assert_clean
from tests.support.limits import HANG

# Whatever would let a test reach the accounts, the proxies or the configuration of the person who runs it.
_SCRUBBED = re.compile(
    r"(AWS|VAULT|BAO|AZURE|IDENTITY|MSI|SECRETSYNC)_.*|.*_PROXY|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_(FILE|DIR)"
    r"|ENVIRONMENT|CREDENTIALS_DIRECTORY",
    re.IGNORECASE,
)
_NO_METADATA = "AWS_EC2_METADATA_DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The exit status and output of a command: as text, and as bytes in the other fields."""

    status: int
    stdout_bytes: bytes = field(repr=False)
    stderr_bytes: bytes = field(repr=False)

    @property
    def stdout(self) -> str:
        """Standard output as text, its line ends untouched."""
        return self.stdout_bytes.decode("utf-8", "surrogateescape")

    @property
    def stderr(self) -> str:
        """Standard error as text, its line ends untouched."""
        return self.stderr_bytes.decode("utf-8", "surrogateescape")


def signal_mask(text: str) -> int:
    """Return a mask of /proc/PID/status, without the two signals that the C library keeps for itself.

    No program can set them, so what stands there comes from whoever started the tests.
    """
    return int(text, 16) & ~(1 << 31 | 1 << 32)


def open_files() -> list[str]:
    """Return what the descriptors of this process lead to, without sockets.

    A thread that an earlier test left behind may close its socket at any time.
    """
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor of this very listing is closed
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return sorted(target for target in found if not target.startswith("socket:"))


def heed_signals() -> None:
    """Ignore none of the signals that whoever started the tests ignores (nohup, a job in the background).

    Every process that the tests start would ignore them too.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # which Python looks after
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@cache
def _is_scrubbed(name: str) -> bool:
    return _SCRUBBED.fullmatch(name) is not None and name != _NO_METADATA


def scrub(environ: MutableMapping[str, str]) -> None:
    """Take out of `environ` what leads to stores, proxies and certificates; say that there is no metadata service."""
    for name in [name for name in environ if _is_scrubbed(name)]:
        del environ[name]
    environ[_NO_METADATA] = "true"


def put_back(before: Mapping[str, str]) -> None:
    """Give this process the environment `before`. What is equal is not touched, because that takes longer."""
    now = dict(os.environ)
    for name in now.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if now.get(name) != value:
            os.environ[name] = value


def clean_environment(home: Path, env: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """PATH, a HOME of the test's own, no metadata service, and `env`; a None in `env` takes a variable away."""
    base: dict[str, str | None] = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        _NO_METADATA: "true",
    }
    return {name: value for name, value in {**base, **(env or {})}.items() if value is not None}


def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: str | bytes = b"",
    reveals: bool = False,
    reveals_stderr: bool = False,
    expect: int | None = None,
    timeout: float = HANG,
) -> CommandResult:
    """Run `argv` with exactly `env` as its environment; return the result.

    No secret may be in its stderr, nor in its stdout unless `reveals` says that this is what stdout is for.
    `reveals_stderr`: the same of stderr, for the one command that speaks to a CI runner there.
    `expect`: the exit status that it must have. After `timeout` seconds it is killed and the test fails.
    """
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(argv, cwd=cwd, env=dict(env), input=data, capture_output=True, timeout=timeout, check=False)
    result = CommandResult(status=done.returncode, stdout_bytes=done.stdout, stderr_bytes=done.stderr)
    shown = " ".join(Path(part).name if part == sys.executable else part for part in argv)
    assert_clean(shown, "an argument list")
    if not reveals_stderr:
        assert_clean(result.stderr_bytes, f"the stderr of: {shown}")
    if not reveals:
        assert_clean(result.stdout_bytes, f"the stdout of: {shown}")
    if expect is not None and result.status != expect:
        said = result.stderr or ("(stdout is not shown: it may hold secrets)" if reveals else result.stdout)
        message = f"status {result.status}, not {expect}: {shown}\n{said}"
        raise AssertionError(message)
    return result


def secretsync_argv(arguments: Sequence[str], *, isolated: bool = True) -> list[str]:
    """Return the command line that runs SecretSync: isolated as in a container, or with PYTHONPATH heeded."""
    # -s -P: no packages of the user, nothing imported from the working directory; all else of -I is PYTHON* variables.
    return [sys.executable, *(["-I"] if isolated else ["-s", "-P"]), "-m", "secretsync", *arguments]


def run_secretsync(
    arguments: Sequence[str],
    *,
    cwd: Path,
    home: Path,
    env: Mapping[str, str | None] | None = None,
    sys_path: Sequence[Path] = (),
    stdin: str | bytes = b"",
    reveals: bool = False,
    reveals_stderr: bool = False,
    expect: int | None = None,
    timeout: float = HANG,
) -> CommandResult:
    """Run `secretsync ARGUMENTS`; see `run_command`. `sys_path`: folders to import from before all others."""
    environment = clean_environment(home, env)
    if sys_path:
        environment["PYTHONPATH"] = os.pathsep.join(str(folder) for folder in sys_path)
    return run_command(
        secretsync_argv(arguments, isolated=not sys_path),
        cwd=cwd,
        env=environment,
        stdin=stdin,
        reveals=reveals,
        reveals_stderr=reveals_stderr,
        expect=expect,
        timeout=timeout,
    )


RunCli = Callable[..., CommandResult]  # the fixture `run_cli`
