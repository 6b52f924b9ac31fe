"""The images of the container tests: a base of Debian packages, SecretSync's image on it, an application on both."""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.container.engine import HARDENED, Engine, EngineError, digest_of

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
DOCKERFILE_APP = ROOT / "docker" / "Dockerfile.app"
APPLICATION = Path(__file__).with_name("app")
ENTRYPOINT = ["/opt/secretsync/bin/python", "-I", "-m", "secretsync", "run", "--"]

# Stands in for the public Python image: the same release of Debian, and of Python but for the patch level.
SUITE = "trixie"
PYTHON = "3.13"
_PACKAGES = ("python3", "python3-venv", "python-is-python3", "ca-certificates")


@dataclass(frozen=True, slots=True)
class Images:
    """The tags of what was built."""

    base: str
    secretsync: str  # with every store's SDK
    secretsync_aws: str  # EXTRAS=aws
    app: str


def obstacle(engine: Engine) -> str | None:
    """Why no container can run here: no Debian mirror in reach, a right that is lacking; None where one can."""
    tag = f"localhost/secretsync-base:{SUITE}"
    with engine.lock("images"):
        try:
            if not engine.has_image(tag):
                _make_base(engine, tag)
            engine.podman("run", "--rm", *HARDENED, tag, "true")
        except EngineError as error:
            return str(error).strip().rpartition("\n")[2][:200]
    return None


def make_images(engine: Engine) -> Images:
    """All images, made where something they are made of has changed."""
    sources = [ROOT / name for name in ("src", "pyproject.toml", "constraints.txt")] + [DOCKERFILE]
    version = digest_of([*sources, Path(__file__)])
    app_version = digest_of([*sources, DOCKERFILE_APP, APPLICATION, Path(__file__)])
    images = Images(
        base=f"localhost/secretsync-base:{SUITE}",
        secretsync=f"localhost/secretsync-all:{version}",
        secretsync_aws=f"localhost/secretsync-aws:{version}",
        app=f"localhost/secretsync-app:{app_version}",
    )
    with engine.lock("images"):
        missing = [tag for tag in (images.secretsync, images.secretsync_aws, images.app) if not engine.has_image(tag)]
        if missing:
            engine.remove_images("localhost/secretsync-", keep=[images.base])
            wheels = _make_wheels(engine)
            base = {"BASE": images.base}
            engine.build(images.secretsync, DOCKERFILE, ROOT, arguments=base | {"EXTRAS": "all"}, wheels=wheels)
            engine.build(images.secretsync_aws, DOCKERFILE, ROOT, arguments=base | {"EXTRAS": "aws"}, wheels=wheels)
            # Under the name that the application's Dockerfile copies from.
            engine.podman("tag", images.secretsync, f"localhost/{copied_image()}")
            engine.build(images.app, DOCKERFILE_APP, APPLICATION, arguments=base, wheels=wheels)
    return images


def copied_image() -> str:
    """Return the image that Dockerfile.app copies SecretSync from: name and tag."""
    text = DOCKERFILE_APP.read_text()
    found = re.search(r"^COPY --from=(\S+:\S+) /opt/secretsync /opt/secretsync$", text, re.MULTILINE)
    assert found, f"{DOCKERFILE_APP} copies /opt/secretsync from no image"
    return found[1]


def _make_base(engine: Engine, tag: str) -> None:
    archive = engine.folder / f"base-{SUITE}.tar"
    if not archive.exists():
        # The mirror is the tool's own default. Manual pages and translations would be half of the image.
        left_out = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale")]
        unfinished = archive.with_suffix(".part.tar")
        engine.command(
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}",
            '--aptopt=Acquire::Languages "none"', *left_out, SUITE, str(unfinished),
        )  # fmt: skip
        unfinished.rename(archive)
    engine.command("podman", "import", str(archive), tag)


def wheels_folder(engine: Engine) -> Path:
    """Return the folder of everything that the images install."""
    return engine.folder / "wheels"


def _make_wheels(engine: Engine) -> Path:
    """Return the folder of wheels, filled anew, for the base's Python whatever runs the tests."""
    folder = wheels_folder(engine)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    engine.command(*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (own,) = folder.glob("secretsync_adapter-*.whl")
    machine = platform.machine()
    target = ["--only-binary=:all:", f"--python-version={PYTHON}"]
    target += [f"--platform={name}_{machine}" for name in ("manylinux_2_34", "manylinux_2_28", "manylinux2014")]
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    wanted = [f"{own}[all]", *backend, "--requirement", str(APPLICATION / "requirements.txt")]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    engine.command(*pip, "download", "--dest", str(folder), *target, *constraints, *wanted)
    return folder
