"""An AWS account behind a proxy, filled and broken by the contract's tests."""

import json
from typing import Any

from secretsync.core.model import SecretRef
from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.interface import StoreContext
from tests.servers.aws import READ_ACTIONS, AwsAccount
from tests.servers.faults import FaultProxy, aws_error, html, silence


class AwsStore:
    """Secrets of an account, read by a user who may read them all until `deny`."""

    def __init__(self, account: AwsAccount, proxy: FaultProxy, **settings: object) -> None:
        self.account = account
        self.proxy = proxy
        self.settings = settings
        self.user = account.principal({*READ_ACTIONS, "CreateSecret", "PutSecretValue"})
        self.client = account.client()

    def provider(self) -> AwsProvider:
        environ = self.account.environ(self.user, url=self.proxy.url)
        return AwsProvider(StoreContext(store="aws", environment="test", settings=self.settings, environ=environ))

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("aws", f"app/{name}", version)

    def put(self, name: str, value: str | bytes) -> str | None:
        part: dict[str, Any] = {"SecretString" if isinstance(value, str) else "SecretBinary": value}
        try:
            version: str = self.client.create_secret(Name=f"app/{name}", **part)["VersionId"]
        except self.client.exceptions.ResourceExistsException:
            version = self.client.put_secret_value(SecretId=f"app/{name}", **part)["VersionId"]
        return version

    def values_read(self) -> int:
        return self.proxy.requests.count("*GetSecretValue")

    def deny(self, name: str) -> None:
        arn = self.client.describe_secret(SecretId=f"app/{name}")["ARN"]
        statement = {"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        user = self.user.arn.rpartition("/")[2]
        self.account.client("iam").put_user_policy(UserName=user, PolicyName="deny", PolicyDocument=document)

    def disable(self, name: str) -> None:
        self.account.delete(f"app/{name}")

    def edit_metadata(self, name: str) -> None:
        self.client.tag_resource(SecretId=f"app/{name}", Tags=[{"Key": "team", "Value": "web"}])
        self.client.update_secret(SecretId=f"app/{name}", Description="edited")

    def go_down(self) -> None:
        self.proxy.refuse()

    def hang(self) -> None:
        self.proxy.fail(silence())

    def throttle(self) -> None:
        self.proxy.fail(aws_error("ThrottlingException"))

    def garble(self) -> None:
        self.proxy.fail(html())
