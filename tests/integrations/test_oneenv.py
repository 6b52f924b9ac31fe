"""The OneEnv adapter: named environments with resolved values, templates, and the classes."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import oneenv  # type: ignore[import-untyped]
import pytest

from secretsync import ConfigurationError, UsageError, ValueTypeError
from secretsync.integrations.oneenv import (
    ConfigAuditor,
    ConfigTracker,
    SecureConfig,
    load,
    own_variables,
    policy_text,
    requirements,
    template_text,
    variables,
)
from secretsync.policy.policy_file import parse_policy
from secretsync.testing import MemoryProvider
from tests.rendering.formats.fetch_readers import OLDEST, TOOLS
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs

PROGRAM = Path(__file__).parent / "programs" / "oneenv_shop.py"
FILES = {
    "env/production/common.env": "DEBUG=False\nSESSION_TIMEOUT=1800\n",
    "env/production/security.env": "SECRET_KEY=${SECRET_KEY}\n",
    "env/production/database.env": "DATABASE_URL=postgresql://app:$<DB_PASSWORD?as=url>@db/app\n",
    "env/development/common.env": "DEBUG=True\n",
    "providers/production.toml": '[secrets]\nSECRET_KEY = "memory:key"\nDB_PASSWORD = "memory:password"\n',
}
DOCKER = FILES["providers/production.toml"].replace("memory", "docker")  # for code that takes no store in memory


@pytest.fixture
def named() -> Iterator[None]:
    """No named environment of an earlier test, and no guard after this one."""
    original = oneenv.NamedEnvironment.load_dotenv
    oneenv._named_environments.clear()
    yield
    oneenv._named_environments.clear()
    oneenv.NamedEnvironment.load_dotenv = original


class Shop:
    """A project with secrets in a store in memory."""

    def __init__(self, made: Project, canary: CanaryFactory) -> None:
        self.project, self.root = made, str(made.root)
        self.key, self.password = canary(), canary()
        self.stores = {"memory": MemoryProvider({"key": self.key, "password": self.password})}
        self.url = f"postgresql://app:{self.password}@db/app"


@pytest.fixture
def shop(named: None, project: MakeProject, canary: CanaryFactory) -> Shop:
    """Return the project."""
    return Shop(project(FILES), canary)


def test_named_environments(shop: Shop) -> None:
    """Each name has the entries of its files; a service falls back to the shared configuration, as OneEnv does."""
    config = load("production", root=shop.root, stores=shop.stores)
    assert oneenv.env().get("SECRET_KEY") == shop.key
    assert oneenv.env("security").get("SECRET_KEY") == shop.key
    assert oneenv.env("database").get("DATABASE_URL") == shop.url == config.service("database")["DATABASE_URL"]
    assert oneenv.env().get("DATABASE_URL") is None
    assert oneenv.env("database").get("SESSION_TIMEOUT") == "1800"
    assert oneenv.env("security").get("NOT_DEFINED", "default") == "default"


def test_repr_shows_no_value(shop: Shop, canary: CanaryFactory) -> None:
    """Error reporters show attributes of objects, also after the program has read another file."""
    load("production", root=shop.root, stores=shop.stores)
    other = shop.project.write("local.env", "OTHER=1\n")
    oneenv.env().load_dotenv(str(other))
    for name in (None, "security", "database"):
        canary.assert_clean(repr(vars(oneenv.env(name))))
    assert oneenv.env().get("OTHER") == "1"


@pytest.mark.parametrize("override", [False, True])
def test_files_of_the_project_are_not_read_again(shop: Shop, override: bool) -> None:
    """`load_dotenv` returns True, and the resolved values stay."""
    load("production", root=shop.root, stores=shop.stores)
    for name, file in ((None, "common"), ("security", "security"), ("database", "database"), (None, "security")):
        path = shop.project.root / "env" / "production" / f"{file}.env"
        assert oneenv.env(name).load_dotenv(path, override=override) is True
    assert oneenv.env().get("SECRET_KEY") == oneenv.env("security").get("SECRET_KEY") == shop.key
    assert oneenv.env("database").get("DATABASE_URL") == shop.url
    assert oneenv.env().load_dotenv(str(shop.project.root / "env" / "production" / "absent.env")) is False
    assert oneenv.env().load_dotenv(None) is False


def test_another_environment_is_refused(shop: Shop) -> None:
    """A program that reads $ENVIRONMENT by itself cannot mix two environments."""
    load("production", root=shop.root, stores=shop.stores)
    with pytest.raises(UsageError, match=r"env/development/common\.env: the loaded environment is production"):
        oneenv.env().load_dotenv(str(shop.project.root / "env" / "development" / "common.env"))


def test_services_that_were_not_selected(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """The file of such a service is not read as text, and a warning names it."""
    load("production", root=shop.root, services=[], stores=shop.stores)
    path = shop.project.root / "env" / "production" / "database.env"
    with caplog.at_level(logging.WARNING):
        assert oneenv.env("database").load_dotenv(str(path)) is False
    assert oneenv.env("database").get("DATABASE_URL") is None
    assert "env/production/database.env: it was not read" in caplog.text


def test_links(shop: Shop, tmp_path: Path) -> None:
    """A file behind links is the same file, whichever name the program uses."""
    folder, link = shop.project.root / "env", tmp_path / "link"
    folder.rename(tmp_path / "mounted")
    folder.symlink_to(tmp_path / "mounted")
    link.symlink_to(shop.project.root)
    load("production", root=shop.root, stores=shop.stores)
    for top in (folder, link / "env", tmp_path / "mounted"):
        path = top / "production" / "security.env"
        assert oneenv.env("security").load_dotenv(str(path), override=True) is True
        assert oneenv.env("security").get("SECRET_KEY") == shop.key


def test_maskings_do_not_add_up(shop: Shop, caplog: pytest.LogCaptureFixture, canary: CanaryFactory) -> None:
    """After many loads, the present and the previous values are masked."""
    from secretsync.config import log_masking

    counts = set()
    for _ in range(4):
        load("production", root=shop.root, stores=shop.stores)
        counts.add(len(vars(log_masking)["_installed"]))
    assert max(counts) <= 2
    shop.stores["memory"].put("key", canary())
    load("production", root=shop.root, stores=shop.stores)
    logging.getLogger("shop").warning("%s %s", shop.key, oneenv.env().get("SECRET_KEY"))
    canary.assert_clean(caplog.text)


@pytest.mark.parametrize("override", [False, True])
def test_placeholders_of_other_files(shop: Shop, caplog: pytest.LogCaptureFixture, override: bool) -> None:
    """A file outside env/ is read by OneEnv, without keys whose values would be placeholders as text."""
    load("production", root=shop.root, stores=shop.stores)
    path = shop.project.write("local.env", "SECRET_KEY=$<OTHER>\nNEW=$<NEW>\nLITERAL='$$<X>'\nPLAIN=1\n")
    with caplog.at_level(logging.WARNING):
        assert oneenv.env("security").load_dotenv(str(path), override=override)
    assert oneenv.env("security").get("SECRET_KEY") == shop.key
    assert oneenv.env("security").get("NEW") is None
    assert oneenv.env("security").get("LITERAL") == "$$<X>"
    assert oneenv.env("security").get("PLAIN") == "1"
    assert "does not resolve the placeholders of" in caplog.text
    assert "NEW" in caplog.text


def test_a_second_load_removes_the_first(shop: Shop) -> None:
    """No value of the earlier environment is left; values that the program read from other files are."""
    load("production", root=shop.root, stores=shop.stores)
    oneenv.env("security").load_dotenv(str(shop.project.write("local.env", "PLAIN=1\n")))
    load("development", root=shop.root)
    assert oneenv.env().get("DEBUG") == "True"
    assert oneenv.env("security").get("SECRET_KEY") is None
    assert oneenv.env("database").get("DATABASE_URL") is None
    assert oneenv.env("security").get("PLAIN") == "1"


def test_masked_logs(shop: Shop, caplog: pytest.LogCaptureFixture, canary: CanaryFactory) -> None:
    """Programs log what they read; `mask_logs=False` leaves the records as they are."""
    load("production", root=shop.root, stores=shop.stores)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("shop").debug("read %s", oneenv.env("database").get("DATABASE_URL"))
    assert "********" in caplog.text
    canary.assert_clean(caplog.text)


def run_program(shop: Project, env: Mapping[str, str | None]) -> tuple[dict[str, Any], str]:
    """Run the program after the one line; return what it found and what it logged."""
    line = "from secretsync.integrations.oneenv import load; load()\n"
    start = f"{line}import runpy; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    done = run_command(
        [sys.executable, "-c", start], cwd=shop.root, env=clean_environment(shop.home, env), reveals=True, expect=0
    )
    return json.loads(done.stdout), done.stderr


def test_program_with_openbao(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> None:
    """A program that was written for OneEnv runs unchanged after one line, with its secrets in OpenBao."""
    mount, key, password = vault.kv2(), canary(), canary()
    vault.write(mount, "app", {"key": key, "password": password})
    bindings = f'[secrets]\nSECRET_KEY = "vault:{mount}/app#key"\nDB_PASSWORD = "vault:{mount}/app#password"\n'
    made = project({**FILES, "providers/production.toml": bindings})
    token = vault.token(vault.policy(f"{mount}/data/*"))
    found, logged = run_program(made, {**vault.environ(token), "ENVIRONMENT": "production"})
    assert found == {
        "secret_key": key,
        "debug": False,
        "database_url": f"postgresql://app:{password}@db/app",
        "timeout": 1800,
        "shared": "1800",
        "from_environ": str(made.home),
        "unknown": "default",
        "audit": {"environment": "production", "errors": []},
        "tracked": [True, False],
    }
    assert "read DATABASE_URL=********" in logged
    canary.assert_clean((made.root / "config_tracking.json").read_text())


def test_program_that_run_started(project: MakeProject, home: Path, canary: CanaryFactory) -> None:
    """In an application of `run`, the adapter takes the values of `run`: no store is asked."""
    key, password = canary(), canary()
    bindings = '[secrets]\nSECRET_KEY = "env:KEY_OF_APP"\nDB_PASSWORD = "env:PW_OF_APP"\n'
    made = project({**FILES, "providers/production.toml": bindings})
    start = "from secretsync.integrations.oneenv import load; load()\n"
    start += f"import runpy; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    command = ("run", "-e", "production", "--", sys.executable, "-c", start)
    env = {"ENVIRONMENT": "production", "KEY_OF_APP": key, "PW_OF_APP": password}
    done = made.cli(*command, env=env, reveals=True, expect=0)
    assert json.loads(done.stdout)["secret_key"] == key


# Templates


def flat() -> dict[str, Any]:
    """Return a template of the old form."""
    return {
        "SECRET_KEY": {"description": "Signs\n  sessions", "required": True},
        "LOG_LEVEL": {"description": "How much is logged", "choices": ["INFO", "DEBUG"], "importance": "optional"},
    }


def grouped() -> dict[str, Any]:
    """Return a template of the form with groups."""
    return {"groups": {"Database": {"DATABASE_URL": {"description": "The database", "importance": "critical"}}}}


def scaffolded() -> list[dict[str, Any]]:
    """Return a template of the newest form."""
    return [{"category": "Cache", "option": "redis", "env": {"REDIS_URL": {"description": "The cache"}}}]


def test_variables_of_each_form() -> None:
    """The three forms give the same kind of row."""
    found = variables([flat, grouped, scaffolded, own_variables])
    assert [(one.key, one.group, one.required, one.importance) for one in found] == [
        ("DATABASE_URL", "Database", False, "critical"),
        ("LOG_LEVEL", None, False, "optional"),
        ("REDIS_URL", "Cache", False, "important"),
        ("SECRET_KEY", None, True, "important"),
    ]
    again = {"LOG_LEVEL": {"description": "x", "required": True}}
    assert [one.sources for one in variables([flat, lambda: again]) if one.required and one.choices] == [
        ("flat", "<lambda>")
    ]


def test_requirements_and_policy() -> None:
    """The text is a policy with the same requirements."""
    templates = [flat, grouped, scaffolded]
    policy = parse_policy(policy_text(templates).encode(), "policy.toml")
    assert policy.problems == ()
    assert [(one.key, one.description) for one in policy.required] == [
        (one.key, one.description) for one in requirements(templates)
    ]
    assert [one.key for one in policy.required] == ["DATABASE_URL", "SECRET_KEY"]
    assert policy.required[1].description == "Signs sessions"
    assert [(check.key, check.kind, tuple(check.parameter)) for check in policy.checks] == [
        ("LOG_LEVEL", "one_of", ("INFO", "DEBUG"))
    ]


def test_descriptions_stay_text() -> None:
    """Quotes, backslashes and control characters of a description do not end the string of TOML."""
    hostile = 'a "b" \\ \x7f \u2028 ]\n[checks.X]'
    template = {"SECRET_KEY": {"description": hostile, "required": True}}
    policy = parse_policy(policy_text([lambda: template]).encode(), "policy.toml")
    assert policy.problems == ()
    assert [one.description for one in policy.required] == [" ".join(hostile.split())]
    assert policy.checks == ()


@pytest.mark.parametrize(
    "template",
    [lambda: 5, lambda: {"KEY": {}}, lambda: {"A B": {"description": "x"}}, lambda: {"KEY": "text"}, lambda: 1 / 0],
)
def test_wrong_templates(template: Any) -> None:
    """Every wrong template is an error with the name of the function."""
    with pytest.raises(ConfigurationError, match=r"<lambda>: .*template"):
        variables([flat, template])


def test_template_text(shop: Shop) -> None:
    """The text of `secretsync template` has the variables of OneEnv, each once, and no default."""
    shop.project.write("providers/production.toml", DOCKER)
    text = template_text(root=shop.root, templates=[flat, grouped, scaffolded])
    lines = text.split("\n")
    assert "SECRET_KEY=$<SECRET_KEY>" in lines
    assert "# required: Signs sessions" in lines
    assert "REDIS_URL=" in lines
    assert "# The cache" in lines
    assert "# one of: INFO, DEBUG" in lines
    assert lines[lines.index("SESSION_TIMEOUT=") - 1].startswith("# only in production")
    assert sum(line.startswith("SECRET_KEY=") for line in lines) == 1
    assert "SECRETSYNC_ENV=" not in lines


def test_oneenv_shows_variables_of_secretsync(tmp_path: Path, home: Path) -> None:
    """OneEnv finds the template by its entry point."""
    program = "import oneenv; print(oneenv.template())"
    done = run_command([sys.executable, "-c", program], cwd=tmp_path, env=clean_environment(home), expect=0)
    for key in own_variables():
        assert f"\n{key}=" in done.stdout


def test_command(shop: Shop, home: Path) -> None:
    """`python -m secretsync.integrations.oneenv policy` imports the modules here, as OneEnv does."""
    shop.project.write("providers/production.toml", DOCKER)
    shop.project.write(
        "settings.py",
        "from oneenv import oneenv\n@oneenv\ndef mine():\n"
        "    return {'A_KEY': {'description': 'a', 'required': True}}\n",
    )
    shop.project.write("broken.py", "import does_not_exist\n")
    argv = [sys.executable, "-m", "secretsync.integrations.oneenv"]
    env = clean_environment(home)
    done = run_command([*argv, "policy"], cwd=shop.project.root, env=env, expect=0)
    policy = parse_policy(done.stdout_bytes, "policy.toml")
    assert (policy.problems, [one.key for one in policy.required]) == ((), ["A_KEY"])
    assert "broken" in done.stderr
    done = run_command([*argv, "template"], cwd=shop.project.root, env=env, expect=0)
    assert "A_KEY=$<A_KEY>" in done.stdout.split("\n")
    assert run_command([*argv, "other"], cwd=shop.project.root, env=env).status == 2


# The oldest version


OLDEST_PROGRAM = """
import json, oneenv
from secretsync import UsageError
from secretsync.integrations.oneenv import load, requirements

