"""environs."""

import json

from environs import Env

env = Env()
env.read_env(".env")
print(json.dumps({name: env.str(name) for name in open("names").read().split()}))
