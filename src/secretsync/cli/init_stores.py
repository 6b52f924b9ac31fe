"""The bindings that `secretsync init --store` writes: the place of each secret in one store."""

from __future__ import annotations

_VAULT = """\
# The address and the token are in VAULT_ADDR and VAULT_TOKEN, or here:
# [stores.vault]
# address = "https://vault.internal:8200"
# auth = {{ method = "kubernetes", role = "{service}" }}
"""
_AWS = """\
# The region and the identity come from the environment, or here:
# [stores.aws]
# region = "eu-west-1"
"""
_SSM = """\
# The region and the identity come from the environment, or here:
# [stores.ssm]
# region = "eu-west-1"
"""
_AZURE = """\
# The vault is in AZURE_KEYVAULT_URL, or here:
# [stores.azure]
# vault_url = "https://NAME.vault.azure.net"
"""
_DOCKER = """\
[stores.docker]
dir = ".secrets/{name}"
"""

# For each store: its settings in the bindings, and the reference of SECRET_KEY.
_STORES = {
    "vault": (_VAULT, "vault:secret/{name}/{service}#SECRET_KEY"),
    "aws": (_AWS, "aws:{name}/{service}#SECRET_KEY"),
    "ssm": (_SSM, "ssm:/{name}/{service}/secret-key"),
    "azure": (_AZURE, "azure:{service}-secret-key"),
    "docker": (_DOCKER, "docker:secret_key"),
}

STORES = tuple(_STORES)


def bindings_of_store(store: str, name: str, service: str) -> str:
    """Return the bindings of the environment `name`, whose secrets are in `store`."""
    settings, reference = (text.format(name=name, service=service) for text in _STORES[store])
    return (
        f"# The places of the secrets of {name}. This file contains no credential.\n{settings}\n"
        f'[secrets]\nSECRET_KEY = "{reference}"\n\n[rotation]\nmax_age = "90d"\n'
    )


def unbound(store: str, name: str, service: str, text: str) -> str | None:
    """Return the warning for bindings that are kept and do not name the place in `store`; None if they do."""
    line = f'SECRET_KEY = "{_STORES[store][1].format(name=name, service=service)}"'
    if line in text.split("\n"):
        return None
    return f"providers/{name}.toml is kept, and does not bind SECRET_KEY to {store}; to do so, add to [secrets]: {line}"


def next_commands(name: str) -> tuple[str, ...]:
    """Return the next three commands."""
    return (
        f"secretsync set SECRET_KEY -e {name} --generate 48",
        f"secretsync check -e {name}",
        f"secretsync run -e {name} -- COMMAND",
    )
