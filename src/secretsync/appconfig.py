"""What most web applications ask of a configuration, by name."""

from __future__ import annotations

from secretsync.api import resolve_config
from secretsync.config.config import Config
from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.model import Origin

__all__ = ["AppConfig"]

_PROCESS_ENVIRONMENT = "(process environment)"


class AppConfig:
    """Debug mode, secret key, database URL and log level of an application, required ones checked at once."""

    __slots__ = ("config",)

    def __init__(self, config: Config | None = None) -> None:
        """`config`: what to read from; None: `resolve_config()`.

        Raises ConfigurationError where SECRET_KEY or DATABASE_URL has no value, with all that are missing.
        """
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
        return f"<AppConfig {self.config.environment or 'files'}>"

    @property
    def debug(self) -> bool:
        """DEBUG; off where nothing says."""
        return self.config.get_bool("DEBUG", default=False)

    @property
    def log_level(self) -> str:
        """LOG_LEVEL; INFO where nothing says."""
        return self.config.get("LOG_LEVEL", "INFO")

    @property
    def secret_key(self) -> str:
        """SECRET_KEY."""
        return self.config.get("SECRET_KEY", "")

    @property
    def database_url(self) -> str:
        """DATABASE_URL: of the service `database`, else of the whole, else of the process environment.

        In a strict environment the process environment goes first: a platform that hands the URL over there means it.
        `origin("DATABASE_URL")` says which it was.
        """
        return self._database()[0] or ""

    @property
    def is_production(self) -> bool:
        """Whether the environment is called production or prod, or begins with it: `production-eu`."""
        name = (self.config.environment or "").lower().replace("_", "-")
        return name.split("-")[0] in ("production", "prod")

    def origin(self, key: str) -> Origin:
        """Where the value of `key` came from, as this class reads it. Raises MissingKeyError."""
        scope = self.config if key in self.config else None
        if key == "DATABASE_URL":
            scope = self._database()[1]
        if scope is None and self.config.get(key):
            return Origin(key=key, file=_PROCESS_ENVIRONMENT, line=0, service=None, is_secret=True)
        return (scope or self.config).origin(key)

    def _database(self) -> tuple[str | None, Config | None]:
        """The URL, and the scope that it came from; None: the process environment."""
        key, config = "DATABASE_URL", self.config
        scopes = [config.service("database")] if "database" in config.services else []
        scopes = [scope for scope in (*scopes, config) if scope.get(key)]
        inherited = config.inherited(key)
        if inherited and (config.is_strict or not scopes):
            return inherited, None
        return (scopes[0][key], scopes[0]) if scopes else (None, None)
