"""A store that misbehaves costs no more than the deadline, and nothing that it says gets into a log."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Found, Outcome
from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.interface import Deadline, StoreContext
from tests.providers.aws.helpers import describe, failed, fetch, provider, ref, value_of
from tests.servers.aws import AwsAccount, ContainerCredentials
from tests.servers.faults import (
    LARGE,
    FaultProxy,
    Gate,
    aws_error,
    cut,
    delay,
    drip,
    empty,
    endless,
    hold,
    html,
    is_refused_as_large,
    reset,
    respond,
    running,
    silence,
)
from tests.support.canary import CanaryFactory, assert_clean
from tests.support.clock import StoppedClock
from tests.support.limits import HANG, STALL

pytestmark = pytest.mark.usefixtures("way")
MakeProxy = Callable[[str], FaultProxy]
DEADLINE = 0.7  # seconds


@pytest.fixture
def proxy(aws: AwsAccount, fault_proxy: MakeProxy) -> FaultProxy:
    """Return a proxy before the account, which plays faults."""
    return fault_proxy(aws.url)


FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "refused": FaultProxy.refuse,
    "black hole": FaultProxy.black_hole,
    "muted": FaultProxy.mute,
    "silent": lambda proxy: proxy.fail(silence()),
    "dripping": lambda proxy: proxy.fail(drip(0.05)),
    "slow": lambda proxy: proxy.fail(delay(20)),
    "reset": lambda proxy: proxy.fail(reset()),
    "reset when asked": lambda proxy: proxy.fail(reset(asked=True)),
    "cut": lambda proxy: proxy.fail(cut()),
    "empty": lambda proxy: proxy.fail(empty()),
    "a page": lambda proxy: proxy.fail(html()),
    "a page of an error": lambda proxy: proxy.fail(html(502)),
    "throttled": lambda proxy: proxy.fail(aws_error("ThrottlingException")),
}


@pytest.mark.parametrize("large", LARGE)
def test_a_large_answer(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, large: str) -> None:
    """An answer is bounded after it was decompressed, and asked for once."""
    aws.create("app", canary())
    proxy.fail(LARGE[large](), "GetSecretValue")
    outcome = failed(fetch(provider(aws, url=proxy.url), ref("app"))[0])
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert is_refused_as_large(outcome.cause)
    assert proxy.requests.count("GetSecretValue") == 1


@pytest.mark.parametrize("is_chunked", [True, False])
def test_an_endless_answer(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, *, is_chunked: bool) -> None:
    """After the deadline nothing is read any more."""
    aws.create("app", canary())
    of, ended = provider(aws, url=proxy.url), threading.Event()
    value_of(fetch(of, ref("app"))[0])  # the SDK is imported, which may take longer than the deadline
    proxy.fail(endless(ended, is_chunked=is_chunked), "GetSecretValue")
    assert failed(fetch(of, ref("app"), seconds=DEADLINE)[0]).kind is ProblemKind.UNAVAILABLE
    assert ended.wait(HANG)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("ask", "count"), [(fetch, 45), (describe, 1)])
def test_the_deadline_holds(
    aws: AwsAccount, proxy: FaultProxy, fault: str, ask: Callable[..., Sequence[Outcome[Any]]], count: int
) -> None:
    """Every reference is answered as unavailable by the deadline; later only as a busy machine is late."""
    names = [f"app-{number}" for number in range(count)]
    aws.create_many(names[:2])
    of = provider(aws, url=proxy.url)
    FAULTS[fault](proxy)
    began = time.monotonic()
    outcomes = ask(of, *names, seconds=DEADLINE)
    took = time.monotonic() - began
    assert {failed(outcome).kind for outcome in outcomes} == {ProblemKind.UNAVAILABLE}
    assert took < DEADLINE + STALL


@pytest.mark.parametrize("fault", [reset(), reset(asked=True), silence()], ids=["reset", "asked", "silent"])
def test_a_connection_that_was_lost(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, fault: object) -> None:
    """A request whose connection breaks is made again."""
    value = canary()
    aws.create("app", value)
    proxy.fail(fault, times=1)  # type: ignore[arg-type]
    assert value_of(fetch(provider(aws, url=proxy.url), "app")[0]) == value
    assert proxy.requests.count() == 2


def test_a_kept_connection_that_was_closed(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory) -> None:
    """A server that was started anew in between is no failure."""
    value = canary()
    aws.create("app", value)
    of = provider(aws, url=proxy.url)
    fetch(of, "app")
    proxy.refuse()
    proxy.heal()
    assert value_of(fetch(of, "app")[0]) == value


def test_answers_come_before_the_one_that_hangs(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory) -> None:
    """What is there is yielded while another one is waited for."""
    aws.create("app", canary())
    gate = Gate()
    proxy.fail(hold(gate), "GetSecretValue", times=1)
    answers = provider(aws, url=proxy.url).fetch((ref("app"), ref("other")), Deadline(30))
    first = next(answers)
    gate.open()
    assert first[0] != next(answers)[0]


def test_one_that_hangs_spoils_no_other(
    aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, clock: StoppedClock
) -> None:
    """Of two secrets, the one that never comes has no answer and the other one is found."""
    aws.create("app", canary())
    aws.create("slow", canary())
    proxy.fail(silence(), "GetSecretValue", after=1)
    answers = provider(aws, url=proxy.url).fetch((ref("app"), ref("slow")), Deadline(HANG))
    found = next(answers)
    assert isinstance(found[1], Found)
    clock.advance(HANG)
    (left,) = answers
    assert left[0] != found[0]
    assert f"no answer within {HANG:g} s" in str(left[1])


def test_a_dead_container_endpoint(aws: AwsAccount) -> None:
    """A credential endpoint that never answers costs the deadline and no more."""
    task = ContainerCredentials(aws.root)
    with running(task):
        task.mute()
        of = AwsProvider(StoreContext(store="aws", environment="test", environ=task.environ(aws.url)))
        began = time.monotonic()
        assert failed(fetch(of, "app", seconds=DEADLINE)[0]).kind is ProblemKind.UNAVAILABLE
        assert time.monotonic() - began < DEADLINE + STALL


# What gets into logs


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> Callable[[], pytest.LogCaptureFixture]:
    """`loud()` is the log from now on, of an application that has set the root logger and the SDK's to DEBUG."""

    def start() -> pytest.LogCaptureFixture:
        caplog.set_level(logging.DEBUG)
        for name in ("botocore", "botocore.parsers", "botocore.endpoint", "urllib3", "urllib3.connectionpool"):
            caplog.set_level(logging.DEBUG, name)
        return caplog

    return start


