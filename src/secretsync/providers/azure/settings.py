"""The settings of a store of Key Vault, and the rules for its references. Imported without the SDK."""

from __future__ import annotations

import re

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, SecretRef
from secretsync.providers.interface import Setting, StoreContext

SETTINGS = {
    "vault_url": Setting(help="https://NAME.vault.azure.net", environment="AZURE_KEYVAULT_URL"),
    "credential": Setting(
        help="whose identity is used",
        choices=(
            "auto",
            "default",
            "workload-identity",
            "managed-identity",
            "client-secret",
            "client-certificate",
            "cli",
        ),
        default="auto: what the environment shows",
        identifies=True,
    ),
    "client_id": Setting(
        help="client id of the application or of the user-assigned identity",
        environment="AZURE_CLIENT_ID",
        identifies=True,
    ),
}


# As App Service, Terraform and the portal write a secret, with or without @Microsoft.KeyVault(SecretUri=...) around it.
_IDENTIFIER = re.compile(r"https://[^/]+/secrets/(?P<name>[0-9a-zA-Z-]{1,127})(?:/(?P<version>[0-9a-f]{32})?)?\)?$")


def check_path(path: str) -> str | None:
    """Return what is wrong with the path of a reference; None if nothing is."""
    if re.fullmatch(r"[0-9a-zA-Z-]{1,127}", path):
        return None
    if re.fullmatch(r"[0-9a-zA-Z_-]{1,127}", path):
        return "Key Vault names do not have underscores; write a hyphen in place of each"
    if found := _IDENTIFIER.search(path):
        version = f"?version={found['version']}" if found["version"] else ""
        return f"this is the URL of a secret: set vault_url to its host, and write $<azure:{found['name']}{version}>"
    return "Key Vault names are 1 to 127 letters, digits and hyphens"


def check_version(ref: SecretRef) -> Failed | None:
    """Return the outcome of a reference whose version is not one of Key Vault; None if it is."""
    # With "versions" in the place of a version, the URL is another call of the service.
    if ref.version is None or re.fullmatch(r"[0-9a-fA-F]{32}", ref.version):
        return None
    return Failed(ProblemKind.CONFIGURATION, "a version of Key Vault is 32 hexadecimal digits")


def vault_url(context: StoreContext) -> str:
    """Return the URL of the vault, without a slash at its end. Raises ConfigurationError."""
    hint = "https://NAME.vault.azure.net, in [stores.NAME] or in AZURE_KEYVAULT_URL"
    url = context.setting("vault_url", "AZURE_KEYVAULT_URL")
    if url is None:
        raise context.mistake("vault_url is not set", hint)
    from secretsync.providers.inputs import InputKind, malformed, url_mistake

    name = "vault_url" if context.settings.get("vault_url") else "AZURE_KEYVAULT_URL"
    if (cause := malformed(InputKind.TEXT, url) or url_mistake(url)) is not None:
        raise context.mistake(f"{name} {cause}", hint)
    if not url.startswith("https:"):
        raise context.mistake(f"{name} does not begin with https://", hint)
    return url.rstrip("/")
