"""The source for pydantic-settings, with the newest version, and with the oldest one in a process of its own."""

import datetime as dt
import enum
import sys
import traceback
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, AnyUrl, BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from secretsync import Config, ConfigurationError, Key, Secret, UsageError, resolve_config
from secretsync.integrations.pydantic_settings import SecretSyncSettingsSource
from secretsync.testing import MemoryProvider
from tests.rendering.formats.fetch_readers import OLDEST, TOOLS
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject
from tests.support.tools import needs

HERE = Path(__file__)
ROOT = HERE.parents[2]
Load = Callable[..., Any]


@pytest.fixture
def configured(project: MakeProject) -> Callable[..., Config]:
    """`configured({"name": "value"}, common="A=1", database="B=2")` resolves a project with a store in memory."""

    def make(secrets: Mapping[str, str] | None = None, **files: str) -> Config:
        made = project({f"env/test/{name}.env": text for name, text in files.items()})
        return resolve_config("test", root=made.root, environ={}, stores={"memory": MemoryProvider(secrets or {})})

    return make


def with_source(config: Config, **options: Any) -> Any:
    """Return a base class of settings: arguments, process environment, SecretSync."""

    class Base(BaseSettings):
        @classmethod
        def settings_customise_sources(  # type: ignore[override] # the names of the other sources do not matter
            cls, settings_cls: type[BaseSettings], init_settings: Any, env_settings: Any, **others: Any
        ) -> tuple[Any, ...]:
            return init_settings, env_settings, SecretSyncSettingsSource(settings_cls, config, **options)

    return Base


