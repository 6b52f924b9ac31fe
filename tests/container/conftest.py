"""What the container tests share: the engine, the images, containers that are gone afterwards."""

import importlib.util
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.container.engine import Container, Engine
from tests.container.images import ROOT, Images, make_images, obstacle
from tests.servers.process import PortReservation
from tests.support.tools import needs, needs_tool


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Podman and buildah; the tests that ask for them are skipped where something is missing."""
    needs(sys.platform == "linux", "Linux")
    needs(os.geteuid() == 0, "root")
    for program in ("mmdebstrap", "buildah", "podman", "runc"):
        needs_tool(program)
    return Engine.at(ROOT / ".tools" / "container")


@pytest.fixture(scope="session")
def images(engine: Engine) -> Images:
    """Return the images, built with what is in the working tree."""
    needs(importlib.util.find_spec("pip"), "pip")
    why = obstacle(engine)
    needs(why is None, f"the right and the means to run containers ({why})")
    return make_images(engine)


@pytest.fixture
def start(engine: Engine) -> Iterator[Callable[..., Container]]:
    """`start(image, *command, options=())` runs a container in the background, until the test ends."""
    started: list[Container] = []

    def start_one(image: str, *command: str, options: Sequence[str] = ()) -> Container:
        # Known before it starts: one that does not come up is removed too.
        container = Container(engine, f"secretsync-test-{secrets.token_hex(6)}")
        started.append(container)
        return engine.start(container.name, image, *command, options=options)

    yield start_one
    for container in started:
        container.remove()


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a loopback port that is kept for this test's application."""
    reserved = PortReservation()
    yield reserved.port
    reserved.release()


@pytest.fixture
def secrets_folder() -> Iterator[Callable[..., Path]]:
    """`secrets_folder(db_password="...")` makes a folder in memory, to mount where Docker's secrets are."""
    made: list[Path] = []

    def make(mode: int = 0o444, **files: str) -> Path:
        folder = Path("/dev/shm") / f"secretsync-test-{secrets.token_hex(6)}"
        folder.mkdir(mode=0o755)
        made.append(folder)
        for name, value in files.items():
            path = folder / name
            path.write_text(value)
            path.chmod(mode)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder)
