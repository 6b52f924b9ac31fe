"""dynaconf."""

import json

from dynaconf import Dynaconf

settings = Dynaconf(load_dotenv=True, dotenv_path=".env", envvar_prefix=False)
print(json.dumps({name: str(settings.get(name)) for name in open("names").read().split()}))
