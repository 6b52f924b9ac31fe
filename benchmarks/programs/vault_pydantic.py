"""pydantic-settings-vault: one field a secret."""

import json
import sys

from pydantic import Field, create_model
from pydantic_settings import BaseSettings
from pydantic_vault import VaultSettingsSource

names = open("names").read().split()


class _Settings(BaseSettings):
    @classmethod
    def settings_customise_sources(cls, settings_cls, **_):
        """Return Vault as the only source."""
        return (VaultSettingsSource(settings_cls),)


def field(name):
    """Return the field of a secret."""
    place = {"vault_secret_path": f"secret/data/{sys.argv[1]}/{name}", "vault_secret_key": "value"}
    return (str, Field(..., json_schema_extra=place))


model = create_model("Settings", __base__=_Settings, **{name: field(name) for name in names})
print(json.dumps(model().model_dump()))
