"""A proxy with the rules of AWS before an account."""

from collections.abc import Iterator

import pytest

from tests.servers.aws import AwsAccount
from tests.servers.faults import running
from tests.servers.parameters import ParameterProxy


@pytest.fixture
def proxy(aws: AwsAccount) -> Iterator[ParameterProxy]:
    """Yield a proxy that refuses what AWS refuses."""
    made = ParameterProxy(aws.url)
    with running(made):
        yield made
