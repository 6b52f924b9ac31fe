"""Every feature asks the same function which entries are secret, and knows the policy's names."""

import logging
import sys
from pathlib import Path

import pytest

from secretsync import check_rotation, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project

POLICY = 'sensitive = ["DOOR_CODE"]\nnot_sensitive = ["OPEN_TOKEN"]\n'
COMMON = "LOG_LEVEL=$<env:LOG_LEVEL:-INFO>\nPORT=${PORT}\nMAX_TOKENS=4096\nOPEN_TOKEN=open-text\n"
SECURITY = "DB_PASS=$<DB_PASS>\nAPP_FLAVOUR=$<APP_FLAVOUR>\nTENANT=${TENANT}\nSUFFIX=$<env:SUFFIX>\n"
WEB = "DOOR_CODE=${DOOR_CODE}\nURL=https://${HOST}/${PORT}/${DB_PASS}/x\nHOST=h\n"
# Keys whose values are secrets, by the rules (b), (c), (d) with the policy, and (e).
SECRET = ("APP_FLAVOUR", "DB_PASS", "DOOR_CODE", "SUFFIX", "TENANT", "URL")
SETTINGS = {"HOST": "h", "LOG_LEVEL": "INFO", "MAX_TOKENS": "4096", "OPEN_TOKEN": "open-text", "PORT": "8080"}


@pytest.fixture
def environ(canary: CanaryFactory) -> dict[str, str]:
    """Return the secrets, all in the process environment."""
    return {name: canary() for name in ("DB_PASS", "APP_FLAVOUR", "TENANT", "SUFFIX", "DOOR_CODE")} | {"PORT": "8080"}


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Return a project whose secrets have names that do not show it."""
    return project(
        {
            "env/production/common.env": COMMON,
            "env/production/security.env": SECURITY,
            "env/production/web.env": WEB,
            "env/production/policy.toml": POLICY,
        }
    )


def environment(shop: Project, environ: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process that has the secrets."""
    return {**clean_environment(shop.home), **environ}


def test_explain_masks(shop: Project, environ: dict[str, str]) -> None:
    """Secrets are masked, settings are shown."""
    done = shop.cli("explain", "-e", "production", env=environment(shop, environ), expect=0)
    lines = {line.split()[1]: line for line in done.stdout.split("\n") if "production/" in line}
    assert {key for key, line in lines.items() if "********" in line} == set(SECRET)
    for key, value in SETTINGS.items():
        assert value in lines[key], key


