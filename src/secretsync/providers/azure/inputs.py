"""The inputs of a store of Key Vault, and their check before the first request."""

from __future__ import annotations

from secretsync.core.model import Failed
from secretsync.providers.inputs import PROXY, InputKind, InputRule, check
from secretsync.providers.interface import StoreContext

_TENANT = InputRule(("AZURE_TENANT_ID",), InputKind.WORD)
# azure-identity puts https:// before a host.
_AUTHORITY = InputRule(("AZURE_AUTHORITY_HOST",), InputKind.SERVER, scheme="https")
_SECRET = InputRule(("AZURE_CLIENT_SECRET",), InputKind.WORD, is_credential=True)
_TOKEN = InputRule(("AZURE_FEDERATED_TOKEN_FILE",), InputKind.WORD, is_file=True, is_credential=True)
_CERTIFICATE = (
    InputRule(("AZURE_CLIENT_CERTIFICATE_PATH",), InputKind.PEM_OR_PKCS12, is_credential=True),
    InputRule(("AZURE_CLIENT_CERTIFICATE_PASSWORD",), InputKind.LINE, is_credential=True),
)
_MACHINE = (
    *(
        InputRule((name,), InputKind.URL)
        for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST")
    ),
    *(InputRule((name,), InputKind.HEADER, is_credential=True) for name in ("IDENTITY_HEADER", "MSI_SECRET")),
)
_CLI = (InputRule(("AZURE_CONFIG_DIR",), InputKind.TEXT),)
# By the credential; "" for all.
INPUTS = {
    "": (
        InputRule(("AZURE_KEYVAULT_URL",), InputKind.SERVER, setting="vault_url"),
        InputRule(("AZURE_CLIENT_ID",), InputKind.WORD, setting="client_id"),
        InputRule(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), InputKind.AUTHORITIES),
        PROXY,
    ),
    "client-secret": (_TENANT, _AUTHORITY, _SECRET),
    "client-certificate": (_TENANT, _AUTHORITY, *_CERTIFICATE),
    "workload-identity": (_TENANT, _AUTHORITY, _TOKEN),
    "managed-identity": _MACHINE,
    # A file that does not exist is skipped by the chain of this credential.
    "default": (
        *(_TENANT, _AUTHORITY, _SECRET),
        *_MACHINE,
        *_CLI,
        InputRule(("AZURE_TOKEN_CREDENTIALS",), InputKind.WORD),
        InputRule(("AZURE_USERNAME",), InputKind.TEXT, is_credential=True),
        InputRule(("AZURE_PASSWORD",), InputKind.LINE, is_credential=True),
    ),
    "cli": _CLI,
}


def input_mistake(context: StoreContext, url: str, kind: str) -> Failed | None:
    """Return the first mistake in the inputs of a store, or None.

    `url`: of the vault. `kind`: of the credential. The mistake names the setting, the variable or the file.
    """
    return check(context, (*INPUTS[""], *INPUTS.get(kind, ())), url)
