"""DescribeSecret and ListSecretVersionIds of each secret, from 16 threads."""

from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

client = boto3.client("secretsmanager", config=Config(max_pool_connections=16))


def ask(name):
    """Return when the first version of a secret was made."""
    client.describe_secret(SecretId=name)
    return client.list_secret_version_ids(SecretId=name)["Versions"][0]["CreatedDate"]


with ThreadPoolExecutor(16) as threads:
    print(len(list(threads.map(ask, open("names").read().split()))))
