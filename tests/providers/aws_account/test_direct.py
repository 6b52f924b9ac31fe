"""SecretSync's own requests to AWS: a clock that is wrong, and keys that end between two requests."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.aws_account.direct import DirectChannel, DirectWay
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.interface import Deadline, RequestCounter, StoreContext
from tests.servers.aws import ContainerCredentials, Principal
from tests.servers.faults import running
from tests.servers.loopback import LoopbackServer, Request, Response, json_response
from tests.support.limits import HANG

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "eu-west-1"}


class Service(LoopbackServer):
    """Secrets Manager with a clock of its own, which knows some access keys."""

    ahead = 0.0  # seconds that its clock is before this machine's
    shown = 0.0  # the same for the header Date
    code = "InvalidSignatureException"
    known: tuple[str, ...] = ("AKIA",)

    def answer(self, request: Request) -> Response:
        """Refuse a signature of another time, and keys that have ended."""
        now = time.time() + self.ahead
        signed = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if abs(signed - now) > 300:
            refused = json_response({"__type": self.code, "message": "Signature expired: x is now earlier"}, 400)
            return Response(400, refused.body, {**refused.headers, "Date": formatdate(time.time() + self.shown)})
        if not any(f"Credential={key}/" in request.headers["Authorization"] for key in self.known):
            return json_response({"__type": "ExpiredTokenException"}, 400)
        return json_response({"SecretString": "a value", "Name": "app"})


@pytest.fixture
def service() -> Iterator[Service]:
    """Yield the service on loopback."""
    made = Service()
    with running(made):
        yield made


def _open(service: Service, environ: dict[str, str] = KEYS) -> DirectChannel:
    variables = {**environ, "AWS_ENDPOINT_URL_SECRETS_MANAGER": service.url}
    context = StoreContext(store="aws", environment="test", environ=variables)
    return DirectWay(context, RequestCounter()).connect(None, "secretsmanager", Deadline(HANG))


def _get(channel: DirectChannel) -> object:
    return channel.send("GetSecretValue", {"SecretId": "app"}, Deadline(HANG))["SecretString"]


@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestTimeTooSkewed", "RequestExpired"])
@pytest.mark.parametrize("ahead", [3600.0, -86_400.0, 400.0])
def test_a_clock_that_is_wrong(service: Service, code: str, ahead: float) -> None:
    """Take the time of the response, send the request once more, and keep that time for all further requests."""
    service.code, service.ahead, service.shown = code, ahead, ahead
    channel = _open(service)
    assert _get(channel) == "a value"
    assert service.requests.count() == 2
    assert _get(channel) == "a value"
    assert service.requests.count() == 3


@pytest.mark.parametrize(("shown", "requests"), [(-7200.0, 2), (0.0, 1), (100.0, 1)])
def test_a_clock_that_cannot_be_corrected(service: Service, shown: float, requests: int) -> None:
    """Correct the clock once, and only if the response has another time."""
    service.ahead, service.shown = 3600.0, shown
    channel = _open(service)
    with pytest.raises(AwsRequestError) as caught:
        _get(channel)
    assert isinstance(caught.value.outcome, Failed)
    assert caught.value.outcome.kind is ProblemKind.DENIED
    assert not caught.value.is_retryable
    assert service.requests.count() == requests


def test_keys_that_end_midway(service: Service) -> None:
    """Get other keys once if AWS says that the keys have expired, and send the request once more."""
    service.known = ("ASIAONE",)
    task = ContainerCredentials(Principal("ASIAONE", "key", "token"))
    with running(task):
        channel = _open(service, task.environ("http://127.0.0.1:9"))
        assert _get(channel) == "a value"
        service.known = ("ASIATWO",)
        task.principal = Principal("ASIATWO", "key", "token")
        assert _get(channel) == "a value"
        assert task.requests.count() == 2
        assert service.requests.count() == 3
        # The endpoint gives the same keys again.
        service.known = ()
        with pytest.raises(AwsRequestError) as caught:
            _get(channel)
        assert caught.value.code == "ExpiredTokenException"
        assert task.requests.count() == 3
        assert service.requests.count() == 4


def test_keys_of_variables_that_end_midway(service: Service) -> None:
    """Send no second request if the variables are all there is."""
    service.known = ()
    channel = _open(service)
    with pytest.raises(AwsRequestError) as caught:
        _get(channel)
    assert caught.value.code == "ExpiredTokenException"
    assert service.requests.count() == 1
