"""The floor of Vault's SDK: hvac with 32 threads, without garbage collection and without a normal exit."""

import gc

gc.disable()

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import hvac
import requests
from requests.adapters import HTTPAdapter

names = open("names").read().split()
workers = min(len(names), 32)
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=workers))
read = hvac.Client(session=session).secrets.kv.v2.read_secret_version


def value_of(name):
    """Return the value of a secret."""
    found = read(f"{sys.argv[1]}/{name}", mount_point="secret", raise_on_deleted_version=True)
    return found["data"]["data"]["value"]


with ThreadPoolExecutor(workers) as threads:
    found = dict(zip(names, threads.map(value_of, names), strict=True))
sys.stdout.write(json.dumps(found))
sys.stdout.flush()
os._exit(0)
