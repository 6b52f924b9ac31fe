"""Explain why an identity of AWS gives no usable keys: what ended or is missing, and the command that renews it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.core.records import Record

# The operations that return credentials, as botocore and SecretSync call them.
_SSO = "GetRoleCredentials"
_WEB_IDENTITY = "AssumeRoleWithWebIdentity"
CREDENTIAL_OPERATIONS = frozenset({_SSO, _WEB_IDENTITY, "AssumeRole", "CreateToken", "CreateOAuth2Token"})


# Exceptions of code that finds something unexpected in what a program wrote.
_GARBLED = (ValueError, TypeError, LookupError, AttributeError)

# The endpoint of a container, for messages.
CONTAINER = "the endpoint of AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI"
_CREDENTIAL_SOURCES = ("Environment", "EcsContainer", "Ec2InstanceMetadata")
# How botocore writes that this endpoint refused.
_ENDPOINT_ERRORS = ("MetadataRetrievalError", "CredentialRetrievalError")
_ENDPOINT_REFUSED = re.compile(r"Received non 200 response (4(?!08|29)[0-9]{2}) from container metadata")


# The parameters of requests for credentials, and the settings of a profile that they come from.
_OF_PARAMETER = {
    "RoleArn": "role_arn",
    "RoleSessionName": "role_session_name",
    "WebIdentityToken": "web_identity_token_file",
    "ExternalId": "external_id",
    "DurationSeconds": "duration_seconds",
    "SerialNumber": "mfa_serial",
    "roleName": "sso_role_name",
    "accountId": "sso_account_id",
}
_PARAMETERS = rf"parameter ({'|'.join(_OF_PARAMETER)})\b"


class ProgramError(Exception):
    """The program of a `credential_process` gave no credentials."""

    def __init__(self, program: str, cause: str) -> None:
        """`program`: without its arguments, which may hold a secret. `cause`: without anything that it wrote."""
        super().__init__(cause)
        self.program = program
        self.cause = cause


class KeySource(Record):
    """Where the keys of a store come from."""

    method: str | None = None  # botocore's name: "env", "sso", "custom-process", "iam-role"
    profile: str | None = None  # that has the settings of the method; None: the profile `default`

    @property
    def of_profile(self) -> str:
        """The profile for messages."""
        return f"the profile {self.profile or 'default'}"

    def command(self, text: str) -> str:
        """Return a command of the AWS CLI for the profile."""
        return f"`{text}{f' --profile {self.profile}' if self.profile else ''}`"


def sdk_identity_failure(error: BaseException, source: KeySource) -> Failed | None:
    """Return the outcome of an exception of botocore that says why there are no credentials; None for another one."""
    return _ended_sign_in(type(error).__name__, source) or _profile_mistake(error, source) or _no_keys(error, source)


def _ended_sign_in(code: str, source: KeySource) -> Failed | None:
    """Return the outcome of a person's sign-in that has ended, by the name of the exception."""
    whose = f"of {source.of_profile}"
    if code in ("UnauthorizedSSOTokenError", "TokenRetrievalError"):
        return _denied(f"the SSO session {whose} has ended ({code})", f"run {source.command('aws sso login')}")
    if code == "SSOTokenLoadError":
        return _denied(f"there is no SSO session {whose} ({code})", f"run {source.command('aws sso login')}")
    if code in ("LoginRefreshRequired", "LoginTokenLoadError", "LoginAuthorizationCodeError"):
        return _denied(f"the sign-in {whose} has ended ({code})", f"run {source.command('aws login')}")
    if code == "LoginInsufficientPermissions":
        return _denied(f"the sign-in {whose} cannot be renewed ({code})", "allow signin:CreateOAuth2Token")
    if code == "MissingDependencyException":
        cause = f"{source.of_profile} needs a package that is not installed ({code})"
        return Failed(ProblemKind.CONFIGURATION, cause, 'pip install "botocore[crt]"')
    return None


def _no_keys(error: BaseException, source: KeySource) -> Failed | None:
    """Return the outcome of a program, an endpoint or a file that gave no keys."""
    code, facts = type(error).__name__, getattr(error, "kwargs", None)
    provider = str(facts.get("provider", "")) if isinstance(facts, Mapping) else ""
    if isinstance(error, ProgramError):
        cause = f"the credential_process of {source.of_profile} failed: {error.program} {error.cause}"
        return _denied(cause, "start it in a shell: its messages may hold secrets and are not shown here")
    if code == "CredentialRetrievalError" and provider in _CREDENTIAL_SOURCES:
        cause = f"credential_source = {provider} of {source.of_profile} gives no credentials ({code})"
        return _denied(cause, f"set it to what this platform has: {', '.join(_CREDENTIAL_SOURCES)}")
    if code in _ENDPOINT_ERRORS and (found := _ENDPOINT_REFUSED.search(str(error))):
        return container_refusal(int(found[1]))
    is_garbled = code == "CredentialRetrievalError" or isinstance(error, _GARBLED)
    if is_garbled and source.method == "custom-process":
        cause = f"the credential_process of {source.of_profile} wrote something other than credentials ({code})"
        return _denied(cause, "it writes a JSON object with Version 1, AccessKeyId and SecretAccessKey")
    if isinstance(error, FileNotFoundError | PermissionError) and isinstance(error.filename, str):
        cause = f"the file {error.filename}, which {source.of_profile} names, cannot be read: {error.strerror}"
        return _denied(cause, "web_identity_token_file of the profile names the file with the token")
    return None


