"""pydantic-settings with a source of AWS for each secret, whose value is a JSON object."""

import json

from pydantic import create_model
from pydantic_settings import AWSSecretsManagerSettingsSource, BaseSettings

names = open("names").read().split()


class _Settings(BaseSettings):
    @classmethod
    def settings_customise_sources(cls, settings_cls, **_):
        """Return a source for each secret."""
        return tuple(AWSSecretsManagerSettingsSource(settings_cls, f"json/{name}") for name in names)


model = create_model("Settings", __base__=_Settings, **dict.fromkeys(names, (str, ...)))
print(json.dumps(model().model_dump()))
