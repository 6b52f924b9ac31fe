"""The settings of a store of AWS, and the rule for its paths. Imported without the SDK."""

from __future__ import annotations

from secretsync.providers.aws_account.settings import settings_of

SETTINGS = settings_of("secretsmanager", "Secrets Manager", "secrets")


def check_path(path: str) -> str | None:
    """Return what is wrong with the path of a reference; None if nothing is."""
    import re

    is_arn = path.startswith("arn:")
    start = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]+:secret:" if is_arn else ""
    if re.fullmatch(start + r"[A-Za-z0-9/_+=.@!-]{1,512}", path):
        return None
    from secretsync.providers.aws.path_hints import path_of_other_tool  # Imported only for the message.

    cause = "AWS has letters, digits and /_+=.@-! in names of secrets, 512 at the most"
    if is_arn:
        cause = "this is no ARN of a secret: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"
    return path_of_other_tool(path) or cause
