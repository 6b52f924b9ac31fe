"""Signatures are those of botocore."""

import random
import string
import unittest.mock
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from secretsync.providers.aws_account.sigv4 import Keys, signed_headers

_PRINTED = string.printable
_WORDS = string.ascii_letters + string.digits + "-"
# Spaces in any number, other white space, quotes, and letters of several bytes.
_TEXT = string.ascii_letters + string.digits + " \t\u00e9\u4e2d/+=;:,\"'%&@"


def _some(draw: random.Random, alphabet: str, least: int, most: int) -> str:
    return "".join(draw.choices(alphabet, k=draw.randint(least, most)))


def _request(draw: random.Random) -> tuple[Keys, str, str, dict[str, str], bytes, float]:
    port = f":{draw.randint(1, 65535)}" if draw.random() < 0.3 else ""
    headers = {
        "Host": f"{_some(draw, string.ascii_lowercase, 1, 20)}.example{port}",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"secretsmanager.{_some(draw, string.ascii_letters, 1, 20)}",
    }
    for _ in range(draw.randint(0, 3)):
        headers[f"X-{_some(draw, _WORDS, 1, 10)}"] = _some(draw, _TEXT, 0, 30)
    keys = Keys(
        _some(draw, _WORDS, 1, 30),
        _some(draw, _TEXT, 1, 50),
        _some(draw, string.ascii_letters + "/+=", 1, 300) if draw.random() < 0.5 else None,
    )
    service = draw.choice(["secretsmanager", "sts"])
    region = draw.choice(["eu-west-1", "us-gov-east-1", "cn-north-1", _some(draw, string.ascii_lowercase, 1, 20)])
    body = _some(draw, _PRINTED + "\u20ac", 0, 200).encode()
    return keys, service, region, headers, body, draw.uniform(0, 4e9)


def _signed_by_botocore(
    keys: Keys, service: str, region: str, headers: dict[str, str], body: bytes, at: float
) -> dict[str, str]:
    request = AWSRequest("POST", f"https://{headers['Host']}/", headers, body)
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(credentials, service, region).add_auth(request)
    return dict(request.headers.items())


def test_the_signature_is_that_of_botocore(pytestconfig: pytest.Config) -> None:
    """Sign random requests as botocore does: the header Authorization, and every other header, are equal."""
    draw = random.Random(pytestconfig.option.hostile_seed)
    for _ in range(pytestconfig.option.hostile * 10):
        keys, service, region, headers, body, at = _request(draw)
        mine = signed_headers(keys, service, region, headers, body, at=at)
        assert mine == _signed_by_botocore(keys, service, region, headers, body, at)


def test_keys_are_not_printed() -> None:
    """Show no part of the keys in the text of the object."""
    keys = Keys("AKIAEXAMPLE", "a-secret-key", "a-token")
    assert all(part not in f"{keys!r} {keys}" for part in ("AKIAEXAMPLE", "a-secret-key", "a-token"))