@oneenv.oneenv
def mine():
    return {"A_KEY": {"description": "a", "required": True}, "B": {"description": "b"}}

assert [one.key for one in requirements()] == ["A_KEY"]
try:
    load("production")
except UsageError as error:
    print(error)
"""


def test_oldest_oneenv(shop: Shop, home: Path) -> None:
    """Templates are read; `load` names the version that it needs."""
    folder = TOOLS / f"oneenv-{OLDEST['oneenv']}"
    needs(folder.is_dir(), "oneenv of the oldest version")
    env = clean_environment(home, {"PYTHONPATH": str(folder)})
    done = run_command([sys.executable, "-c", OLDEST_PROGRAM], cwd=shop.project.root, env=env, expect=0)
    assert done.stdout == "oneenv: this version does not have named environments; install oneenv 0.4.0 or newer\n"


# The classes


def test_secure_config(shop: Shop, canary: CanaryFactory) -> None:
    """Values by name and service; a wrong type is an error and not a default."""
    config = SecureConfig(config=load("production", root=shop.root, stores=shop.stores))
    assert config.environment == "production"
    assert config.get("SECRET_KEY") == shop.key
    assert config.get("NOT_DEFINED", 5) == 5
    assert (config.get_bool("DEBUG"), config.get_int("SESSION_TIMEOUT")) == (False, 1800)
    assert (config.get_bool("NOT_DEFINED", True), config.get_int("NOT_DEFINED", 7)) == (True, 7)
    assert config.get_database_url() == shop.url
    with pytest.raises(ValueTypeError):
        config.get_int("DEBUG")
    with pytest.raises(ConfigurationError, match=r"A_KEY.*why"):
        config.validate_required_settings({"SECRET_KEY": "it is there", "A_KEY": "why"})
    canary.assert_clean(repr(config))


def test_database_url_of_the_platform(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a strict environment the process environment has precedence; elsewhere it is asked last."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://platform/app")
    shop.project.write("env/development/database.env", "DATABASE_URL=sqlite:///dev.db\n")
    strict = SecureConfig(config=load("production", root=shop.root, stores=shop.stores))
    lenient = SecureConfig(config=load("development", root=shop.root))
    assert strict.get_database_url() == "postgresql://platform/app"
    assert lenient.get_database_url() == "sqlite:///dev.db"
    monkeypatch.delenv("DATABASE_URL")
    shop.project.write("env/development/database.env", "OTHER=1\n")
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        SecureConfig(config=load("development", root=shop.root)).get_database_url()


def test_config_auditor(shop: Shop, canary: CanaryFactory, tmp_path: Path) -> None:
    """The document, the text and the file are those of `secretsync audit`."""
    shop.project.write("providers/production.toml", DOCKER)
    shop.project.write("env/production/common.env", "DEBUG=True\nSESSION_TIMEOUT=1800\n")
    auditor = ConfigAuditor("production", root=shop.root)
    results = auditor.audit_security_settings()
    assert {"timestamp", "environment", "checks", "warnings", "errors"} <= set(results)
    assert results["environment"] == "production"
    assert "debug-off" in [error["id"] for error in results["errors"]]
    assert "DEBUG" in auditor.generate_audit_report()
    saved = Path(auditor.save_audit_log(str(tmp_path / "audit.json")))
    assert json.loads(saved.read_text())["errors"] == results["errors"]
    assert saved.stat().st_mode & 0o777 == 0o600
    canary.assert_clean(saved.read_text())


def test_config_tracker(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A state is recorded if it differs; the difference names keys."""
    shop.project.write("providers/production.toml", DOCKER)
    tracker = ConfigTracker(environment="production", root=shop.root, offline=True)
    assert (tracker.track_changes(), tracker.track_changes()) == (True, False)
    tracker.show_diff()
    assert "fewer than two records" in capsys.readouterr().out
    shop.project.write("env/production/common.env", "DEBUG=False\nSESSION_TIMEOUT=900\nNEW=1\n")
    assert ConfigTracker(environment="production", root=shop.root, offline=True).track_changes() is True
    tracker.show_diff()
    out = capsys.readouterr().out
    assert "common.env: SESSION_TIMEOUT: changed" in out
    assert "common.env: NEW: added" in out
