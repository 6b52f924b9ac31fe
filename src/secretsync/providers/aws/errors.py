"""What a refusal of AWS means for a reference, in words."""

from __future__ import annotations

import re

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing, SecretRef
from secretsync.providers.aws.refusal import (
    CONFIGURATION,
    CONNECTION,
    EXPIRED,
    NO_CREDENTIALS,
    SIGNATURE,
    UNKNOWN_KEYS,
    Refusal,
)

__all__ = ["failure", "garbled", "no_version", "outcome", "scheduled_for_deletion"]

_PRINCIPAL = re.compile(r"User: (arn:aws[a-z-]*:(?:iam|sts)::[0-9]*:[A-Za-z0-9/_+=,.@-]{1,200}) is not authorized")
_NOT_AWS = "is this the endpoint of AWS, without a portal before it?"
_ACTION = re.compile(r"not authorized to perform: ([a-z]+:[A-Za-z]+)")


def outcome(refusal: Refusal, ref: SecretRef) -> Missing | Failed:
    """What `refusal` means for `ref`."""
    code = refusal.code
    if code == "ResourceNotFoundException":
        return _not_found(refusal, ref)
    if code == "InvalidRequestException" and refusal.says("deletion", "deleted"):
        return scheduled_for_deletion()
    if code == "DecryptionFailure":
        cause = "the KMS key of the secret does not decrypt it (DecryptionFailure)"
        return Failed(ProblemKind.UNUSABLE, cause, "is the key enabled, and may we call kms:Decrypt with it?")
    if code in ("InvalidParameterException", "InvalidRequestException", "ParamValidationError", "ValidationException"):
        cause = f"AWS takes no such request ({code})"
        return Failed(ProblemKind.UNUSABLE, cause, "are name, version and stage written as AWS has them?")
    return failure(refusal)


def scheduled_for_deletion() -> Failed:
    """The outcome of a secret that is there and cannot be read any more."""
    cause = "the secret is scheduled for deletion, and recoverable until then"
    return Failed(ProblemKind.UNUSABLE, cause, "aws secretsmanager restore-secret --secret-id NAME brings it back")


def no_version(ref: SecretRef) -> Failed:
    """The outcome of a secret without the version that `ref` means."""
    if ref.version is not None:
        return Failed(ProblemKind.UNUSABLE, f"the secret has no version {ref.version}", "was it removed by now?")
    stage = ref.stage or "AWSCURRENT"
    hint = "a value was never stored, or its stages were moved by hand: store one"
    if ref.stage is not None:
        hint = "`aws secretsmanager list-secret-version-ids` shows those that it has"
    return Failed(ProblemKind.UNUSABLE, f"the secret has no version with the stage {stage}", hint)


def garbled(what: str) -> Failed:
    """The outcome of an answer that is none."""
    return Failed(ProblemKind.UNAVAILABLE, f"the answer {what}", _NOT_AWS)


def _not_found(refusal: Refusal, ref: SecretRef) -> Missing | Failed:
    # The one code for a secret, a version and a stage that is not there.
    if refusal.says("staging label", "secret value for", "secret version"):
        return no_version(ref)
    hint = "`secretsync doctor` says which account and region that is" if not ref.path.startswith("arn:") else None
    return Missing("there is no such secret in this account and region (ResourceNotFoundException)", hint)