def test_the_log_filter_masks(shop: Project, environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The filter masks each secret value, and no setting."""
    config = resolve_config("production", root=shop.root, environ=environ, validate=False)
    values = {**config, **config.service("web")}
    assert {key for key in values if config.service("web").origin(key).is_secret} == set(SECRET)
    handler = logging.StreamHandler()
    handler.addFilter(config.logging_filter())
    logger = logging.Logger("secrets")  # noqa: LOG001 - a parent's handlers would not have the filter
    logger.addHandler(handler)
    for key in (*SECRET, *SETTINGS):
        logger.warning("%s is %s.", key, values[key])
    shown = capsys.readouterr().err.split("\n")
    assert [line for line in shown if "********" in line] == shown[: len(SECRET)]
    assert f"MAX_TOKENS is {SETTINGS['MAX_TOKENS']}." in shown


def test_github_masks(shop: Project, environ: dict[str, str]) -> None:
    """`render --format github` masks each secret value."""
    argv = ["render", "-e", "production", "--format", "github", "--no-validate", "-q"]
    done = run_command(
        secretsync_argv(argv),
        cwd=shop.root,
        env=environment(shop, environ),
        expect=0,
        reveals=True,
        reveals_stderr=True,
    )
    masked = {line.removeprefix("::add-mask::") for line in done.stderr.split("\n") if line.startswith("::add-mask::")}
    assert {environ[name] for name in ("DB_PASS", "APP_FLAVOUR", "TENANT", "SUFFIX", "DOOR_CODE")} <= masked
    assert not masked & set(SETTINGS.values())


@pytest.mark.sink("made/*")
def test_run_files(shop: Project, environ: dict[str, str]) -> None:
    """`run --files` makes a file of each secret, and of no setting."""
    folder = shop.root / "made"
    argv = ["run", "-e", "production", "--no-validate", "-q", "--allow-disk", "--files", str(folder), "--", "true"]
    shop.cli(*argv, env=environment(shop, environ), expect=0)
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == set(SECRET)


def test_the_hand_over(shop: Project, environ: dict[str, str]) -> None:
    """An application that `run` started knows the same secrets."""
    program = (
        "from secretsync import resolve_config\n"
        "web = resolve_config().service('web')\n"
        "print(*sorted(key for key in web if web.origin(key).is_secret))"
    )
    argv = ["run", "-e", "production", "--no-validate", "-q", "--", sys.executable, "-c", program]
    done = shop.cli(*argv, env=environment(shop, environ), expect=0)
    assert tuple(done.stdout.split()) == SECRET


def test_check_rotation(shop: Project, environ: dict[str, str]) -> None:
    """The report has a row for each reference of a secret entry, and none for a setting's."""
    report = check_rotation("production", root=shop.root, environ=environ)
    rows = {key.name for secret in report.secrets for key in secret.keys}
    assert rows == set(SECRET)
    assert {secret.reference for secret in report.secrets} >= {"env:SUFFIX", "env:DB_PASS"}


def test_template(shop: Project, environ: dict[str, str]) -> None:
    """`template` writes a placeholder for a secret, and an empty value for a setting."""
    text = shop.cli("template", "--output", "-", env=environment(shop, environ), expect=0).stdout
    lines = [line for line in text.split("\n") if "=" in line and not line.startswith("#")]
    assert {line.partition("=")[0] for line in lines if line.endswith(">")} == set(SECRET)
    assert {line.partition("=")[0] for line in lines if line.endswith("=")} == set(SETTINGS)


def test_the_access_log(shop: Project, environ: dict[str, str]) -> None:
    """A line is written for each secret that is read, and for no setting."""
    log = shop.root / "access.log"
    resolve_config("production", root=shop.root, environ={**environ, "SECRETSYNC_ACCESS_LOG": str(log)}, validate=False)
    text = log.read_text()
    assert '"key": "SUFFIX"' in text
    assert '"key": "APP_FLAVOUR"' in text
    assert "LOG_LEVEL" not in text


def test_messages_on_values(shop: Project, environ: dict[str, str], canary: CanaryFactory) -> None:
    """A value that the policy compares a secret with is not repeated; that of a setting is."""
    checks = f'[checks.APP_FLAVOUR]\nequals = "{canary()}"\n[checks.OPEN_TOKEN]\nequals = "shut"\n'
    shop.write("env/production/policy.toml", f"{POLICY}{checks}")
    done = shop.cli("run", "-e", "production", "--", "true", env=environment(shop, environ), expect=2)
    assert "APP_FLAVOUR: it must be what the policy says" in done.stderr
    assert "OPEN_TOKEN: it must be shut" in done.stderr


PLAIN = ("DB_PASS", "MYSQL_PWD", "ADMINPASSWORD", "JWT_KEY", "DOOR_CODE")


@pytest.fixture
def careless(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with secrets in plain text, under names of several forms."""
    lines = "".join(f"{name}={canary()}\n" for name in PLAIN)
    made = project(
        {
            "env/production/common.env": f"{lines}MAX_TOKENS=4096\nTOKEN_ENDPOINT=https://x.example/t\n",
            "env/production/policy.toml": POLICY,
        }
    )
    canary.watch(made.root / ".secretsync")
    return made


def test_plain_text_is_reported(careless: Project) -> None:
    """`audit` names each key, and no setting."""
    done = careless.cli("audit", "-e", "production")
    named = {line.split(": ")[1] for line in done.stdout.split("\n") if "[plaintext-name]" in line}
    assert named == set(PLAIN)


def test_plain_text_is_not_archived(careless: Project) -> None:
    """`backup` refuses, and names each key."""
    done = careless.cli("backup", expect=6)
    assert all(f": {name}: " in done.stderr for name in PLAIN)
    assert "MAX_TOKENS" not in done.stderr
    assert not (careless.root / "backups").exists()


def test_plain_text_is_not_recorded(careless: Project) -> None:
    """`track` writes no value of them, and those of settings."""
    careless.cli("track", "-e", "production", expect=0)
    text = (careless.root / ".secretsync/history/production.json").read_text()
    assert "https://x.example/t" in text
    assert "4096" in text


def test_plain_text_is_masked(careless: Project) -> None:
    """`explain` masks them."""
    done = careless.cli("explain", "-e", "production", expect=0)
    assert done.stdout.count("********") == len(PLAIN)
    assert "4096" in done.stdout


@pytest.mark.parametrize("command", [("explain",), ("run", "--no-validate", "--", "true"), ("get", "env:HOME")])
def test_a_policy_that_cannot_be_read_is_an_error(shop: Project, command: tuple[str, ...], tmp_path: Path) -> None:
    """A command that does not know the names of secrets shows and starts nothing."""
    shop.write("env/production/policy.toml", "sensitive = 7\n")
    name, *rest = command
    log = ["--access-log", str(tmp_path / "log")] if name == "get" else []
    done = shop.cli(name, "-e", "production", *log, *rest, expect=2)
    assert "env/production/policy.toml" in done.stderr


@pytest.mark.parametrize("name", ["sensitive", "not_sensitive"])
def test_wrong_types_of_the_policy(shop: Project, name: str) -> None:
    """The keys of sensitive names are lists of strings."""
    shop.write("env/production/policy.toml", f"{name} = [7]\n")
    done = shop.cli("audit", "-e", "production", expect=2)
    assert f"{name}: it must be a list of strings" in done.stderr


def test_the_shape_of_a_value_makes_it_a_secret(project: MakeProject, canary: CanaryFactory) -> None:
    """A URL with a password is masked under any name, if it is written, put together or inherited as a whole."""
    written, part, inherited = canary(), canary(), canary()
    common = f"A=redis://:{written}@h\nB=redis://:${{PART}}@h\nPART={part}\nC=${{REDIS_URL}}\nD=${{C}}/0\nE=${{HOST}}\n"
    shop = project({"env/production/common.env": common})
    environ = {**clean_environment(shop.home), "REDIS_URL": f"redis://:{inherited}@h", "HOST": "h"}
    done = shop.cli("explain", "-e", "production", env=environ, expect=0)
    assert {line.split()[1] for line in done.stdout.split("\n") if "********" in line} == {"A", "B", "PART", "C", "D"}
    config = resolve_config("production", root=shop.root, environ=environ)
    assert {key for key in config if config.origin(key).is_secret} == {"A", "B", "PART", "C", "D"}
    record = logging.LogRecord("x", 20, "p", 1, "%s %s %s", (written, part, inherited), None)
    masked = config.logging_filter().filter(record)
    shown = (record if isinstance(masked, bool) else masked).getMessage()
    assert shown == "******** ******** ********"


def test_a_password_of_a_connection_string_is_masked_by_itself(project: MakeProject, canary: CanaryFactory) -> None:
    """A driver logs a password without its URL, and decoded."""
    password = f"{canary()}/+"
    encoded = password.replace("/", "%2F").replace("+", "%2B")
    shop = project({"env/production/common.env": f"DATABASE=amqp://app:{encoded}@h\n"})
    config = resolve_config("production", root=shop.root, environ={})
    record = logging.LogRecord("x", 20, "p", 1, "login of %s", (password,), None)
    masked = config.logging_filter().filter(record)
    assert (record if isinstance(masked, bool) else masked).getMessage() == "login of ********"
