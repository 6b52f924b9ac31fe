"""pydantic-settings with `secrets_dir`: a file for each variable."""

import json

from pydantic import create_model
from pydantic_settings import BaseSettings

names = open("names").read().split()
model = create_model("Settings", __base__=BaseSettings, **dict.fromkeys(names, (str, ...)))
print(json.dumps(model(_secrets_dir="files").model_dump()))
