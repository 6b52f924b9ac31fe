"""Errors of Secrets Manager as outcomes of a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing, SecretRef
from secretsync.providers.aws_account.error_codes import INVALID
from secretsync.providers.aws_account.errors import AwsRequestError, denied, key_denied

_SERVICE = "secretsmanager"
_KEY = "aws secretsmanager describe-secret --secret-id NAME --query KmsKeyId"


def batch_error(error: Mapping[str, Any], region: str) -> AwsRequestError:
    """Return the error of one id of a batch in `region`."""
    code, message = str(error.get("ErrorCode", "")), str(error.get("Message", ""))
    made = AwsRequestError(code, message, operation="GetSecretValue")
    made.region = region
    return made


def outcome_of(error: AwsRequestError, ref: SecretRef) -> Missing | Failed:
    """Return the outcome for `ref`, if the request was about it."""
    code = error.code
    if error.is_own_outcome or error.is_about_keys:
        return error.outcome
    if code == "ResourceNotFoundException":
        # AWS has one code for a secret, a version and a stage that does not exist.
        if error.says("staging label", "secret value for", "secret version"):
            return no_version(ref)
        hint = "`secretsync doctor` says which account and region that is" if not ref.path.startswith("arn:") else None
        return Missing("there is no such secret in this account and region (ResourceNotFoundException)", hint)
    if code == "InvalidRequestException" and error.says("deletion", "deleted"):
        return scheduled_for_deletion()
    if code == "DecryptionFailure":
        cause = "the KMS key of the secret does not decrypt it (DecryptionFailure)"
        return Failed(ProblemKind.UNUSABLE, cause, "is the key enabled, and may we call kms:Decrypt with it?")
    if code in INVALID:
        cause = f"AWS takes no such request ({code})"
        return Failed(ProblemKind.UNUSABLE, cause, "are name, version and stage written as AWS has them?")
    if error.is_denied and not error.is_permanent:
        action = error.action(_SERVICE)
        return key_denied(error, _KEY) or denied(error, action, _resource(error, action, ref.path))
    return error.outcome


def scheduled_for_deletion() -> Failed:
    """Return the outcome of a secret that exists and cannot be read any more."""
    cause = "the secret is scheduled for deletion, and recoverable until then"
    return Failed(ProblemKind.UNUSABLE, cause, "aws secretsmanager restore-secret --secret-id NAME brings it back")


def no_version(ref: SecretRef) -> Failed:
    """Return the outcome of a secret that does not have the version of `ref`."""
    if ref.version is not None:
        return Failed(ProblemKind.UNUSABLE, f"the secret has no version {ref.version}", "was it removed by now?")
    stage = ref.stage or "AWSCURRENT"
    hint = "a value was never stored, or its stages were moved by hand: store one"
    if ref.stage is not None:
        hint = "`aws secretsmanager list-secret-version-ids` shows those that it has"
    return Failed(ProblemKind.UNUSABLE, f"the secret has no version with the stage {stage}", hint)


def _resource(error: AwsRequestError, action: str, path: str) -> str | None:
    """Return the resource of a statement that allows `action` on the secret at `path`; None if it is not known."""
    if action.endswith((":ListSecrets", ":BatchGetSecretValue")):
        return "*"
    if not action.startswith(f"{_SERVICE}:"):
        return None
    # AWS appends a hyphen and six characters to the name.
    return path if path.startswith("arn:") else error.arn(_SERVICE, f"secret:{path}-??????")