Loud = Callable[[], pytest.LogCaptureFixture]


def _of_the_sdk(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.name for record in log.records if record.name.startswith(("botocore", "urllib3"))]


def test_values_are_not_logged(aws: AwsAccount, canary: CanaryFactory, loud: Loud) -> None:
    """Read singly, in a batch, and as metadata: the SDK's debug log holds no value and no credential."""
    names = [f"app-{number}" for number in range(8)]
    for name in names:
        aws.create(name, {"password": canary()})
    who = aws.principal()
    log, of = loud(), provider(aws, who)
    assert isinstance(fetch(of, names[0])[0], Found)
    assert all(isinstance(outcome, Found) for outcome in fetch(of, *names))
    describe(of, *names)
    of.identity()
    assert_clean(log.text, "the debug log")
    assert who.secret_key not in log.text
    assert not _of_the_sdk(log)


def test_credentials_are_not_logged(aws: AwsAccount, canary: CanaryFactory, loud: Loud, tmp_path: Path) -> None:
    """The keys that STS and a container's endpoint give are in their answers, and in no log."""
    aws.create("app", canary())
    user, session = aws.principal(), aws.assume(aws.role(), aws.principal(()))
    task, role, pod = ContainerCredentials(session), aws.role(user), aws.pod(tmp_path)
    log = loud()
    with running(task):
        for environ in (task.environ(aws.url), pod):
            of = AwsProvider(StoreContext(store="aws", environment="test", environ=environ))
            assert isinstance(fetch(of, "app")[0], Found)
    assert isinstance(fetch(provider(aws, user, role_arn=role), "app")[0], Found)
    assert not _of_the_sdk(log)
    for secret in (session.secret_key, f"{session.token}", task.token):
        assert secret not in log.text


@pytest.mark.parametrize("fault", ["cut", "reset when asked", "dripping", "a page"])
def test_faults_are_not_logged(
    aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, loud: Loud, fault: str
) -> None:
    """Neither a fault nor the content of a broken answer is logged."""
    aws.create("app", canary())
    FAULTS[fault](proxy)
    log = loud()
    fetch(provider(aws, url=proxy.url), "app", seconds=DEADLINE)
    assert_clean(log.text, "the debug log")


def test_headers_that_are_broken_are_not_logged(
    aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory, loud: Loud
) -> None:
    """urllib3 warns of headers that it cannot parse, with their text."""
    proxy.fail(respond(200, b"{}", {"X-Value": f"{canary()}\r\n{canary()}"}))
    log = loud()
    fetch(provider(aws, url=proxy.url), "app")
    assert_clean(log.text, "the debug log")


def test_the_application_is_logged_as_it_wishes(aws: AwsAccount, canary: CanaryFactory, loud: Loud) -> None:
    """Its own calls of the SDK, afterwards, are in its log as before."""
    aws.create("app", canary())
    fetch(provider(aws), "app")
    log = loud()
    aws.client().list_secrets()
    assert "botocore.parsers" in _of_the_sdk(log)


def test_nothing_shows_what_it_holds(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Neither the provider nor what it is made of prints a value or a key."""
    aws.create("app", canary())
    secret = canary()
    of = provider(aws, environ={"AWS_SECRET_ACCESS_KEY": secret})
    outcome = fetch(of, "app")[0]
    assert_clean(f"{of!r} {vars(of)!r} {outcome!r} {[vars(calls) for calls in of._client._made.values()]!r}", "a repr")
