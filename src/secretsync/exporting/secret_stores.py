"""Write the SecretStores and generators of External Secrets from the settings of stores."""

from __future__ import annotations

from typing import Any

from secretsync.exporting.entries import Refused
from secretsync.exporting.target import Settings
from secretsync.project.bindings import StoreConfig

Manifest = dict[str, Any]

_ACCOUNT = "name the service account of the pods with --service-account NAME"


def provider_of(config: StoreConfig, region: str | None, settings: Settings) -> Manifest:
    """Return `spec.provider` of a SecretStore. `region`: of the ARNs in it; None means that of the store.

    Raises Refused if a setting has no counterpart.
    """
    if config.provider == "aws":
        return {"aws": _aws(config, "SecretsManager", region, settings)}
    if config.provider == "ssm":
        return {"aws": _aws(config, "ParameterStore", region, settings)}
    if config.provider == "vault":
        version = "v1" if config.settings.get("kv_version", settings.kv_version) == 1 else "v2"
        return {"vault": {**vault_provider(config, settings), "version": version}}
    return {"azurekv": _azure(config, settings)}


def _aws(config: StoreConfig, service: str, region: str | None, settings: Settings) -> Manifest:
    _refuse_settings(config, ("profile", "endpoint_url"))
    region = region or config.settings.get("region")
    if region is None:
        raise Refused("it has no region", f'set region = "..." in [stores.{config.name}]')
    found: Manifest = {"service": service, "region": region}
    if config.settings.get("role_arn"):
        found["role"] = config.settings["role_arn"]
    if settings.service_account is not None:
        found["auth"] = {"jwt": {"serviceAccountRef": {"name": settings.service_account}}}
    return found


def vault_provider(config: StoreConfig, settings: Settings) -> Manifest:
    """Return the provider of Vault, without the version of a mount. Raises Refused."""
    _refuse_settings(config, ("plain_http", "ca_cert"))
    address = config.settings.get("address")
    if not address:
        raise Refused("it has no address", f'set address = "https://..." in [stores.{config.name}]')
    found: Manifest = {"server": str(address).rstrip("/")}
    if config.settings.get("namespace"):
        found["namespace"] = config.settings["namespace"]
    return {**found, "auth": _vault_auth(config, settings)}


def _vault_auth(config: StoreConfig, settings: Settings) -> Manifest:
    auth = config.settings.get("auth") or {}
    method = auth.get("method", "token")
    if method not in ("kubernetes", "jwt"):
        raise Refused(
            f"its login by {method} needs a credential of this machine",
            'use auth = { method = "kubernetes", role = "..." }, or write the object by hand',
        )
    if settings.service_account is None:
        raise Refused(f"its login by {method} needs a service account", _ACCOUNT)
    account = {"serviceAccountRef": {"name": settings.service_account}}
    mount = str(auth.get("mount", method)).strip("/")
    role = {"role": auth["role"]} if auth.get("role") else {}
    if method == "kubernetes":
        return {"kubernetes": {"mountPath": mount, **role, **account}}
    return {"jwt": {"path": mount, **role, "kubernetesServiceAccountToken": account}}


def _azure(config: StoreConfig, settings: Settings) -> Manifest:
    url = config.settings.get("vault_url")
    if not url:
        raise Refused("it has no vault_url", f'set vault_url = "https://..." in [stores.{config.name}]')
    credential = config.settings.get("credential", "auto")
    found: Manifest = {"vaultUrl": str(url).rstrip("/")}
    if credential == "managed-identity":
        identity = config.settings.get("client_id")
        return {**found, "authType": "ManagedIdentity", **({"identityId": identity} if identity else {})}
    if credential != "workload-identity":
        raise Refused(
            f'its credential is "{credential}", which does not tell an identity of the cluster',
            'set credential = "workload-identity" or "managed-identity", or write the SecretStore by hand',
        )
    if settings.service_account is None:
        raise Refused("its login by workload-identity needs a service account", _ACCOUNT)
    return {**found, "authType": "WorkloadIdentity", "serviceAccountRef": {"name": settings.service_account}}


def _refuse_settings(config: StoreConfig, names: tuple[str, ...]) -> None:
    for name in names:
        if config.settings.get(name):
            raise Refused(f"its setting {name} is of this machine", "remove the setting, or write the object by hand")
