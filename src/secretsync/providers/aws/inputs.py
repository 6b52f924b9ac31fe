"""Check the settings, variables and files of a store before its first request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.model import Failed
from secretsync.providers.aws.errors import AwsRequestError
from secretsync.providers.aws.way import Source, configured_endpoint, configured_region, credential_source, is_true
from secretsync.providers.interface import StoreContext
from secretsync.providers.remote import is_loopback

# The variables with credentials, by the source that reads them.
CREDENTIALS = {
    Source.KEYS: ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
    Source.CONTAINER: ("AWS_CONTAINER_AUTHORIZATION_TOKEN",),
}
# The other variables; None: whatever the source is.
VARIABLES = {
    None: ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE"),
    Source.KEYS: ("AWS_CREDENTIAL_EXPIRATION",),
    Source.WEB_IDENTITY: ("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    Source.CONTAINER: (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ),
}
# The files of tokens.
FILES = {
    Source.WEB_IDENTITY: "AWS_WEB_IDENTITY_TOKEN_FILE",
    Source.CONTAINER: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
}
_SETTINGS = ("region", "profile", "role_arn", "endpoint_url")
_REGION = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{1,63}(?<!-)")
# Hosts that may give credentials over plain HTTP, in addition to this machine: ECS and EKS.
_CREDENTIAL_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost")


def check_inputs(context: StoreContext) -> None:
    """Raise AwsRequestError if a setting, a variable or a file that the store uses is malformed.

    The error names the setting, the variable or the file, and not its content.
    """
    # A profile of the settings means that the variables are not part of the chain.
    source = None if context.setting("profile") else credential_source(context)
    for name, text, kind in _texts(context, source):
        _check_text(name, text, kind)
    if (region := configured_region(context)) is not None and not _REGION.fullmatch(region):
        raise AwsRequestError("InvalidRegionError")
    if source is Source.KEYS and not context.environ.get("AWS_SECRET_ACCESS_KEY"):
        raise AwsRequestError("PartialCredentialsError")
    if source is Source.WEB_IDENTITY and not context.environ.get("AWS_ROLE_ARN"):
        cause = "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not"
        raise unusable(ProblemKind.CONFIGURATION, cause, "set AWS_ROLE_ARN to the ARN of the role")
    if source is Source.CONTAINER:
        _check_credential_url(context)
    _check_endpoints(context)
    _check_files(context, source)


def _texts(context: StoreContext, source: Source | None) -> Iterator[tuple[str, str, ProblemKind]]:
    """Yield the name and the text of each setting and variable that is set, and the kind of its mistakes."""
    for name in _SETTINGS:
        yield name, context.setting(name) or "", ProblemKind.CONFIGURATION
    for name in (*VARIABLES[None], *(VARIABLES[source] if source else ())):
        yield name, context.environ.get(name) or "", ProblemKind.CONFIGURATION
    for name in CREDENTIALS.get(source, ()) if source else ():
        yield name, context.environ.get(name) or "", ProblemKind.DENIED


def _check_text(name: str, text: str, kind: ProblemKind) -> None:
    is_credential = kind is ProblemKind.DENIED
    if text != text.strip() or (is_credential and len(text.split()) > 1):
        what = "ends with a line end" if text.endswith(("\n", "\r")) else "has white space that does not belong there"
        raise unusable(kind, f"{name} {what}", f"set {name} without it")
    if not text.isprintable() or (is_credential and not text.isascii()):
        raise unusable(kind, f"{name} has a character that it cannot have", f"set {name} again")


def _check_credential_url(context: StoreContext) -> None:
    relative = context.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if relative:
        if relative.startswith("/") and relative.isascii() and not relative.startswith("//"):
            return
        cause = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path"
        raise unusable(ProblemKind.CONFIGURATION, cause, "it begins with /; the platform sets it")
    name = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    scheme, host = _scheme_and_host(context.environ.get(name) or "")
    if scheme not in ("http", "https") or not host:
        raise unusable(
            ProblemKind.CONFIGURATION, f"{name} is not a URL", "it is http:// or https://, a host and a path"
        )
    if scheme == "http" and host not in _CREDENTIAL_HOSTS and (host.endswith("localhost") or not is_loopback(host)):
        cause = f"{name} names a host that may not give credentials over http://"
        raise unusable(ProblemKind.CONFIGURATION, cause, "use https://, this machine, or the address of ECS or EKS")


def _check_endpoints(context: StoreContext) -> None:
    is_ignored = is_true(context.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
    for service in ("secretsmanager", "sts"):
        if (endpoint := configured_endpoint(context, service, is_ignored=is_ignored)) is not None:
            check_endpoint(*endpoint, may_be_plain=context.settings.get("plain_http") is True)


def check_endpoint(name: str, url: str, *, may_be_plain: bool) -> None:
    """Raise AwsRequestError if a URL is not the endpoint of a service.

    `name`: the setting or variable with the URL. `may_be_plain`: accept other machines without TLS.
    """
    scheme, host = _scheme_and_host(url)
    if scheme not in ("http", "https") or not host or not url.isascii() or url != "".join(url.split()):
        raise unusable(ProblemKind.CONFIGURATION, f"{name} is not a URL", "it is https://HOST")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise unusable(ProblemKind.CONFIGURATION, f"{name} has a user or a password in it", "it is https://HOST")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise AwsRequestError("EndpointPathError")
    if scheme == "http" and not may_be_plain and not is_loopback(host):
        raise AwsRequestError("PlainEndpointError")


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""


def _check_files(context: StoreContext, source: Source | None) -> None:
    for name in ("AWS_CA_BUNDLE", FILES.get(source) if source else None):
        path = context.environ.get(name) if name else None
        if name is None or not path:
            continue
        if name != "AWS_CA_BUNDLE":
            read_token(name, path)
            continue
        data = read_file(path, Input.CERTIFICATES)
        if isinstance(data, FileRefusal) or b"-----BEGIN " not in data:
            cause = data.cause if isinstance(data, FileRefusal) else "it is not a PEM file"
            raise unusable(ProblemKind.CONFIGURATION, f"{name} names {path}: {cause}", "name a PEM file")


def read_token(name: str, path: str) -> str:
    """Return the token in the file that the variable `name` names. Raises AwsRequestError.

    One line end is removed, because editors and shells add it.
    """
    data = read_file(path, Input.SECRET_FILE)
    if isinstance(data, FileRefusal):
        kind = ProblemKind.CONFIGURATION if data.errno is None else ProblemKind.DENIED
        raise unusable(kind, f"{name} names {path}: {data.cause}", "name a regular file")
    token = data.decode("ascii", "replace").removesuffix("\n").removesuffix("\r")
    if not token:
        raise unusable(ProblemKind.DENIED, f"{name} names {path}: it is empty", "name a file with a token")
    if not token.isprintable() or not token.isascii() or " " in token:
        cause = f"{name} names {path}: it has a character that a token does not have"
        raise unusable(ProblemKind.DENIED, cause, "white space and line ends are not part of a token")
    return token


def unusable(kind: ProblemKind, cause: str, hint: str) -> AwsRequestError:
    """Return the error for an input that cannot be used."""
    return AwsRequestError("UnusableInputError", outcome=Failed(kind, cause, hint))