def test_priority(configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument and a variable override SecretSync, which overrides the default."""
    config = configured(common="A=file\nB=file\nC=file\n")

    class Settings(with_source(config)):  # type: ignore[misc]
        a: str = "default"
        b: str = "default"
        c: str = "default"
        d: str = "default"

    monkeypatch.setenv("B", "variable")
    monkeypatch.setenv("C", "variable")
    settings = Settings(c="argument")
    assert (settings.a, settings.b, settings.c, settings.d) == ("file", "variable", "argument", "default")


def test_names(configured: Callable[..., Config]) -> None:
    """Prefix, aliases, choices of aliases and `Key`."""
    config = configured(common="APP_A=1\nREAL=2\nSECOND=3\nOWN=4\nAPP_E=5\n")

    class Settings(with_source(config)):  # type: ignore[misc]
        model_config = SettingsConfigDict(env_prefix="app_")
        a: str
        b: str = Field(validation_alias="REAL")
        c: str = Field(validation_alias=AliasChoices("FIRST", "SECOND"))
        d: Annotated[int, Key("OWN")]
        e: Annotated[int, Key(service=None)]

    settings = Settings()
    assert (settings.a, settings.b, settings.c, settings.d, settings.e) == ("1", "2", "3", 4, 5)


def test_case(configured: Callable[..., Config]) -> None:
    """With `case_sensitive` a field has the key as it is written."""
    config = configured(common="Mixed=1\nUPPER=2\n")

    class Settings(with_source(config)):  # type: ignore[misc]
        model_config = SettingsConfigDict(case_sensitive=True)
        Mixed: str
        upper: str = "default"

    assert (Settings().Mixed, Settings().upper) == ("1", "default")


def test_nested(configured: Callable[..., Config], canary: CanaryFactory) -> None:
    """Nested keys and JSON, in the scope of the field's service."""
    secret = canary()
    config = configured(
        {"p": secret},
        common='DB__HOST=common\nDB__PORT=1\nLIMITS={"a": 1}\nHOSTS=["a", "b"]\n',
        database="DB__HOST=database\nDB__PASSWORD=$<memory:p>\nDB__INNER__DEPTH=2\n",
    )

    class Inner(BaseModel):
        depth: int

    class Database(BaseModel):
        host: str
        port: int
        password: SecretStr | None = None
        inner: Inner | None = None

    class Settings(with_source(config)):  # type: ignore[misc]
        model_config = SettingsConfigDict(env_nested_delimiter="__")
        db: Database
        other: Annotated[Database, Key("DB", service="database")]
        limits: dict[str, int]
        hosts: list[str]

    settings = Settings()
    assert (settings.db.host, settings.db.port, settings.db.password) == ("common", 1, None)
    assert (settings.other.host, settings.other.port) == ("database", 1)
    assert settings.other.model_dump()["password"].get_secret_value() == secret
    assert settings.other.model_dump()["inner"] == {"depth": 2}
    assert (settings.limits, settings.hosts) == ({"a": 1}, ["a", "b"])


def test_services(configured: Callable[..., Config]) -> None:
    """A field names its service; `service=` is the scope of the other fields."""
    config = configured(common="URL=common\n", database="URL=database\n", cache="URL=cache\n")

    class Settings(with_source(config, service="cache")):  # type: ignore[misc]
        url: str
        database: Annotated[str, Key("URL", service="database")]

    assert (Settings().url, Settings().database) == ("cache", "database")

    class Wrong(with_source(config)):  # type: ignore[misc]
        url: Annotated[str, Key(service="no-such-service")]

    with pytest.raises((UsageError, ValueError), match=r"service|url"):
        Wrong()


class Colour(enum.Enum):
    """An enumeration of texts."""

    RED = "red"


TYPES: list[tuple[Any, str, object]] = [
    (str, "text", "text"),
    (int, "5", 5),
    (float, "1.5", 1.5),
    (bool, "yes", True),
    (Decimal, "1.50", Decimal("1.50")),
    (Path, "/a/b", Path("/a/b")),
    (Literal["a", "b"], "b", "b"),
    (Colour, "red", Colour.RED),
    (dt.date, "2026-11-24", dt.date(2026, 11, 24)),
    (dt.timedelta, "P1D", dt.timedelta(days=1)),
    (uuid.UUID, "00000000-0000-0000-0000-000000000005", uuid.UUID(int=5)),
    (AnyUrl, "https://example.org/x", AnyUrl("https://example.org/x")),
    (bytes, "text", b"text"),
    (list[str], '["a"]', ["a"]),
    (dict[str, list[int]], '{"a": [1]}', {"a": [1]}),
    (int | None, "5", 5),
]


@pytest.mark.parametrize(("kind", "text", "value"), TYPES, ids=lambda one: str(one)[:40])
def test_types_of_secrets(configured: Callable[..., Config], kind: Any, text: str, value: object) -> None:
    """A text from a store becomes each type; the model has no trace of how it was hidden."""
    base = with_source(configured({"x": text}, security="MY_SECRET=$<memory:x>\n"))
    settings = type("Settings", (base,), {"__annotations__": {"my_secret": kind}})()
    assert settings.my_secret == value
    assert type(settings.my_secret) is type(value)
    assert repr(settings.my_secret) == repr(value)


def test_secrets_hide_themselves(configured: Callable[..., Config], canary: CanaryFactory) -> None:
    """SecretStr of pydantic and Secret of SecretSync."""
    secret = canary()
    config = configured({"x": secret}, security="A_KEY=$<memory:x>\nB_KEY=$<memory:x>\n")

    class Settings(with_source(config)):  # type: ignore[misc]
        model_config = SettingsConfigDict(arbitrary_types_allowed=True)
        a_key: SecretStr
        b_key: Secret

    settings = Settings()
    assert settings.a_key.get_secret_value() == settings.b_key.reveal() == secret
    canary.assert_clean(repr(settings))
    canary.assert_clean(repr(SecretSyncSettingsSource(Settings, configured(common="A=1\n"))))


WRONG: list[tuple[str, Any, str, str]] = [
    ("a type", int, "", ""),
    ("an item of JSON", list[int], '["', '"]'),
    ("a member of JSON", dict[str, int], '{"a": "', '"}'),
    ("no JSON", list[int], "[", ""),
    ("a choice", Literal["a"], "", ""),
]


@pytest.mark.parametrize(("name", "kind", "before", "after"), WRONG, ids=[row[0] for row in WRONG])
def test_errors_show_no_secret(
    configured: Callable[..., Config], canary: CanaryFactory, name: str, kind: Any, before: str, after: str
) -> None:
    """Neither the wrong value nor its neighbours, in the message and in the traceback with its causes."""
    secrets = {"x": f"{before}{canary()}{after}", "y": canary()}
    base = with_source(configured(secrets, security="MY_SECRET=$<memory:x>\nY_KEY=$<memory:y>\n"))
    fields = {"my_secret": kind, "y_key": str, "not_defined": str}
    with pytest.raises(ValueError, match="my_secret") as caught:
        type("Settings", (base,), {"__annotations__": fields})()
    canary.assert_clean(f"{caught.value} {caught.value!r}")
    canary.assert_clean("".join(traceback.format_exception(caught.value)))
    if isinstance(caught.value, ValidationError):
        canary.assert_clean(repr(caught.value.errors()))


def test_a_missing_secret_is_an_error_of_secretsync(project: MakeProject) -> None:
    """The error names file and line, as everywhere."""
    made = project({"env/test/security.env": "A=$<docker:not-there>\nB=$<\n"})

    class Settings(BaseSettings):
        a: str

    with pytest.raises(ConfigurationError, match=r"env/test/security.env:2"):
        SecretSyncSettingsSource(Settings, resolve_config("test", root=made.root))
    with pytest.raises(UsageError, match="config: it is of type str"):
        SecretSyncSettingsSource(Settings, "test")  # type: ignore[arg-type]


def test_application(project: MakeProject, canary: CanaryFactory) -> None:
    """The example resolves by itself, and takes the values of `run` if that started it."""
    password, key = canary(), canary()
    made = project(
        {
            "env/production/common.env": "SHOP_DEBUG=False\n",
            "env/production/security.env": "SHOP_SECRET_KEY=$<env:KEY>\n",
            "env/production/database.env": "DATABASE_URL=postgresql://app:$<env:PW?as=url>@db/app\n",
        }
    )
    program = [sys.executable, str(HERE.parent / "programs" / "pydantic_app.py")]
    variables = {"KEY": key, "PW": password, "ENVIRONMENT": "production"}
    alone = run_command(program, cwd=made.root, env=clean_environment(made.home, variables), expect=0)
    started = made.cli("run", "-e", "production", "--", *program, env=variables, expect=0)
    assert alone.stdout == started.stdout
    assert alone.stdout.split("\n")[1] == "db/app"
    assert "SecretStr('**********')" in alone.stdout


def test_oldest_version(home: Path) -> None:
    """All tests of this module pass with the oldest version that is supported."""
    folder = TOOLS / f"pydantic-settings-{OLDEST['pydantic-settings']}"
    needs(folder.is_dir(), "pydantic-settings of the oldest version")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE), "-k", "not oldest"]
    done = run_command(argv, cwd=ROOT, env=clean_environment(home, {"PYTHONPATH": str(folder)}))
    assert done.status == 0, done.stdout[-3000:]


def test_a_source_that_was_not_made_has_a_repr() -> None:
    """A traceback with variables can be printed if the arguments of the source are wrong."""
    shown = ""
    try:
        SecretSyncSettingsSource(BaseSettings, "production")  # type: ignore[arg-type]
    except UsageError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "self = SecretSyncSettingsSource(None)" in shown
