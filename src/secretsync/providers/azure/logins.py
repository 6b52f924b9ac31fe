"""Describe the ways to log in to Azure, in the order in which SecretSync looks for them."""

from __future__ import annotations

import shutil

from secretsync.providers.azure.credentials import NEEDED, shown_kind
from secretsync.providers.azure.inputs import INPUTS
from secretsync.providers.inputs import InputKind, InputRule
from secretsync.providers.interface import StoreContext
from secretsync.providers.logins import Login, Way, checklist, look

_MACHINE = "managed identity of the virtual machine (the endpoint 169.254.169.254)"
_ENDPOINTS = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
_RULES = {name: rule for rules in INPUTS.values() for rule in rules for name in rule.names}


def logins(context: StoreContext) -> tuple[Login, ...]:
    """Return the ways to log in. Nothing is requested, and no content of a file or variable is in the result."""
    wanted = context.setting("credential") or "auto"
    ways = {kind: look(context, kind, (_RULES[name] for name in names)) for kind, names in NEEDED.items()}
    ways["managed-identity"] = _endpoint(context)
    ways["cli"] = _cli(context)
    if wanted == "default":
        hint = "the setting credential leaves the choice to azure-identity; remove it for the order of this list"
        ways["default"] = Way(name="default", found=("the setting credential",), hint=hint)
    ways["machine"] = Way(
        name=_MACHINE,
        is_unseen=True,
        hint="on another machine: run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
    )
    if wanted == "auto":
        client = context.setting("client_id", "AZURE_CLIENT_ID")
        return checklist(tuple(ways.values()), tuple(ways).index(shown_kind(context.environ, client) or "machine"))
    # The setting is the only way. Without the endpoint of a platform, it is that of a virtual machine.
    is_machine = wanted == "managed-identity" and bool(ways[wanted].missing)
    return checklist((ways["machine" if is_machine else wanted],), None)


def _endpoint(context: StoreContext) -> Way:
    rule = InputRule(_ENDPOINTS, InputKind.URL)
    hint = "give the application a managed identity; the platform sets the variable"
    return look(context, "managed-identity of the platform", (rule,), hint=hint)


def _cli(context: StoreContext) -> Way:
    if shutil.which("az", path=context.environ.get("PATH")):
        return Way(name="cli", found=("az in PATH",))
    return Way(name="cli", missing=("az in PATH",), hint="install the Azure CLI, and run `az login`")
