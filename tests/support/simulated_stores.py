"""Stores for simulated sockets: AWS, Vault and Key Vault as far as a read of values needs them, and ways to be down."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import urllib3
from azure.core.credentials import AccessToken
from requests.adapters import HTTPAdapter

from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.azure import transport
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import Provider, StoreContext
from secretsync.providers.vault.provider import VaultProvider
from tests.support.simulation import Network, Simulation, connect

ROUND_TRIP = 0.02  # seconds
_VAULT = "app.vault.azure.net"
_SYN = (0.0, 1.0, 3.0, 7.0)  # the seconds at which Linux sends a connection request that gets no answer

Reply = tuple[int, dict[str, Any], dict[str, str]]  # status, document, headers


class Request:
    """A request as a store gets it."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def operation(self) -> str:
        """The action of AWS, or the path without its last part."""
        target = self.headers.get("x-amz-target", "")
        return target.rpartition(".")[2] or urlsplit(self.target).path.rpartition("/")[0]


def answer_aws(request: Request) -> Reply:
    """Answer as Secrets Manager in which every name exists."""
    asked, created = json.loads(request.body), time.time() - 86_400

    def value(name: str) -> dict[str, Any]:
        arn = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"
        version = {
            "VersionId": asked.get("VersionId", "1" * 32),
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": created,
        }
        return {"ARN": arn, "Name": name, "SecretString": f"value of {name}", **version}

    if request.operation == "BatchGetSecretValue":
        return 200, {"SecretValues": [value(name) for name in asked["SecretIdList"]]}, {}
    return 200, value(asked["SecretId"]), {}


def answer_vault(request: Request) -> Reply:
    """Answer as Vault in which every first segment is a mount of KV v2."""
    path = urlsplit(request.target).path.removeprefix("/v1/")
    if path.startswith("sys/internal/ui/mounts/"):
        mount = path.removeprefix("sys/internal/ui/mounts/").partition("/")[0]
        return 200, {"data": {"path": f"{mount}/", "type": "kv", "options": {"version": "2"}}}, {}
    metadata = {"version": 1, "created_time": "2026-11-01T00:00:00.0Z", "deletion_time": "", "destroyed": False}
    return 200, {"data": {"data": {"value": f"value of {path}"}, "metadata": metadata}}, {}


def answer_azure(request: Request) -> Reply:
    """Answer as a key vault in which every name exists: the challenge if there is no token, else the secret."""
    if "authorization" not in request.headers:
        challenge = 'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"'
        return 401, {"error": {"code": "Unauthorized"}}, {"WWW-Authenticate": challenge}
    name = urlsplit(request.target).path.split("/")[2]
    return 200, {"value": f"value of {name}", "id": f"https://{_VAULT}/secrets/{name}/{'1' * 32}", "attributes": {}}, {}


