"""The plug-in of `distribution/`, installed by pip into a folder of this session."""

import json
import os
import select
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command

DISTRIBUTION = Path(__file__).parent / "distribution"


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the plug-in is installed in: give it to `sys_path`."""
    target = tmp_path_factory.mktemp("plugin")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    argv = [*pip, "--no-build-isolation", "--target", str(target), str(DISTRIBUTION)]
    run_command(argv, cwd=target, env=clean_environment(target), expect=0)
    return target


@pytest.fixture
def probe_values(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """`probe_values({"a": canary()})` writes what the store answers; returns the path for its setting `values`."""

    def write(values: Mapping[str, str]) -> Path:
        path = tmp_path / "probe.json"
        path.write_text(json.dumps(values))
        return path

    return write


class RequestLog:
    """The requests to the plug-in, in a pipe that its reader can wait on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        # Opened for both, so that neither side waits for the other.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def wait(self) -> str:
        """Return the next requests, one a line; waits for one."""
        if not select.select([self._descriptor], [], [], HANG)[0]:
            pytest.fail("the store was not asked")
        return os.read(self._descriptor, 65536).decode()

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._descriptor)


@pytest.fixture
def requests(tmp_path: Path) -> Iterator[RequestLog]:
    """Yield a pipe for the plug-in's setting `log`."""
    log = RequestLog(tmp_path / "requests")
    yield log
    log.close()
