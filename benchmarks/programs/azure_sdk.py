"""A loop over Azure's SDK: one call a secret."""

import json
import os

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

client = SecretClient(os.environ["AZURE_KEYVAULT_URL"], DefaultAzureCredential())
print(json.dumps({name: client.get_secret(name).value for name in open("names").read().split()}))
