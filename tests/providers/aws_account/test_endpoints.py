"""Endpoints are those of botocore."""

import random
import string
from typing import Any

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import Loader

from secretsync.providers.aws_account.endpoints import SUFFIXES, is_plain_region, regional_endpoint

_LOADER = Loader()
_PARTITIONS: list[dict[str, Any]] = _LOADER.load_data("partitions")["partitions"]
REGIONS = [(region, partition["outputs"]["dnsSuffix"]) for partition in _PARTITIONS for region in partition["regions"]]


def _of_botocore(service: str) -> EndpointProvider:
    rules = _LOADER.load_service_model(service, "endpoint-rule-set-1")
    return EndpointProvider(rules, _LOADER.load_data("partitions"))


@pytest.fixture(scope="module")
def providers() -> dict[str, EndpointProvider]:
    """Return the rules of botocore for the two services that are requested."""
    return {service: _of_botocore(service) for service in ("secretsmanager", "sts")}


def _url(provider: EndpointProvider, region: str) -> str:
    found: str = provider.resolve_endpoint(Region=region, UseDualStack=False, UseFIPS=False).url
    return found


@pytest.mark.parametrize("service", ["secretsmanager", "sts"])
def test_every_region_of_botocore(providers: dict[str, EndpointProvider], service: str) -> None:
    """Return the endpoint that botocore's rules give for each region of its data. Other forms are for the SDK."""
    for region, suffix in REGIONS:
        if is_plain_region(region):
            assert regional_endpoint(service, region) == _url(providers[service], region)
            assert regional_endpoint(service, region) == f"https://{service}.{region}.{suffix}"
        else:
            assert region.endswith("-global")


def test_regions_of_the_future(providers: dict[str, EndpointProvider], pytestconfig: pytest.Config) -> None:
    """Return the endpoint of botocore's rules for regions that its data do not have."""
    draw = random.Random(pytestconfig.option.hostile_seed)
    starts = [*(start.rstrip("-") for start in SUFFIXES), "us", "eu", "us-gov", "mx", "xx", "us-isox", "eusc-fr", "c"]
    for _ in range(pytestconfig.option.hostile):
        word = "".join(draw.choices(string.ascii_lowercase, k=draw.randint(3, 9)))
        word = draw.choice([word, f"{word}-{word}"])
        region = f"{draw.choice(starts)}-{word}-{draw.randint(1, 20)}"
        assert is_plain_region(region)
        assert regional_endpoint("secretsmanager", region) == _url(providers["secretsmanager"], region)


def test_every_partition_of_botocore() -> None:
    """Have the domain of each partition that is not the commercial one, and no other domain."""
    suffixes = {partition["outputs"]["dnsSuffix"] for partition in _PARTITIONS}
    assert {*SUFFIXES.values(), "amazonaws.com"} == suffixes


@pytest.mark.parametrize(
    "region",
    [
        *(
            "",
            "eu",
            "eu-west",
            "-west-1",
            "eu--1",
            "eu-west-",
            "EU-west-1",
            "eu-west-1\n",
            " eu-west-1",
            "eu_west-1",
            "1",
        ),
        *("aws-global", "fips-us-east-1", "us-east-1-fips", "us-fips-1", "é-west-1", "eu-west-\u0661", "eu-w/-1"),
    ],
)
def test_no_plain_region(region: str) -> None:
    """Leave every other form of a region to the SDK."""
    assert not is_plain_region(region)
