"""Start applications by `secretsync run` that wait, for the tests that look at running processes."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.support.limits import HANG
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import Project
from tests.support.supervised import Lines

# Writes its process id, and ends with standard input.
WAIT = "import os; os.write(1, b'%d\\n' % os.getpid()); os.read(0, 1)"
PROGRAM = [sys.executable, "-I", "-S", "-c", WAIT]


class Application:
    """A running `secretsync run`, or what it has become. `pid`: of the process that wrote its id first."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.process = process
        self.output = Lines(process.stdout.fileno())
        self.pid = int(self.output.line())

    @property
    def first(self) -> int:
        """Return the id of the process that was started."""
        return self.process.pid


@contextmanager
def application(
    made: Project,
    *options: str,
    program: Sequence[str] = PROGRAM,
    env: Mapping[str, str | None] | None = None,
    environment: str = "production",
) -> Iterator[Application]:
    """Start `program` and wait until it writes its process id. The end of its standard input ends it."""
    with subprocess.Popen(
        secretsync_argv(("run", "-e", environment, *options, "--", *program)),
        cwd=made.root,
        env=clean_environment(made.home, env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Application(process)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # type: ignore[union-attr]
            process.terminate()
            process.wait(HANG)
