"""A program that reads its configuration through OneEnv and does not know SecretSync."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import oneenv  # type: ignore[import-untyped]

log = logging.getLogger("shop")


class SecureConfig:
    """The files of one environment, loaded into OneEnv's named environments."""

    def __init__(self, environment: str | None = None) -> None:
        self.environment = environment or os.environ.get("ENVIRONMENT", "development")
        folder = Path("env") / self.environment
        oneenv.env().load_dotenv(str(folder / "common.env"))
        oneenv.env("security").load_dotenv(str(folder / "security.env"), override=True)
        for file in sorted(folder.glob("*.env")):
            if file.stem not in ("common", "security"):
                oneenv.env(file.stem).load_dotenv(str(file), override=True)

    def get(self, key: str, default: Any = None, service: str | None = None) -> Any:
        """Return a value, and log it as careless programs do."""
        if service is not None:
            value = oneenv.env(service).get(key, default)
        else:
            value = oneenv.env("security").get(key) or oneenv.env().get(key, default)
        log.debug("read %s=%s", key, value)
        return value

    def get_bool(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        return str(self.get(key, str(default))).lower() in ("true", "1", "yes", "on")

    def get_int(self, key: str, default: int = 0) -> int:
        """Return a whole number."""
        return int(self.get(key, str(default)))

    def get_database_url(self) -> str:
        """Return the URL of the database."""
        return str(os.getenv("DATABASE_URL") or self.get("DATABASE_URL", service="database"))


class AppConfig:
    """The settings of the application."""

    def __init__(self) -> None:
        self.config = SecureConfig()

    @property
    def debug(self) -> bool:
        """Return DEBUG."""
        return self.config.get_bool("DEBUG")

    @property
    def secret_key(self) -> str:
        """Return SECRET_KEY."""
        return str(self.config.get("SECRET_KEY"))


class ConfigAuditor:
    """Checks of the settings."""

    def __init__(self) -> None:
        self.config = SecureConfig()

    def audit_security_settings(self) -> dict[str, Any]:
        """Return the checks that failed."""
        checks = {
            "Debug Mode": not self.config.get_bool("DEBUG"),
            "Secret Key Length": len(self.config.get("SECRET_KEY", "")) >= 32,
            "Session Timeout": self.config.get_int("SESSION_TIMEOUT", 3600) <= 3600,
        }
        return {
            "environment": self.config.environment,
            "errors": [name for name, passed in checks.items() if not passed],
        }


class ConfigTracker:
    """The history of the template."""

    def __init__(self, tracking_file: str = "config_tracking.json") -> None:
        self.tracking_file = Path(tracking_file)

    def track_changes(self) -> bool:
        """Record the template if it differs from the last one."""
        content = oneenv.template()
        history = json.loads(self.tracking_file.read_text()) if self.tracking_file.exists() else []
        if history and history[-1] == content:
            return False
        self.tracking_file.write_text(json.dumps([*history, content][-10:]))
        return True


def main() -> None:
    """Print what the application gets."""
    logging.basicConfig(level=logging.DEBUG)
    app = AppConfig()
    found = {
        "secret_key": app.secret_key,
        "debug": app.debug,
        "database_url": app.config.get_database_url(),
        "timeout": app.config.get_int("SESSION_TIMEOUT", 3600),
        "shared": oneenv.env("database").get("SESSION_TIMEOUT"),
        "from_environ": app.config.get("HOME"),
        "unknown": app.config.get("NOT_DEFINED", "default"),
        "audit": ConfigAuditor().audit_security_settings(),
        "tracked": [ConfigTracker().track_changes(), ConfigTracker().track_changes()],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
