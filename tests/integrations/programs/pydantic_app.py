"""An application whose settings are a class of pydantic-settings."""

import sys
from typing import Annotated

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from secretsync import Key
from secretsync.integrations.pydantic_settings import SecretSyncSettingsSource


class Settings(BaseSettings):
    """The environment first, then the env files with their secrets."""

    model_config = SettingsConfigDict(env_prefix="SHOP_")

    debug: bool = False
    secret_key: SecretStr
    database_url: Annotated[SecretStr, Key("DATABASE_URL", service="database")]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add SecretSync after the process environment."""
        del dotenv_settings, file_secret_settings  # SecretSync reads these files
        return init_settings, env_settings, SecretSyncSettingsSource(settings_cls)


if __name__ == "__main__":
    settings = Settings()  # type: ignore[call-arg] # the sources have the values
    sys.stdout.write(f"{settings!r}\n")
    sys.stdout.write(f"{settings.database_url.get_secret_value().partition('@')[2]}\n")
