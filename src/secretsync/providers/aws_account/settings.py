"""The settings, variables and files that the stores of all services of AWS have. Imported without the SDK."""

from __future__ import annotations

from secretsync.providers.aws_account.endpoints import SERVICES
from secretsync.providers.interface import NETWORK_FILES, NETWORK_VARIABLES, Setting, SettingType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)
IDENTITY_VARIABLES = (
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
VARIABLES = ("AWS_", "BOTO_CONFIG", "HOME", "PATH", *NETWORK_VARIABLES)
FILES = (
    "~/.aws/config",
    "~/.aws/credentials",
    "$AWS_CONFIG_FILE",
    "$AWS_SHARED_CREDENTIALS_FILE",
    "$AWS_WEB_IDENTITY_TOKEN_FILE",
    "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "$AWS_CA_BUNDLE",
    *NETWORK_FILES,
)


def settings_of(service: str, title: str, things: str) -> Mapping[str, Setting]:
    """Return the settings of a store of `service`. `title`: of the service. `things`: what its secrets are called."""
    return {
        "region": Setting(
            help=f"the region of {things} that are named without an ARN",
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
            help=f"the URL of {title}, such as that of a VPC endpoint",
            environment=f"AWS_ENDPOINT_URL_{SERVICES[service].variable}",
            default="$AWS_ENDPOINT_URL, else the region's own",
        ),
        "transport": Setting(
            help="sdk: send all requests through boto3",
            choices=("auto", "sdk"),
            default="auto: SecretSync's own requests if variables are enough, else boto3",
            identifies=True,
        ),
        "plain_http": Setting(
            type=SettingType.BOOLEAN, help="true: http:// may lead to other machines", default="false"
        ),
    }
