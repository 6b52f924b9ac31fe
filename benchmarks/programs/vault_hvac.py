"""A loop over hvac: one call a secret."""

import json
import sys

import hvac

read = hvac.Client().secrets.kv.v2.read_secret_version
found = {
    name: read(f"{sys.argv[1]}/{name}", mount_point="secret", raise_on_deleted_version=True)["data"]["data"]["value"]
    for name in open("names").read().split()
}
print(json.dumps(found))