# What a code means whatever was asked, in the order in which it is looked for.
_MEANINGS = (
    (
        {"PlainEndpointError"},
        ProblemKind.CONFIGURATION,
        "the endpoint would send the values in the clear",
        "use https://, or say plain_http = true where something else encrypts the way",
    ),
    (
        {"EndpointPathError"},
        ProblemKind.CONFIGURATION,
        "the endpoint has a path, a query or a fragment",
        "endpoint_url, or AWS_ENDPOINT_URL, is https://HOST",
    ),
    ({"NoRegionError"}, ProblemKind.CONFIGURATION, "no region is named", "set region, or AWS_REGION"),
    (
        {"InvalidRegionError", "UnknownRegionError"},
        ProblemKind.CONFIGURATION,
        "there is no region of that name",
        "region, or AWS_REGION, is a name such as eu-west-1",
    ),
    (
        {"ProfileNotFound"},
        ProblemKind.CONFIGURATION,
        "there is no such profile",
        "profile, or AWS_PROFILE, names one of ~/.aws/config",
    ),
    (
        CONFIGURATION,
        ProblemKind.CONFIGURATION,
        "the SDK cannot be configured",
        "see the store's settings and ~/.aws/config",
    ),
    (
        {"CodeWantedError"},
        ProblemKind.DENIED,
        "the profile wants a code of an MFA device, and nobody is asked for one",
        "sign in before: `aws sts get-session-token`, or `aws sso login`",
    ),
    (
        {"PartialCredentialsError"},
        ProblemKind.DENIED,
        "the credentials are not complete",
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together, as do role_arn and source_profile of a profile",
    ),
    (EXPIRED, ProblemKind.DENIED, "our credentials have expired", "get new ones: sign in again"),
    (
        NO_CREDENTIALS,
        ProblemKind.DENIED,
        "no credentials were found",
        "AWS_PROFILE, AWS_ACCESS_KEY_ID, or the platform's role (IRSA, ECS, EC2) gives some",
    ),
    (UNKNOWN_KEYS, ProblemKind.DENIED, "AWS does not know our credentials", "of which account are they?"),
    (
        {"SSLError"},
        ProblemKind.UNAVAILABLE,
        "the endpoint has no certificate that we trust",
        "AWS_CA_BUNDLE names the authorities of a private endpoint",
    ),
    (
        {"CredentialEndpointError"},
        ProblemKind.UNAVAILABLE,
        "the endpoint that gives the platform's credentials failed",
        "does the agent that answers at AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI run?",
    ),
    (CONNECTION, ProblemKind.UNAVAILABLE, "the endpoint cannot be reached", "is there a way to it from here?"),
)


def failure(refusal: Refusal) -> Failed:
    """What `refusal` means whatever was asked: the one place where errors of AWS get their words."""
    code = refusal.code
    if refusal.cause is not None:
        return Failed(ProblemKind.CONFIGURATION, refusal.cause, "name a regular file")
    if code in SIGNATURE:
        return _bad_signature(refusal)
    for codes, kind, cause, hint in _MEANINGS:
        if code in codes:
            if codes is CONNECTION and refusal.host:
                return Failed(kind, f"{cause} ({code})", f"is there a way to {refusal.host} from here?")
            return Failed(kind, f"{cause} ({code})", hint)
    if refusal.is_throttled:
        return Failed(ProblemKind.UNAVAILABLE, f"AWS has too many requests ({code})", "try again later")
    if refusal.is_denied:
        return _denied(refusal)
    hint = "try again later" if refusal.is_unreachable else _NOT_AWS
    return Failed(ProblemKind.UNAVAILABLE, f"{refusal.operation or 'the call'} failed ({code})", hint)


def _denied(refusal: Refusal) -> Failed:
    if refusal.says("KMS", "kms:"):
        action = "kms:Decrypt on the key of the secret"
    else:
        service = "sts" if refusal.operation.startswith(("Assume", "GetCaller")) else "secretsmanager"
        action = refusal.find(_ACTION) or f"{service}:{refusal.operation}"
    who = refusal.find(_PRINCIPAL) or "this identity"
    return Failed(ProblemKind.DENIED, f"denied ({refusal.code}): {who} may not call {action}", f"allow {action}")


def _bad_signature(refusal: Refusal) -> Failed:
    times = refusal.times()
    if times or refusal.code in ("RequestExpired", "RequestTimeTooSkewed"):
        said = f": signed at {times[0]}, and AWS has {times[-1]}" if len(times) > 1 else ""
        return Failed(
            ProblemKind.DENIED,
            f"the signature's time is not the store's ({refusal.code}){said}",
            "set this machine's clock: AWS takes five minutes of difference",
        )
    cause = f"the signature is wrong ({refusal.code})"
    return Failed(ProblemKind.DENIED, cause, "is the secret access key that of the access key id?")
