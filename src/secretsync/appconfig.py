"""Read the settings that most web applications need, by name."""

from __future__ import annotations

from secretsync.api import resolve_config
from secretsync.config.config import Config
from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, UsageError
from secretsync.core.frames import methods_hide_variables
from secretsync.core.model import Origin

_PROCESS_ENVIRONMENT = "(process environment)"


@methods_hide_variables
class AppConfig:
    """Debug mode, secret key, database URL and log level of an application. The required ones are checked at once."""

    __slots__ = ("config",)

    def __init__(self, config: Config | None = None) -> None:
        """Check the required settings. `config`: None means `resolve_config()`.

        Raises ConfigurationError with every required setting without a value: SECRET_KEY, DATABASE_URL.
        """
        if not (config is None or isinstance(config, Config)):
            raise UsageError(f"config: it is of type {type(config).__name__}; give the result of resolve_config()")
        self.config = resolve_config() if config is None else config
        wanted = {"SECRET_KEY": "the application's secret key", "DATABASE_URL": "the URL of the database"}
        found = {"SECRET_KEY": bool(self.config.get("SECRET_KEY")), "DATABASE_URL": bool(self._database()[0])}
        problems = [
            Problem(kind=ProblemKind.CONFIGURATION, key=key, cause="it is required and has no value", hint=description)
            for key, description in wanted.items()
            if not found[key]
        ]
        if problems:
            raise ConfigurationError(problems)

    def __repr__(self) -> str:
        config: Config | None = getattr(self, "config", None)  # absent while the object is built
        return f"<AppConfig {'' if config is None else config.environment or 'files'}>"

    @property
    def debug(self) -> bool:
        """Return DEBUG; False if it is not set."""
        return self.config.get_bool("DEBUG", default=False)

    @property
    def log_level(self) -> str:
        """Return LOG_LEVEL; INFO if it is not set."""
        return self.config.get("LOG_LEVEL", "INFO")

    @property
    def secret_key(self) -> str:
        """Return SECRET_KEY."""
        return self.config.get("SECRET_KEY", "")

    @property
    def database_url(self) -> str:
        """Return DATABASE_URL of the service `database`, else of the configuration, else of the process environment.

        In a strict environment the process environment has precedence, because a platform sets the URL there.
        `origin("DATABASE_URL")` shows where the value came from.
        """
        return self._database()[0] or ""

    @property
    def is_production(self) -> bool:
        """True if the name of the environment is production or prod, or begins with it: `production-eu`."""
        name = (self.config.environment or "").lower().replace("_", "-")
        return name.split("-")[0] in ("production", "prod")

    def origin(self, key: str) -> Origin:
        """Return where the value of `key` came from, as this class reads it. Raises MissingKeyError."""
        scope = self.config if key in self.config else None
        if key == "DATABASE_URL":
            scope = self._database()[1]
        if scope is None and self.config.get(key):
            return Origin(key=key, file=_PROCESS_ENVIRONMENT, line=0, service=None, is_secret=True)
        return (scope or self.config).origin(key)

    def _database(self) -> tuple[str | None, Config | None]:
        """Return the URL and its scope; None as the scope means the process environment."""
        key, config = "DATABASE_URL", self.config
        scopes = [config.service("database")] if "database" in config.services else []
        scopes = [scope for scope in (*scopes, config) if scope.get(key)]
        inherited = config.inherited(key)
        if inherited and (config.is_strict or not scopes):
            return inherited, None
        return (scopes[0][key], scopes[0]) if scopes else (None, None)
