"""The inputs of a store of AWS, and their check before the first request."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.aws_account.endpoints import SERVICES, regional_endpoint
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.aws_account.way import (
    Source,
    configured_endpoint,
    configured_region,
    credential_source,
    is_true,
    reason_for_sdk,
)
from secretsync.providers.inputs import PROXY, InputKind, InputRule, InputTable, check, read, url_mistake
from secretsync.providers.interface import StoreContext
from secretsync.providers.remote import is_loopback

_TOKEN_FILES = {
    Source.WEB_IDENTITY: InputRule(("AWS_WEB_IDENTITY_TOKEN_FILE",), InputKind.WORD, is_file=True, is_credential=True),
    # The content of the header Authorization, which may have a scheme: `Bearer TOKEN`.
    Source.CONTAINER: InputRule(
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",), InputKind.HEADER, is_file=True, is_credential=True
    ),
}
_INPUTS: InputTable = {
    "": (
        InputRule(("AWS_REGION", "AWS_DEFAULT_REGION"), InputKind.TEXT, setting="region"),
        InputRule(("AWS_PROFILE", "AWS_DEFAULT_PROFILE"), InputKind.TEXT, setting="profile"),
        InputRule((), InputKind.WORD, setting="role_arn"),
        *(InputRule((name,), InputKind.TEXT) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")),
        InputRule(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), InputKind.CERTIFICATE),
        # For the SDK, everything but `true` means false, so that a line end would turn FIPS off without a word.
        *(InputRule((name,), InputKind.BOOLEAN) for name in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")),
        InputRule(("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",), InputKind.TEXT),
        PROXY,
    ),
    # OpenSSL reads it for SecretSync's own requests if no variable of AWS names a file.
    "system authorities": (InputRule(("SSL_CERT_FILE",), InputKind.CERTIFICATE),),
    # Read if no variable has credentials: the metadata service of EC2.
    "machine": (
        InputRule(("AWS_EC2_METADATA_DISABLED",), InputKind.TEXT),
        InputRule(("AWS_EC2_METADATA_SERVICE_ENDPOINT",), InputKind.URL),
        InputRule(("AWS_METADATA_SERVICE_TIMEOUT",), InputKind.TEXT),
        InputRule(("AWS_METADATA_SERVICE_NUM_ATTEMPTS",), InputKind.TEXT),
    ),
    Source.KEYS: (
        *(
            InputRule(names, InputKind.WORD, is_credential=True)
            for names in (
                ("AWS_ACCESS_KEY_ID",),
                ("AWS_SECRET_ACCESS_KEY",),
                ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
            )
        ),
        InputRule(("AWS_CREDENTIAL_EXPIRATION",), InputKind.TEXT),
    ),
    Source.WEB_IDENTITY: (
        InputRule(("AWS_ROLE_ARN",), InputKind.WORD),
        InputRule(("AWS_ROLE_SESSION_NAME",), InputKind.WORD),
        InputRule(("AWS_STS_REGIONAL_ENDPOINTS",), InputKind.WORD),
        _TOKEN_FILES[Source.WEB_IDENTITY],
    ),
    Source.CONTAINER: (
        InputRule(("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",), InputKind.WORD),
        InputRule(("AWS_CONTAINER_CREDENTIALS_FULL_URI",), InputKind.URL),
        InputRule(("AWS_CONTAINER_AUTHORIZATION_TOKEN",), InputKind.HEADER, is_credential=True),
        _TOKEN_FILES[Source.CONTAINER],
    ),
}


def inputs_of(service: str) -> InputTable:
    """Return the inputs of a store of `service`."""
    own = InputRule(
        (f"AWS_ENDPOINT_URL_{SERVICES[service].variable}", "AWS_ENDPOINT_URL"),
        InputKind.SERVER,
        setting="endpoint_url",
    )
    return {**_INPUTS, "endpoints": (own, InputRule(("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"), InputKind.SERVER))}


# The inputs of each source of credentials: those that it needs, then the others. A container needs one of both.
CREDENTIAL_INPUTS = {
    Source.KEYS: (_INPUTS[Source.KEYS][:2], _INPUTS[Source.KEYS][2:]),
    Source.WEB_IDENTITY: ((_TOKEN_FILES[Source.WEB_IDENTITY], _INPUTS[Source.WEB_IDENTITY][0]), ()),
    Source.CONTAINER: (_INPUTS[Source.CONTAINER][:2], _INPUTS[Source.CONTAINER][2:]),
}
# The variables with the files of tokens.
FILES = {source: rule.names[0] for source, rule in _TOKEN_FILES.items()}
_REGION = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{1,63}(?<!-)")
_ZONE = r".*-[0-9]+[a-z]"  # eu-west-1a
_ROLE = r"arn:aws[a-z-]*:iam::[0-9]+:role/.+"
# Hosts that may give credentials over plain HTTP, in addition to this machine: ECS and EKS.
_CREDENTIAL_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost")


def check_inputs(context: StoreContext, service: str) -> None:
    """Raise AwsRequestError if a setting, a variable or a file that a store of `service` uses is malformed.

    The error names the setting, the variable or the file, and not its content.
    """
    # A profile of the settings means that the variables are not part of the chain.
    source = None if context.setting("profile") else credential_source(context)
    is_ignored = is_true(context.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
    groups = ["", *([] if is_ignored else ["endpoints"]), source or "machine"]
    if not context.environ.get("AWS_CA_BUNDLE") and reason_for_sdk(context) is None:
        groups.append("system authorities")
    unread, inputs = _unread(context), inputs_of(service)
    for group in groups:
        _raise(check(context, (rule for rule in inputs[group] if unread.isdisjoint(rule.names))))
    if (region := configured_region(context)) is not None and not _REGION.fullmatch(region):
        raise AwsRequestError("InvalidRegionError")
    if region is not None and re.fullmatch(_ZONE, region):
        cause = f"{_name_of_region(context)} is an availability zone and not a region"
        raise unusable(ProblemKind.CONFIGURATION, cause, "leave out the letter at its end")
    _check_role(context, source)
    if source is Source.KEYS and not context.environ.get("AWS_SECRET_ACCESS_KEY"):
        raise AwsRequestError("PartialCredentialsError")
    if source is Source.WEB_IDENTITY and not context.environ.get("AWS_ROLE_ARN"):
        cause = "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not"
        raise unusable(ProblemKind.CONFIGURATION, cause, "set AWS_ROLE_ARN to the ARN of the role")
    if source is Source.CONTAINER:
        _check_credential_url(context)
    for asked in (service, "sts"):
        if (endpoint := configured_endpoint(context, asked, is_ignored=is_ignored)) is not None:
            check_endpoint(*endpoint, may_be_plain=context.settings.get("plain_http") is True)
    _raise(check(context, (PROXY,), _address(context, service, region, is_ignored=is_ignored)))


def _name_of_region(context: StoreContext) -> str:
    """Return the setting or variable with the region."""
    if context.setting("region"):
        return "region"
    return "AWS_REGION" if context.environ.get("AWS_REGION") else "AWS_DEFAULT_REGION"


def _check_role(context: StoreContext, source: Source | None) -> None:
    """Raise AwsRequestError if a role that is assumed is not an ARN, because STS would refuse it without its name."""
    variable = "AWS_ROLE_ARN" if source is Source.WEB_IDENTITY else ""
    for name, role in (("role_arn", context.setting("role_arn")), (variable, context.environ.get(variable))):
        if role and not re.fullmatch(_ROLE, role):
            hint = "it begins with arn:aws:iam:: and the number of the account, and has :role/ in it"
            raise unusable(ProblemKind.CONFIGURATION, f"{name} is not the ARN of a role", hint)


def _unread(context: StoreContext) -> set[str]:
    """Return the variables that are not read, because others are set."""
    pairs = (
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    )
    return {other for name, other in pairs if context.environ.get(name)}


def _address(context: StoreContext, service: str, region: str | None, *, is_ignored: bool) -> str:
    """Return the URL of `service`, which decides whether a proxy is used."""
    endpoint = configured_endpoint(context, service, is_ignored=is_ignored)
    return endpoint[1] if endpoint else regional_endpoint(service, region or "us-east-1")


def _check_credential_url(context: StoreContext) -> None:
    relative = context.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if relative:
        if relative.startswith("/") and not relative.startswith("//"):
            return
        cause = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path"
        raise unusable(ProblemKind.CONFIGURATION, cause, "it begins with /; the platform sets it")
    name = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    parts = urlsplit(context.environ.get(name) or "")
    host = parts.hostname or ""
    is_local = host in _CREDENTIAL_HOSTS or (is_loopback(host) and not host.endswith("localhost"))
    if parts.scheme == "http" and not is_local:
        cause = f"{name} names a host that may not give credentials over http://"
        raise unusable(ProblemKind.CONFIGURATION, cause, "use https://, this machine, or the address of ECS or EKS")


def check_endpoint(name: str, url: str, *, may_be_plain: bool) -> None:
    """Raise AwsRequestError if a URL is not the endpoint of a service.

    `name`: the setting or variable with the URL. `may_be_plain`: accept other machines without TLS.
    """
    if (cause := url_mistake(url)) is not None:
        raise unusable(ProblemKind.CONFIGURATION, f"{name} {cause}", f"set {name} to a URL such as https://HOST")
    parts = urlsplit(url)
    if parts.scheme == "http" and not may_be_plain and not is_loopback(parts.hostname or ""):
        raise AwsRequestError("PlainEndpointError")


def read_token(name: str, path: str) -> str:
    """Return the token in the file at `path`, which the variable `name` names. Raises AwsRequestError."""
    rule = next(rule for rule in _TOKEN_FILES.values() if name in rule.names)
    token = read(StoreContext(store="aws", environment="", environ={name: path}), rule)
    _raise(token)
    return str(token)


def _raise(outcome: object) -> None:
    if isinstance(outcome, Failed):
        raise AwsRequestError("UnusableInputError", outcome=outcome)


def unusable(kind: ProblemKind, cause: str, hint: str) -> AwsRequestError:
    """Return the error for an input that cannot be used."""
    return AwsRequestError("UnusableInputError", outcome=Failed(kind, cause, hint))