def _profile_mistake(error: BaseException, source: KeySource) -> Failed | None:
    """Return the outcome of a file of profiles that botocore does not take; None for another exception."""
    facts, text = getattr(error, "kwargs", None), str(error)
    if type(error).__name__ == "ConfigParseError" and isinstance(facts, Mapping) and facts.get("path"):
        return Failed(ProblemKind.CONFIGURATION, f"the file {facts['path']} cannot be parsed", "is a `[` not closed?")
    if type(error).__name__ == "InvalidConfigError" and "source_profile" in text:
        cause = f"source_profile of {source.of_profile} names a profile that cannot be used"
        hint = "it must exist, and have credentials or a source_profile of its own"
        return Failed(ProblemKind.CONFIGURATION, cause, hint)
    if type(error).__name__ == "InfiniteLoopConfigError":
        cause = f"source_profile of {source.of_profile} leads back to a profile that was visited before"
        return Failed(ProblemKind.CONFIGURATION, cause, "the last profile has keys, and no role_arn")
    if type(error).__name__ == "InvalidConfigError" and (mistake := _sign_in_mistake(text, source)):
        return mistake
    # botocore checks these before it sends the request, so that no answer names the role.
    if type(error).__name__ == "ParamValidationError" and (names := re.findall(_PARAMETERS, text)):
        cause = f"{', '.join(sorted({_OF_PARAMETER[name] for name in names}))} in ~/.aws/config cannot be right"
        return Failed(ProblemKind.CONFIGURATION, cause, "role_arn is arn:aws:iam::ACCOUNT:role/NAME")
    if isinstance(error, ValueError) and "closing quotation" in text:
        cause = f"credential_process of {source.of_profile} is not a command: a quote is not closed"
        return Failed(ProblemKind.CONFIGURATION, cause, "fix the line in ~/.aws/config")
    return None


def _sign_in_mistake(text: str, source: KeySource) -> Failed | None:
    """Return the outcome of incomplete settings of SSO, or of a role's source; None for another text of botocore."""
    kind = ProblemKind.CONFIGURATION
    if found := re.search(r"missing required configuration: ([a-z_, ]+)", text):
        cause = f"{source.of_profile} is not complete: {found[1]} is missing"
        return Failed(kind, cause, f"run {source.command('aws configure sso')}")
    if "sso-session" in text or "sso_session" in text:
        cause = f"sso_session of {source.of_profile} names a section that does not exist or is not complete"
        hint = f"it is [sso-session NAME], with sso_start_url and sso_region: run {source.command('aws configure sso')}"
        return Failed(kind, cause, hint)
    if "credential_source" in text or "credential source" in text.lower():
        cause = f"credential_source of {source.of_profile} cannot be used"
        return Failed(kind, cause, f"set it to one of {', '.join(_CREDENTIAL_SOURCES)}, without source_profile")
    return None


def refused_credentials(operation: str, code: str, source: KeySource, role: str | None) -> Failed | None:
    """Return the outcome of a request for credentials that AWS refused; None for another operation or code.

    `role`: the ARN in the answer, or None.
    """
    if operation == _SSO and code in ("ForbiddenException", "ResourceNotFoundException", "InvalidRequestException"):
        cause = f"the SSO session does not give the role of {source.of_profile} ({code})"
        hint = (
            f"are sso_account_id and sso_role_name assigned to you? {source.command('aws sso login')} changes the user"
        )
        return _denied(cause, hint)
    if operation in (_WEB_IDENTITY, "AssumeRole") and code == "ValidationError":
        cause = f"STS does not accept the ARN of the role or the name of its session ({code})"
        hint = "role_arn of the bindings or of the profile, or AWS_ROLE_ARN, is arn:aws:iam::ACCOUNT:role/NAME"
        return Failed(ProblemKind.CONFIGURATION, cause, hint)
    if operation == _WEB_IDENTITY:
        return _refused_token(code, role)
    if operation == "AssumeRole" and code in ("AccessDenied", "AccessDeniedException"):
        who = role or "the role of role_arn"
        cause = f"denied ({code}): this identity may not call sts:AssumeRole for {who}"
        return _denied(
            cause, f"allow sts:AssumeRole on {who} to the identity, and the identity in the role's trust policy"
        )
    return None


