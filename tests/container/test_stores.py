"""An application in a container, with Docker's secrets, Vault and AWS at once: real servers, real credentials."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.container.app.digests import SECRETS, digests
from tests.container.engine import Container, Engine
from tests.container.images import Images
from tests.container.serving import get, get_json, gunicorn, wait_until
from tests.servers.aws import AwsAccount
from tests.servers.faults import FaultProxy
from tests.servers.openbao import OpenBao, start_openbao
from tests.support.canary import HEAD, TAIL, assert_clean, make_canary
from tests.support.projects import MakeProject, Project

CREDENTIALS = ("VAULT_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, slots=True)
class World:
    """Three stores, what an application asks them for, and how its container is told where they are."""

    project: Project
    vault: OpenBao
    proxies: Mapping[str, FaultProxy]  # before Vault and AWS, to count what is asked
    environ: Mapping[str, str] = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    options: tuple[str, ...]  # of the container

    def asked(self) -> int:
        """Return the number of requests to the stores that have an address."""
        return sum(proxy.requests.count() for proxy in self.proxies.values())


@pytest.fixture
def own_vault(tmp_path: Path, images: Images) -> Iterator[OpenBao]:
    """Yield a Vault of this test's own, to stop and to kill."""
    server = start_openbao(tmp_path / "vault")
    yield server
    server.process.stop()


@pytest.fixture
def world(
    own_vault: OpenBao,
    aws: AwsAccount,
    fault_proxy: Callable[[str], FaultProxy],
    project: MakeProject,
    secrets_folder: Callable[..., Path],
    tmp_path: Path,
) -> World:
    """Each of the three secrets in another store, read with credentials that may do nothing else."""
    values = {name: make_canary() for name in SECRETS}
    space = own_vault.space()
    mount = space.kv2()
    space.write(mount, "app", {"key": values["SECRET_KEY"]})
    aws.create("prod/app", {"token": values["API_TOKEN"]})
    proxies = {"vault": fault_proxy(own_vault.url), "aws": fault_proxy(aws.url)}
    made = project(
        {
            "env/production/common.env": "LOG_LEVEL=INFO\n",
            "env/production/security.env": "DB_PASSWORD=$<DB_PASSWORD>\n"
            f"SECRET_KEY=$<vault:{mount}/app#key>\nAPI_TOKEN=$<aws:prod/app#token>\n",
            "providers/production.toml": 'timeout = "60s"\n',
        }
    )
    environ = space.environ(space.token(space.policy(f"{mount}/data/app")), url=proxies["vault"].url)
    environ |= aws.environ(aws.no_batch(), url=proxies["aws"].url)
    environ |= {"SECRETSYNC_ENV": "production"}
    env_file = tmp_path / "container.env"  # not into an argument list
    env_file.write_text("".join(f"{name}={value}\n" for name, value in environ.items()))
    folder = secrets_folder(db_password=values["DB_PASSWORD"])
    mounts = [f"--volume={made.root / name}:/app/{name}:ro" for name in ("env", "providers")]
    options = (*mounts, f"--volume={folder}:/run/secrets:ro", f"--env-file={env_file}")
    return World(made, own_vault, proxies, environ, values, options)


def environment_of(container: Container) -> dict[str, str]:
    """Return the environment of the container's first process, as its user sees it in /proc."""
    done = container.exec("cat", "/proc/1/environ")
    assert done.status == 0, done.stderr
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


def core_limits(container: Container) -> list[str]:
    """Soft and hard limit of core files, of the container's first process."""
    (line,) = [line for line in container.exec("cat", "/proc/1/limits").stdout.split("\n") if "core file" in line]
    return line.split()[4:6]


def test_secrets_of_three_stores_at_once(
    engine: Engine, images: Images, start: Callable[..., Container], world: World, tmp_path: Path, port: int
) -> None:
    """It answers its health check, has none of the credentials, leaves no value anywhere, and stops at once."""
    container = start(images.app, *gunicorn(port), options=world.options)
    wait_until(lambda: get(port, "/health")[0] == 200, container)
    salt = secrets.token_hex(8)
    assert get_json(port, f"/digest?salt={salt}") == digests(salt, world.values)
    process = get_json(port, "/process")
    assert (process["parent"], process["uid"], process["status"]["NoNewPrivs"]) == (1, 10001, "1")

    found = environment_of(container)
    assert {name: found[name] for name in SECRETS} == world.values
    assert not set(CREDENTIALS) & set(found)
    used = {world.environ[name] for name in CREDENTIALS}
    assert not [value for value in used if any(value in text for text in found.values())]
    assert found["VAULT_ADDR"] == world.environ["VAULT_ADDR"]
    log = container.logs()
    for name in CREDENTIALS:
        assert name in log  # said by name that it is not handed over
        assert world.environ[name] not in log
    # One read each, and for Vault the question of what the mount is.
    assert world.proxies["aws"].requests.count() == 1
    assert world.proxies["vault"].requests.count() <= 2

    # After the grace period it would be killed, and the status would be 137.
    assert container.stop() == 0, container.logs()
    assert_no_value_is_left(engine, images, container, tmp_path)


