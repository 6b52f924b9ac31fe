"""Errors of Parameter Store as outcomes of a reference."""

from __future__ import annotations

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing, SecretRef
from secretsync.providers.aws_account.error_codes import INVALID
from secretsync.providers.aws_account.errors import AwsRequestError, denied, key_denied

_SERVICE = "ssm"
_KEY = "aws ssm describe-parameters --parameter-filters Key=Name,Values=NAME --query Parameters[].KeyId"
_OF_KMS = ("InvalidKeyId", "KMSInvalidStateException")
# Refusals of a new version that another try would not change.
_REFUSED_VALUES = {
    "ParameterPatternMismatchException": (
        "the value does not match the AllowedPattern of the parameter",
        "fix the value or the pattern",
    ),
    "ParameterMaxVersionLimitExceeded": (
        "the oldest version has a label, so that no version can be added",
        "move the label: aws ssm label-parameter-version",
    ),
    "ParameterLimitExceeded": ("the account has as many parameters as AWS allows", "delete some, or use another tier"),
    "HierarchyLevelLimitExceededException": ("the name has more than 15 parts", "use a shorter name"),
}


def outcome_of(error: AwsRequestError, ref: SecretRef) -> Missing | Failed:
    """Return the outcome for `ref`, if the request was about it."""
    code = error.code
    if error.is_own_outcome or error.is_about_keys:
        return error.outcome
    if code == "ParameterNotFound":
        return missing(ref)
    if code == "ParameterVersionNotFound":
        return no_version(ref)
    is_of_key = code in _OF_KMS or (error.is_denied and not error.is_permanent)
    if is_of_key and (code not in _OF_KMS or error.says("AccessDenied")) and (found := key_denied(error, _KEY)):
        return found
    if code in _OF_KMS:
        cause = f"the KMS key of the parameter does not decrypt it ({code})"
        return Failed(ProblemKind.UNUSABLE, cause, "does the key exist, and is it enabled?")
    if code == "TooManyUpdates":
        cause = f"another process writes the parameter at the same time ({code})"
        return Failed(ProblemKind.UNAVAILABLE, cause, "run the command again")
    if code in _REFUSED_VALUES:
        cause, hint = _REFUSED_VALUES[code]
        return Failed(ProblemKind.UNUSABLE, f"{cause} ({code})", hint)
    if code in INVALID:
        cause = f"AWS takes no such request ({code})"
        return Failed(ProblemKind.UNUSABLE, cause, "are name, version and label written as AWS has them?")
    if error.is_denied and not error.is_permanent:
        action = error.action(_SERVICE)
        return denied(error, action, _resource(error, action, ref.path))
    return error.outcome


def missing(ref: SecretRef) -> Missing:
    """Return the outcome of a parameter that does not exist."""
    hint = "`secretsync doctor` says which account and region that is" if not ref.path.startswith("arn:") else None
    return Missing("there is no such parameter in this account and region (InvalidParameters)", hint)


def no_version(ref: SecretRef) -> Failed:
    """Return the outcome of a parameter that does not have the version or the label of `ref`."""
    if ref.version is not None:
        cause = f"the parameter has no version {ref.version}"
        return Failed(ProblemKind.UNUSABLE, cause, "AWS keeps the last 100: name one of them")
    cause = f"no version of the parameter has the label {ref.stage}"
    return Failed(ProblemKind.UNUSABLE, cause, "`aws ssm label-parameter-version` gives a version a label")


def _resource(error: AwsRequestError, action: str, path: str) -> str | None:
    """Return the resource of a statement that allows `action` on the parameter at `path`; None if it is not known."""
    if action.endswith(":DescribeParameters"):
        return "*"
    if not action.startswith(f"{_SERVICE}:"):
        return None
    return path if path.startswith("arn:") else error.arn(_SERVICE, f"parameter/{path.removeprefix('/')}")