def _refused_token(code: str, role: str | None) -> Failed | None:
    """Return the outcome of a web identity token that STS refused."""
    file = "the token in the file that AWS_WEB_IDENTITY_TOKEN_FILE names"
    if code in ("ExpiredTokenException", "ExpiredToken"):
        hint = "the platform writes a new token before that: start the pod or the CI job again"
        return _denied(f"the web identity has ended: {file} has expired ({code})", hint)
    if code in ("InvalidIdentityToken", "InvalidIdentityTokenException"):
        hint = "has the account an OpenID Connect provider for the token's issuer, with its audience?"
        return _denied(f"AWS does not accept {file} ({code})", hint)
    if code in ("IDPRejectedClaim", "IDPRejectedClaimException"):
        return _denied(f"the issuer of {file} does not accept it ({code})", "start the pod or the CI job again")
    if code in ("AccessDenied", "AccessDeniedException"):
        who = role or "the role that AWS_ROLE_ARN names"
        cause = f"denied ({code}): this identity may not call {_OF_STS} for {who}"
        hint = (
            f"allow {_OF_STS} in the trust policy of the role, for the token's issuer, audience (aud) and subject (sub)"
        )
        return _denied(cause, hint)
    return None


_OF_STS = f"sts:{_WEB_IDENTITY}"


def rejected_keys(code: str, source: KeySource, *, have_ended: bool) -> Failed:
    """Return the outcome of keys that AWS does not accept. `have_ended`: they have expired, else they are unknown."""
    keys, renewal = _KEYS.get(source.method or "", ("our credentials", "get new ones: sign in again"))
    keys, renewal = (
        keys.format(profile=source.of_profile),
        renewal.format(
            sso=source.command("aws sso login"),
            login=source.command("aws login"),
            configure=source.command("aws configure"),
        ),
    )
    if have_ended:
        return _denied(f"{keys} have expired ({code})", renewal)
    return _denied(f"AWS does not know {keys} ({code})", f"of which account and partition are they? {renewal}")


# By the name of botocore for a source: its keys for messages, and how to renew them.
_KEYS = {
    "env": (
        "the keys in AWS_ACCESS_KEY_ID",
        "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN to new ones",
    ),
    "shared-credentials-file": ("the keys of {profile}", "write new ones: {configure}, or the tool that made them"),
    "config-file": ("the keys of {profile}", "write new ones: {configure}, or the tool that made them"),
    "custom-process": (
        "the keys that the credential_process of {profile} gave",
        "sign in to the program of credential_process again",
    ),
    "sso": ("the keys of the SSO session", "run {sso}"),
    "login": ("the keys of the sign-in of {profile}", "run {login}"),
    "assume-role": ("the keys of the assumed role", "run the command again; if it stays, see its source_profile"),
    "assume-role-with-web-identity": (
        "the keys for the token of AWS_WEB_IDENTITY_TOKEN_FILE",
        "start the pod or the CI job again",
    ),
    "container-role": (
        "the keys of the container's role",
        "the platform gives new ones: is the agent behind AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI healthy?",
    ),
    "iam-role": (
        "the keys of the EC2 instance's role",
        "the metadata service gives new ones: is an instance profile attached, and is the clock right?",
    ),
}


def container_refusal(status: int) -> Failed:
    """Return the outcome of an answer of a container's endpoint that is final."""
    cause = f"{CONTAINER} gives no credentials (HTTP {status})"
    hint = "has the task a task role, or the service account a Pod Identity association?"
    if status in (401, 403):
        hint = (
            "start the task or the pod again: the platform sets the token that is refused, in "
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN"
        )
    return _denied(cause, hint)


def no_credentials(environ: Mapping[str, str], profile: str | None) -> Failed:
    """Return the outcome of a chain in which nothing gave credentials. `profile`: that is set; None if none is."""
    service = "the metadata service of EC2 gives none"
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        service = "AWS_EC2_METADATA_DISABLED is true"
    where = f"the profile {profile} has none" if profile else "no variable and no profile has any"
    hint = (
        "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or give the platform a role: annotation of the service account (IRSA), "
        "task role (ECS), instance profile (EC2; in a container with a hop limit of 2)"
    )
    return _denied(f"no credentials were found (NoCredentialsError): {where}, and {service}", hint)


def _denied(cause: str, hint: str) -> Failed:
    return Failed(ProblemKind.DENIED, cause, hint)


def source_of(session: Any, method: str | None = None) -> KeySource:
    """Return where a boto3 session takes its keys from, as far as it is known. Raises nothing.

    `method`: botocore's name, if the session has keys.
    """
    try:
        profiles: Mapping[str, Mapping[str, Any]] = session._session.full_config.get("profiles", {})  # noqa: SLF001
        name = str(session.profile_name)
    except Exception:  # noqa: BLE001 - only for a message; a file of profiles may be unreadable
        return KeySource(method)
    seen: set[str] = set()
    # A role is assumed with the credentials of another profile, which is the one to renew.
    while name not in seen and (source := profiles.get(name, {}).get("source_profile")) in profiles:
        seen.add(name)
        name = str(source)
    if method is None and "credential_process" in profiles.get(name, {}):
        method = "custom-process"
    return KeySource(method, None if name == "default" else name)