class SimulatedStore(Network):
    """A store that answers a round trip later, and counts."""

    def __init__(self, simulation: Simulation, reply: Callable[[Request], Reply]) -> None:
        super().__init__(simulation)
        self._reply = reply
        self.tries: list[float] = []  # when a client tried to reach it: a request, or a connection that failed

    def connect(self, seconds: float) -> None:
        """Wait for a round trip."""
        self.simulation.sleep(ROUND_TRIP)

    def answer(self, request: bytes, seconds: float) -> bytes:
        """Return the response, after a round trip."""
        self.tries.append(self.simulation.now)
        self.simulation.sleep(ROUND_TRIP / 2)
        status, document, headers = self.reply(Request(request))
        self.simulation.sleep(ROUND_TRIP / 2)
        body = json.dumps(document).encode()
        lines = [f"HTTP/1.1 {status} Status", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def reply(self, request: Request) -> Reply:
        """Return the answer of the store itself."""
        return self._reply(request)


class Outage(SimulatedStore):
    """A store that is down until a time, in one of the ways `WAYS`."""

    def __init__(self, simulation: Simulation, reply: Callable[[Request], Reply], way: str, back: float) -> None:
        super().__init__(simulation, reply)
        self._way = way
        self.back = back

    @property
    def is_down(self) -> bool:
        """True before the store is back."""
        return self.simulation.now < self.back

    def connect(self, seconds: float) -> None:
        """Wait for a round trip. Raises OSError if the store is down and does not take connections."""
        if not self.is_down or self._way not in ("refused", "black hole"):
            return super().connect(seconds)
        self.tries.append(self.simulation.now)
        if self._way == "refused":
            self.simulation.sleep(ROUND_TRIP)
            raise ConnectionRefusedError
        began = self.simulation.now
        reached = next((after for after in _SYN if began + after >= self.back), math.inf)
        self.simulation.sleep(min(reached, seconds))
        if reached >= seconds:
            raise TimeoutError
        return super().connect(seconds)

    def answer(self, request: bytes, seconds: float) -> bytes:
        """Return the response. Raises OSError if the store is down and resets connections."""
        if self.is_down and self._way == "reset":
            self.tries.append(self.simulation.now)
            self.simulation.sleep(ROUND_TRIP)
            raise ConnectionResetError
        return super().answer(request, seconds)

    def reply(self, request: Request) -> Reply:
        """Return the answer of the store, or the failure of one that is down."""
        if self.is_down and self._way in ("503", "429"):
            return failure(request, int(self._way))
        return super().reply(request)


WAYS = ("refused", "black hole", "reset", "503", "429")


def failure(request: Request, status: int) -> Reply:
    """Return a failure as the store of `request` writes it, without Retry-After."""
    if "x-amz-target" in request.headers:
        code = "ThrottlingException" if status == 429 else "ServiceUnavailable"
        return 400 if status == 429 else status, {"__type": code, "message": code}, {}
    return status, {"errors": ["not now"], "error": {"code": "Failure", "message": "not now"}}, {}


class Quota(SimulatedStore):
    """A store that answers some requests in each second, and throttles the others."""

    def __init__(self, simulation: Simulation, reply: Callable[[Request], Reply], rate: int) -> None:
        super().__init__(simulation, reply)
        self._rate = rate
        self._served: dict[int, int] = {}
        self.throttled = 0

    def reply(self, request: Request) -> Reply:
        """Return the answer of the store, or 429."""
        second = int(self.simulation.now)
        if self._served.get(second, 0) >= self._rate:
            self.throttled += 1
            return failure(request, 429)
        self._served[second] = self._served.get(second, 0) + 1
        return super().reply(request)


# The providers.


def make_aws(**settings: object) -> AwsProvider:
    """Return a provider that sends its own requests."""
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "the-key-of-a-simulation",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    return AwsProvider(StoreContext(store="aws", environment="test", settings=settings, environ=environ))


def make_vault(**settings: object) -> VaultProvider:
    """Return a provider with a token."""
    environ = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "the-token-of-a-simulation"}
    return VaultProvider(StoreContext(store="vault", environment="test", settings=settings, environ=environ))


def make_azure() -> AzureProvider:
    """Return a provider with a credential that always has a token."""
    return AzureProvider.from_credential(_Credential(), vault_url=f"https://{_VAULT}")


class _Credential:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("the-token-of-a-simulation", int(time.time()) + 86_400)


class _Adapter(HTTPAdapter):
    """Sends the requests of the SDK of Azure to a network."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def send(self, request: requests.PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        connecting, reading = timeout
        failed: requests.RequestException
        try:
            self._network.connect(connecting)
            lines = [f"{request.method} {request.path_url} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in request.headers.items()]
            data = self._network.answer("\r\n".join([*lines, "", ""]).encode(), reading)
            return self._response(request, data)
        except TimeoutError as error:
            failed = requests.ConnectTimeout(error, request=request)
        except OSError as error:
            failed = requests.ConnectionError(error, request=request)
        raise failed

    def _response(self, request: requests.PreparedRequest, data: bytes) -> requests.Response:
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        raw = urllib3.HTTPResponse(io.BytesIO(body), headers, int(first.split()[1]), preload_content=False)
        return self.build_response(request, raw)


Make = Callable[..., Provider]
STORES: Mapping[str, tuple[Make, Callable[[Request], Reply], str]] = {
    "aws": (make_aws, answer_aws, "app-{}"),
    "vault": (make_vault, answer_vault, "secret/app-{}"),
    "azure": (make_azure, answer_azure, "app-{}"),
}


def reach(patch: pytest.MonkeyPatch, network: Network) -> None:
    """Let all providers reach `network`, until `patch` is undone."""
    connect(patch, network)
    patch.setattr(transport, "_Adapter", lambda **_: _Adapter(network))
