"""`config.bind` fills an application's own dataclasses; AppConfig is the one that is ready."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from secretsync import AppConfig, Config, ConfigurationError, Secret, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject

ConfigOf = Callable[..., Config]


@pytest.fixture
def config_of(project: MakeProject) -> ConfigOf:
    """`config_of({"env/test/common.env": ...}, environ={...}, environment="test")` resolves a project."""

    def make(files: dict[str, str], environ: dict[str, str] | None = None, environment: str = "test") -> Config:
        return resolve_config(environment, root=project(files).root, environ=environ or {})

    return make


@dataclass
class Database:
    """A service's settings."""

    url: Secret = field(metadata={"key": "DATABASE_URL"})
    pool_size: int = 5


@dataclass
class Settings:
    """One field of each type."""

    name: str
    port: int
    rate: float
    debug: bool
    hosts: list[str]
    secret_key: Secret
    database: Database = field(metadata={"service": "database"})
    missing: str | None
    level: str = "INFO"


FILES = {
    "env/test/common.env": "NAME=app\nPORT=8000\nRATE=0.5\nDEBUG=no\nHOSTS=a, b\nSECRET_KEY=$<env:KEY>\n",
    "env/test/database.env": "DATABASE_URL=$<env:URL_TOKEN>\nPOOL_SIZE=7\n",
}


def test_bind(config_of: ConfigOf, canary: CanaryFactory) -> None:
    """Each field has its type; secrets hide themselves in the instance's repr; defaults stand in."""
    key, url = canary(), canary()
    settings = config_of(FILES, {"KEY": key, "URL_TOKEN": url}).bind(Settings)
    assert (settings.name, settings.port, settings.rate, settings.debug) == ("app", 8000, 0.5, False)
    assert (settings.hosts, settings.missing, settings.level) == (["a", "b"], None, "INFO")
    assert settings.secret_key.reveal() == key
    assert (settings.database.url.reveal(), settings.database.pool_size) == (url, 7)
    canary.assert_clean(repr(settings))


def test_bind_reports_everything(config_of: ConfigOf, canary: CanaryFactory) -> None:
    """Missing keys and values of another type come in one error, without the values."""
    files = {
        "env/test/common.env": f"NAME=app\nPORT={canary()}\nRATE=x\nDEBUG=maybe\nHOSTS=a,,b\n",
        "env/test/database.env": "POOL_SIZE=1\n",
    }
    with pytest.raises(ConfigurationError) as caught:
        config_of(files).bind(Settings)
    text = str(caught.value)
    for key in ("PORT", "RATE", "DEBUG", "HOSTS", "SECRET_KEY", "DATABASE_URL"):
        assert key in text
    canary.assert_clean(text)


def test_bind_needs_a_dataclass(config_of: ConfigOf) -> None:
    """Anything else is a mistake of the program, and so is a type that no text becomes."""

    @dataclass
    class Odd:
        name: complex

    config = config_of(FILES, {"KEY": "x", "URL_TOKEN": "y"})
    for kind in (dict, Odd):
        with pytest.raises(TypeError):
            config.bind(kind)


def test_app_config(config_of: ConfigOf, canary: CanaryFactory) -> None:
    """The names that most applications ask for."""
    files = {
        "env/test/common.env": "DEBUG=True\n",
        "env/test/security.env": "SECRET_KEY=$<env:KEY>\n",
        "env/test/database.env": "DATABASE_URL=postgresql://db/app\n",
    }
    app = AppConfig(config_of(files, {"KEY": (key := canary())}))
    assert (app.debug, app.log_level, app.is_production) == (True, "INFO", False)
    assert (app.secret_key, app.database_url) == (key, "postgresql://db/app")
    assert app.origin("DATABASE_URL").file == "env/test/database.env"
    canary.assert_clean(repr(app))


@pytest.mark.parametrize(("environment", "expected"), [("production", "outer"), ("development", "inner")])
def test_database_url_of_strict_environments(config_of: ConfigOf, environment: str, expected: str) -> None:
    """Where strict, the process environment goes first, and `origin` says so."""
    files = {
        f"env/{environment}/common.env": "DEBUG=False\nFORCE_HTTPS=True\nSECRET_KEY=" + "k" * 32 + "\n",
        f"env/{environment}/database.env": "DATABASE_URL=inner\n",
    }
    app = AppConfig(config_of(files, {"DATABASE_URL": "outer"}, environment))
    assert app.database_url == expected
    assert (app.origin("DATABASE_URL").file == "(process environment)") == (expected == "outer")


@pytest.mark.parametrize(
    ("name", "is_production"),
    [("production", True), ("prod", True), ("production-eu", True), ("staging", False), ("reproduction", False)],
)
def test_is_production(config_of: ConfigOf, name: str, *, is_production: bool) -> None:
    """`is_production` depends on the environment's name."""
    files = {f"env/{name}/common.env": "SECRET_KEY=" + "k" * 32 + "\nDATABASE_URL=x\n"}
    assert AppConfig(config_of(files, {}, name)).is_production is is_production


def test_app_config_requires(config_of: ConfigOf) -> None:
    """SECRET_KEY and DATABASE_URL are needed; both are named when both are missing."""
    with pytest.raises(ConfigurationError, match=r"SECRET_KEY(.|\n)*DATABASE_URL"):
        AppConfig(config_of({"env/test/common.env": "X=1\n"}))
