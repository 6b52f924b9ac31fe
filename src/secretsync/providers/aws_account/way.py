"""Decide from settings, variables and files whether AWS is asked by SecretSync's own requests or through the SDK."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum

from secretsync.providers.aws_account.endpoints import SERVICES, is_plain_region
from secretsync.providers.interface import StoreContext

# The SDK reads these and SecretSync does not. Empty counts as unset here and below: Compose and CI set variables for
# which they do not have a value.
OF_THE_SDK = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_DATA_PATH", "AWS_DEFAULTS_MODE")
_OTHER_ENDPOINTS = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
_FILES = (("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
# Files of boto 2, which the SDK reads before it asks a container's endpoint.
_OLD_FILES = (("BOTO_CONFIG", "/etc/boto.cfg"), ("BOTO_CONFIG", "~/.boto"), ("AWS_CREDENTIAL_FILE", ""))


class Source(StrEnum):
    """Where credentials come from without the SDK, in the order in which the SDK looks for them."""

    KEYS = "keys in variables"
    WEB_IDENTITY = "web identity"
    CONTAINER = "container endpoint"


def reason_for_sdk(context: StoreContext, exists: Callable[[str], bool] = os.path.exists) -> str | None:
    """Return why a store needs the SDK; None if its settings and variables are enough for SecretSync's own requests.

    `exists`: True if there is a file at a path.
    """
    environ = context.environ
    if context.settings.get("transport") == "sdk":
        return 'transport = "sdk"'
    named = [name for name in ("profile", "role_arn") if context.setting(name)]
    named += [name for name in OF_THE_SDK if environ.get(name)]
    named += [name for name in _OTHER_ENDPOINTS if is_true(environ.get(name))]
    if named:
        return named[0]
    source = credential_source(context)
    for variable, default in (*_FILES, *(_OLD_FILES if source is Source.CONTAINER else ())):
        path = os.path.expanduser(os.path.expandvars(environ.get(variable) or default))
        if path and exists(path):
            return f"the file that {variable} names" if environ.get(variable) else default
    if source is None:
        return "the identity of this machine or person, because no variable has credentials"
    if source is Source.WEB_IDENTITY and (environ.get("AWS_STS_REGIONAL_ENDPOINTS") or "regional") != "regional":
        return "AWS_STS_REGIONAL_ENDPOINTS"
    region = configured_region(context)
    return "a region of another form than eu-west-1" if region is not None and not is_plain_region(region) else None


def credential_source(context: StoreContext) -> Source | None:
    """Return which variables give the credentials; None if none of them does."""
    environ = context.environ
    if environ.get("AWS_ACCESS_KEY_ID"):
        return Source.KEYS
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return Source.WEB_IDENTITY
    if environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return Source.CONTAINER
    return None


def configured_region(context: StoreContext) -> str | None:
    """Return the region of settings and variables. AWS_REGION is every SDK's variable except botocore's."""
    environ = context.environ
    return context.setting("region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


def configured_endpoint(context: StoreContext, service: str, *, is_ignored: bool) -> tuple[str, str] | None:
    """Return the setting or variable with the endpoint of `service`, and its URL, or None.

    `is_ignored`: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, or the configuration file, says to ignore the variables.
    """
    if service in SERVICES and (url := context.setting("endpoint_url")):
        return "endpoint_url", url
    own = SERVICES[service].variable if service in SERVICES else service.replace("-", "_").upper()
    for name in () if is_ignored else (f"AWS_ENDPOINT_URL_{own}", "AWS_ENDPOINT_URL"):
        if url := context.environ.get(name):
            return name, url
    return None


def is_true(text: str | None) -> bool:
    """Return True if a variable is `true`, in any case, as the SDK reads it."""
    return (text or "").lower() == "true"
