"""secretspec's library, which is written in Rust. Its argument is the address of the provider."""

import json
import sys

import secretspec

found = secretspec.resolve(path="secretspec.toml", provider=sys.argv[1], profile="default", reason="benchmark")
print(json.dumps({name: secret.value for name, secret in found.secrets.items()}))
