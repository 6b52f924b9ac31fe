"""python-decouple. It knows neither `export` nor a comment behind a value, so that its values are not compared."""

import json

from decouple import Config, RepositoryEnv

config = Config(RepositoryEnv(".env"))
print(json.dumps({name: config(name, default="") for name in open("names").read().split()}))
