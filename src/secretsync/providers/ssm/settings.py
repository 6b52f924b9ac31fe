"""The settings of a store of Parameter Store, and the rule for its paths. Imported without the SDK."""

from __future__ import annotations

from secretsync.providers.aws_account.settings import settings_of

SETTINGS = settings_of("ssm", "Systems Manager", "parameters")

# A name with a slash in it begins with one. AWS counts the ARN without the name in its limit of 1011 characters.
_NAME = r"(?:/?[A-Za-z0-9_.-]+|(?:/[A-Za-z0-9_.-]+){2,15})"
_ARN = r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]*:parameter(?:/[A-Za-z0-9_.-]+){1,15}"
_LONGEST = 1011


def check_path(path: str) -> str | None:
    """Return what is wrong with the path of a reference; None if nothing is."""
    import re

    if re.fullmatch(r"/?aws/reference/secretsmanager/.*", path):
        return "this is a secret of Secrets Manager: write aws: and its name"
    if len(path) <= _LONGEST and re.fullmatch(_ARN if path.startswith("arn:") else _NAME, path):
        return None
    if path.startswith("arn:") and ":secretsmanager:" in path:
        return "this is a secret of Secrets Manager, and not a parameter of Systems Manager"
    name, colon, selector = path.rpartition(":")
    if colon and re.fullmatch(_ARN if name.startswith("arn:") else _NAME, name):
        option = "version" if selector.isdigit() else "stage"
        return f"Parameter Store's form NAME:{option.upper()} is written as ?{option}= behind the name"
    if path.startswith("arn:"):
        return "this is no ARN of a parameter: arn:aws:ssm:REGION:ACCOUNT:parameter/NAME"
    if "/" in path and not path.startswith("/"):
        return "the name of a parameter with a / in it begins with /"
    return "AWS has letters, digits and _.- in names of parameters, and / between at most 15 parts"
