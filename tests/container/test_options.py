"""`run --user`, `--files` and `--resolve-environment` in the application's image, as the documentation has them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.engine import Engine
from tests.container.images import Images
from tests.support.canary import make_canary
from tests.support.projects import MakeProject

PYTHON = "/opt/secretsync/bin/python"


def entrypoint(*options: str) -> str:
    """Return the image's entrypoint with `options` of `run`."""
    return "--entrypoint=" + json.dumps([PYTHON, "-I", "-m", "secretsync", "run", *options, "--"])


@pytest.fixture
def secret() -> str:
    """Return the content of /run/secrets/db_password."""
    return make_canary()


@pytest.fixture
def options(project: MakeProject, secrets_folder: Callable[..., Path], secret: str) -> list[str]:
    """One secret, that root alone may read."""
    folder = secrets_folder(mode=0o400, db_password=secret)
    made = project({"env/production/security.env": "DB_PASSWORD=$<docker:db_password>\n"})
    mounts = [f"--volume={made.root}/env:/app/env:ro", f"--volume={folder}:/run/secrets:ro"]
    return [*mounts, "--network=none", "--env=SECRETSYNC_ENV=production"]


def test_root_only_secrets_are_read_before_root_is_left(
    engine: Engine, images: Images, options: list[str], secret: str
) -> None:
    """With no capability but those for changing the user; without them nothing starts."""
    as_root = ["--user=0", "--cap-add=SETUID", "--cap-add=SETGID"]
    show = 'printf %s "$DB_PASSWORD"; echo; id -u; id -g; cat /run/secrets/db_password'
    done = engine.run(images.app, "sh", "-c", show, options=[*options, *as_root, entrypoint("--user", "app")])
    assert done.stdout == f"{secret}\n10001\n10001\n"
    assert "Permission denied" in done.stderr

    done = engine.run(images.app, "echo", "started", options=[*options, "--user=0", entrypoint("--user", "app")])
    assert (done.status, done.stdout) == (126, "")
    done = engine.run(images.app, "echo", "started", options=[*options, entrypoint("--user", "app")])
    assert (done.status, done.stdout) == (2, "")
    assert "only root" in done.stderr


def test_secrets_as_files_in_memory(engine: Engine, images: Images, options: list[str], secret: str) -> None:
    """In a folder of a tmpfs; on the root folder's file system they are refused."""
    show = 'cat "$DB_PASSWORD_FILE"; echo; stat -c "%u %a" "$DB_PASSWORD_FILE"; printenv DB_PASSWORD'
    as_root = ["--user=0", "--cap-add=SETUID", "--cap-add=SETGID", "--cap-add=CHOWN"]
    files = entrypoint("--user", "app", "--files", "/run/app/files")
    done = engine.run(images.app, "sh", "-c", show, options=[*options, *as_root, "--tmpfs=/run/app", files])
    assert done.stdout == f"{secret}\n10001 400\n", done.stderr

    done = engine.run(images.app, "true", options=[*options, *as_root, entrypoint("--user", "app", "--files", "/f")])
    assert done.status == 6
    assert "--allow-disk" in done.stderr


def test_variables_of_a_platform_without_env_files(
    engine: Engine, images: Images, secrets_folder: Callable[..., Path]
) -> None:
    """The image has no env/ folder: the placeholder stands in the container's settings, and is safe there."""
    value = make_canary()
    mounts = [f"--volume={secrets_folder(db_password=value)}:/run/secrets:ro", "--network=none"]
    variables = ["--env=DB_PASSWORD=$<docker:db_password>", "--env=SHOWN=${HOME}"]
    resolving = [*mounts, *variables, entrypoint("--resolve-environment")]
    done = engine.run(images.app, "printenv", "DB_PASSWORD", "SHOWN", options=resolving)
    assert done.stdout == f"{value}\n${{HOME}}\n", done.stderr


def test_tmpfs_of_ones_own_without_root(engine: Engine, images: Images, secrets_folder: Callable[..., Path]) -> None:
    """A folder inside a tmpfs that anybody may write to, as an emptyDir of Kubernetes is."""
    value = make_canary()
    mounts = [f"--volume={secrets_folder(db_password=value)}:/run/secrets:ro", "--tmpfs=/run/app:mode=1777"]
    more = [
        "--network=none",
        "--env=A=$<docker:db_password>",
        entrypoint("--resolve-environment", "--files", "/run/app/f"),
    ]
    done = engine.run(images.app, "sh", "-c", 'cat "$A_FILE"; stat -c " %u" "$A_FILE"', options=[*mounts, *more])
    assert done.stdout == f"{value} 10001\n", done.stderr
