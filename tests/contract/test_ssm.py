"""AWS Systems Manager Parameter Store keeps the contract of a provider."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from secretsync.core.model import SecretRef
from secretsync.providers.interface import StoreContext
from secretsync.providers.ssm.provider import SsmProvider
from secretsync.testing import ProviderContract
from tests.servers.aws import AwsAccount
from tests.servers.faults import aws_error, html, running, silence
from tests.servers.parameters import READ_ACTIONS, ParameterProxy
from tests.support.canary import make_canary


class SsmStore:
    """Parameters of an account, read by a user who may read them all until `deny`."""

    def __init__(self, account: AwsAccount, proxy: ParameterProxy, **settings: object) -> None:
        self.account = account
        self.proxy = proxy
        self.settings = settings
        self.user = account.principal({*READ_ACTIONS, "PutParameter"}, service="ssm")
        self.client = account.client("ssm")

    def provider(self) -> SsmProvider:
        environ = self.account.environ(self.user, url=self.proxy.url)
        return SsmProvider(StoreContext(store="ssm", environment="test", settings=self.settings, environ=environ))

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("ssm", f"/app/{name}", version)

    def put(self, name: str, value: str | bytes) -> str | None:
        assert isinstance(value, str)
        answer = self.client.put_parameter(Name=f"/app/{name}", Value=value, Type="SecureString", Overwrite=True)
        return str(answer["Version"])

    def values_read(self) -> int:
        return self.proxy.requests.count("GetParameter*")

    def deny(self, name: str) -> None:
        self.proxy.denied.add(f"/app/{name}")

    def disable(self, name: str) -> None:
        raise NotImplementedError(name)

    def edit_metadata(self, name: str) -> None:
        self.client.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=f"/app/{name}", Tags=[{"Key": "team", "Value": "web"}]
        )
        self.client.label_parameter_version(Name=f"/app/{name}", Labels=["edited"])

    def go_down(self) -> None:
        self.proxy.refuse()

    def hang(self) -> None:
        self.proxy.fail(silence())

    def throttle(self) -> None:
        self.proxy.fail(aws_error("ThrottlingException", message="Rate exceeded"))

    def garble(self) -> None:
        self.proxy.fail(html())


class TestSsm(ProviderContract):
    """Parameter Store, as ministack plays it, with the rules of AWS that ministack does not have."""

    lacks: ClassVar = {
        "empty value": "AWS takes no parameter without a character",
        "64 KiB": "a parameter has 8 KiB at the most",
        "binary": "a parameter is text",
        "disabled": "AWS has no parameter that is disabled, and keeps none that was deleted",
    }
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self, aws: AwsAccount) -> Iterator[SsmStore]:
        """Yield an empty account."""
        proxy = ParameterProxy(aws.url)
        with running(proxy):
            yield SsmStore(aws, proxy)


class TestSsmThroughTheSdk(TestSsm):
    """Parameter Store through boto3."""

    @pytest.fixture
    def store(self, aws: AwsAccount) -> Iterator[SsmStore]:
        """Yield an empty account."""
        proxy = ParameterProxy(aws.url)
        with running(proxy):
            yield SsmStore(aws, proxy, transport="sdk")
