"""A loop over boto3: one call a secret."""

import json
import sys

import boto3

read = boto3.client("secretsmanager").get_secret_value
names = open("names").read().split()
print(json.dumps({name: read(SecretId=f"{sys.argv[1]}/{name}")["SecretString"] for name in names}))