def assert_no_value_is_left(engine: Engine, images: Images, container: Container, folder: Path) -> None:
    """Check the container's output, its configuration, each layer and the history."""
    exported, saved = folder / "container.tar", folder / "image.tar"
    engine.podman("export", "--output", str(exported), container.name)
    engine.save(images.app, saved)
    for path in (exported, saved):
        content = path.read_bytes()
        assert b"secretsync" in content
        # As they are: hundreds of megabytes are too much to look for every disguise.
        assert not [end for end in (HEAD, TAIL) if end.encode() in content], path.name
        path.unlink()
    assert_clean(json.dumps(container.inspect()), "the container's settings")
    assert_clean(json.dumps(engine.inspect_image(images.app)), "the image's settings")
    assert_clean(engine.podman("history", "--no-trunc", images.app).stdout, "the image's history")
    assert_clean(container.logs(), "the log")


@pytest.mark.parametrize("module", ["settings_flask", "settings_django"])
def test_settings_that_resolve_ask_no_store_again(
    images: Images, start: Callable[..., Container], world: World, module: str, port: int
) -> None:
    """`resolve_config` in two workers: the same values, and not one request more than `run` made."""
    container = start(images.app, *gunicorn(port, f"{module}:app"), options=world.options)
    salt = secrets.token_hex(8)
    wait_until(lambda: get(port, f"/digest?salt={salt}")[0] == 200, container)
    asked = world.asked()
    assert 2 <= asked <= 3
    # Every worker has read its settings when it answers; both take part within a few requests.
    for _ in range(20):
        assert get_json(port, f"/digest?salt={salt}") == digests(salt, world.values)
    wait_until(lambda: container.logs().count("Booting worker") == 2, container)
    assert world.asked() == asked


@pytest.mark.parametrize("how", ["paused", "killed"])
def test_without_vault_nothing_starts(engine: Engine, images: Images, world: World, how: str) -> None:
    """Status 5 within the deadline; the application has not run, and the other stores' values go nowhere."""
    world.project.write("providers/production.toml", 'timeout = "3s"\n')
    if how == "paused":
        world.vault.process.pause()
    else:
        world.vault.process.stop()
    done = engine.run(images.app, "echo", "started", options=world.options)
    assert (done.status, done.stdout) == (5, ""), done.stderr
    assert "SECRET_KEY" in done.stderr
    assert_clean(done.stderr, "stderr")
    for name in CREDENTIALS:
        assert world.environ[name] not in done.stderr


def test_while_resolving_nobody_looks_in(images: Images, start: Callable[..., Container], world: World) -> None:
    """No other process of the user can read the environment of the start, and no core file is written."""
    world.vault.process.pause()
    # With one limit of ours podman forgets those of its configuration.
    limits = ["--ulimit=core=4096:8192", "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]
    container = start(images.app, "sleep", "300", options=[*world.options, *limits])
    wait_until(lambda: world.proxies["vault"].requests.count() > 0, container)
    hidden = container.exec("cat", "/proc/1/environ")
    assert hidden.status != 0
    assert hidden.stdout == ""
    assert "Permission denied" in hidden.stderr
    assert core_limits(container) == ["0", "8192"]

    world.vault.process.resume()
    wait_until(lambda: container.exec("cat", "/proc/1/comm").stdout == "sleep\n", container)
    assert set(SECRETS) <= set(environment_of(container))
    assert core_limits(container) == ["4096", "8192"]


def test_stop_while_resolving_ends_it_at_once(images: Images, start: Callable[..., Container], world: World) -> None:
    """As process 1 too: 143, though a store does not answer and the grace period is long."""
    world.vault.process.pause()
    container = start(images.app, "echo", "started", options=world.options)
    wait_until(lambda: world.proxies["vault"].requests.count() > 0, container)
    assert container.stop() == 143  # 137 after the grace period, 5 at the deadline
    assert "started" not in container.logs()
