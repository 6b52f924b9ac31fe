"""AWS Secrets Manager keeps the contract of a provider."""

from collections.abc import Callable
from typing import ClassVar

import pytest

from secretsync.testing import ProviderContract
from tests.contract.stores_aws import AwsStore
from tests.servers.aws import AwsAccount
from tests.servers.faults import FaultProxy
from tests.support.canary import make_canary


class TestAws(ProviderContract):
    """AWS Secrets Manager, as ministack plays it."""

    lacks: ClassVar = {"empty value": "AWS takes no secret without a character"}
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self, aws: AwsAccount, fault_proxy: Callable[[str], FaultProxy]) -> AwsStore:
        """Return an empty account."""
        return AwsStore(aws, fault_proxy(aws.url))


class TestAwsThroughTheSdk(TestAws):
    """AWS Secrets Manager through boto3."""

    @pytest.fixture
    def store(self, aws: AwsAccount, fault_proxy: Callable[[str], FaultProxy]) -> AwsStore:
        """Return an empty account."""
        return AwsStore(aws, fault_proxy(aws.url), transport="sdk")
