"""The settings of a store of AWS, and the rule for its paths. Imported without the SDK."""

from __future__ import annotations

from secretsync.providers.interface import Setting, SettingType

SETTINGS = {
    "region": Setting(
        help="the region of secrets that are named without an ARN",
        environment="AWS_REGION",
        default="$AWS_DEFAULT_REGION, then the profile's",
    ),
    "profile": Setting(
        help="a profile of ~/.aws/config",
        environment="AWS_PROFILE",
        default="the standard chain: variables, profile, IRSA, ECS, EC2",
    ),
    "role_arn": Setting(help="a role to assume before anything is read"),
    "endpoint_url": Setting(
        help="the URL of Secrets Manager, such as that of a VPC endpoint",
        environment="AWS_ENDPOINT_URL_SECRETS_MANAGER",
        default="$AWS_ENDPOINT_URL, else the region's own",
    ),
    "transport": Setting(
        help="sdk: send all requests through boto3",
        choices=("auto", "sdk"),
        default="auto: SecretSync's own requests if variables are enough, else boto3",
        identifies=True,
    ),
    "plain_http": Setting(type=SettingType.BOOLEAN, help="true: http:// may lead to other machines", default="false"),
}


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
