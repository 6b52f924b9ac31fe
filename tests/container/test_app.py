"""An application's image, built with the two lines and run as production runs it."""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

from tests.container.app.digests import SECRETS, digests
from tests.container.engine import Container, Engine
from tests.container.images import Images
from tests.container.serving import get, get_json, gunicorn, wait_for_log, wait_until
from tests.support.canary import make_canary
from tests.support.projects import MakeProject

ENTRYPOINT_OF_APP = "--env=SECRETSYNC_ENV=production"


def test_web_application_gets_its_secrets_and_stops_at_once(
    images: Images,
    start: Callable[..., Container],
    project: MakeProject,
    secrets_folder: Callable[..., Path],
    port: int,
) -> None:
    """Process 1, no root, a read-only root folder, no capability; SIGTERM ends it with status 0."""
    values = {name: make_canary() for name in SECRETS}
    folder = secrets_folder(**{name.lower(): value for name, value in values.items()})
    made = project({"env/production/security.env": "".join(f"{name}=$<{name}>\n" for name in SECRETS)})
    mounts = [f"--volume={made.root}/env:/app/env:ro", f"--volume={folder}:/run/secrets:ro"]
    container = start(images.app, *gunicorn(port), options=[*mounts, ENTRYPOINT_OF_APP])
    wait_until(lambda: get(port, "/health")[0] == 200, container)

    salt = secrets.token_hex(8)
    assert get_json(port, f"/digest?salt={salt}") == digests(salt, values)
    process = get_json(port, "/process")
    assert process["command"][:2] == ["/opt/app/bin/python", "/opt/app/bin/gunicorn"]
    assert (process["parent"], process["uid"], process["groups"]) == (1, 10001, [10001])
    assert int(process["status"]["CapEff"], 16) == 0
    assert process["status"]["NoNewPrivs"] == "1"
    # Beside it, not under it: a health check and `exec` have the image's environment and no secret.
    names = {line.partition("=")[0] for line in container.exec("env").stdout.split("\n")}
    assert not names & set(SECRETS)

    # After the grace period it would be killed, and the status would be 137.
    assert container.stop() == 0, container.logs()


def test_health_check_of_the_image_says_what_is(
    images: Images,
    start: Callable[..., Container],
    project: MakeProject,
    secrets_folder: Callable[..., Path],
) -> None:
    """Without curl: healthy where the application says 200, unhealthy where it says 503."""
    folder = secrets_folder(**{name.lower(): make_canary() for name in SECRETS})
    mounts = [f"--volume={folder}:/run/secrets:ro", "--network=none", ENTRYPOINT_OF_APP]
    for names, is_healthy in ((SECRETS, True), (SECRETS[1:], False)):
        made = project({"env/production/security.env": "".join(f"{name}=$<{name}>\n" for name in names)})
        container = start(images.app, options=[*mounts, f"--volume={made.root}/env:/app/env:ro"])
        # The container's own port 8000: it has no network but its loopback.
        wait_for_log(container, "Booting worker")
        if is_healthy:
            wait_until(container.is_healthy, container)
        else:
            assert not container.is_healthy()
        assert container.stop() == 0


def test_any_uid_without_home_and_network(
    engine: Engine, images: Images, project: MakeProject, secrets_folder: Callable[..., Path]
) -> None:
    """As OpenShift runs images: a number that no passwd entry has, group 0, nothing writable."""
    value = make_canary()
    folder = secrets_folder(db_password=value)
    made = project({"env/production/security.env": "DB_PASSWORD=$<docker:db_password>\n"})
    mounts = [f"--volume={made.root}/env:/app/env:ro", f"--volume={folder}:/run/secrets:ro"]
    identity = ["--user=123456:0", "--network=none", "--env=HOME=", ENTRYPOINT_OF_APP]
    code = 'id -u; printf %s "$DB_PASSWORD" | sha256sum; test ! -w /tmp'
    done = engine.run(images.app, "sh", "-c", code, options=[*mounts, *identity])
    assert done.status == 0, done.stderr
    assert done.stdout.split()[:2] == ["123456", hashlib.sha256(value.encode()).hexdigest()]


def test_application_is_not_started_when_a_secret_is_missing(
    engine: Engine, images: Images, project: MakeProject, secrets_folder: Callable[..., Path]
) -> None:
    """The container ends with status 3, and says which."""
    made = project({"env/production/security.env": "DB_PASSWORD=$<docker:db_password>\n"})
    mounts = [f"--volume={made.root}/env:/app/env:ro", f"--volume={secrets_folder()}:/run/secrets:ro"]
    done = engine.run(images.app, "echo", "started", options=[*mounts, "--network=none", ENTRYPOINT_OF_APP])
    assert (done.status, done.stdout) == (3, "")
    assert "DB_PASSWORD" in done.stderr
    assert "db_password" in done.stderr


def test_application_without_a_handler_needs_an_init(
    images: Images, start: Callable[..., Container], project: MakeProject
) -> None:
    """As process 1 `sleep` ignores SIGTERM and is killed after the grace period: what the documentation says of it."""
    made = project({"env/production/common.env": "A=1\n"})
    options = [f"--volume={made.root}/env:/app/env:ro", "--network=none", ENTRYPOINT_OF_APP]
    container = start(images.app, "sleep", "300", options=options)
    wait_until(lambda: container.exec("cat", "/proc/1/comm").stdout == "sleep\n", container)
    assert container.stop(patience=1) == 137
