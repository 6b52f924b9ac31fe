"""What AWS knows about secrets, without their values: dates, versions, schedules, and what that costs."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing
from secretsync.providers.aws import describe as aws_describe
from secretsync.providers.aws.describe import rotation_period
from secretsync.providers.aws_account.direct import DirectWay
from secretsync.providers.aws_account.sdk.way import SdkWay
from secretsync.providers.interface import Deadline
from tests.providers.aws.helpers import describe, failed, fetch, info_of, provider, ref
from tests.servers.aws import METADATA_ACTIONS, AwsAccount
from tests.servers.faults import FaultProxy, Gate, aws_error, hold, reset, respond
from tests.servers.loopback import Fault
from tests.servers.ministack import Ministack
from tests.support.canary import CanaryFactory
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.usefixtures("way")
MakeProxy = Callable[[str], FaultProxy]
DAY = 86_400.0
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"


@pytest.fixture
def proxy(aws: AwsAccount, fault_proxy: MakeProxy) -> FaultProxy:
    """Return a proxy before the account, which counts requests."""
    return fault_proxy(aws.url)


def _days_ago(moment: datetime | None) -> int:
    assert moment is not None
    assert moment.tzinfo is UTC
    return round((datetime.now(UTC) - moment).total_seconds() / DAY)


def test_age_of_the_current_version(ministack_clock: Ministack, aws_clock: AwsAccount, canary: CanaryFactory) -> None:
    """The clock is the date of the version that is AWSCURRENT, not of the secret, and no edit moves it."""
    with ministack_clock.at(90 * DAY):
        aws_clock.create("app", canary())
    with ministack_clock.at(30 * DAY):
        version = aws_clock.put("app", canary())
    client = aws_clock.client()
    with ministack_clock.at(5 * DAY):
        client.tag_resource(SecretId="app", Tags=[{"Key": "team", "Value": "web"}])
        client.update_secret(SecretId="app", Description="edited")
    changed = client.describe_secret(SecretId="app")["LastChangedDate"]
    assert _days_ago(changed.astimezone(UTC)) == 5  # the clock that must not be used
    info = info_of(describe(provider(aws_clock), "app")[0])
    assert (info.version, info.clock) == (version, Clock.VERSION_CREATED)
    assert _days_ago(info.created) == 30


def test_age_after_the_stage_was_moved_back(
    ministack_clock: Ministack, aws_clock: AwsAccount, canary: CanaryFactory
) -> None:
    """A version that is AWSCURRENT again is as old as it is, and not as its return."""
    with ministack_clock.at(90 * DAY):
        aws_clock.create("app", canary())
        client = aws_clock.client()
        first = client.describe_secret(SecretId="app")["VersionIdsToStages"].popitem()[0]
    with ministack_clock.at(10 * DAY):
        second = aws_clock.put("app", canary())
    client.update_secret_version_stage(
        SecretId="app", VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    info = info_of(describe(provider(aws_clock), "app")[0])
    assert info.version == first
    assert _days_ago(info.created) == 90


def test_a_rotation_that_was_not_ended(
    ministack_clock: Ministack, aws_clock: AwsAccount, canary: CanaryFactory
) -> None:
    """AWSPENDING beside AWSCURRENT tells since when; the age stays that of AWSCURRENT."""
    with ministack_clock.at(60 * DAY):
        aws_clock.create("app", canary())
    with ministack_clock.at(3 * DAY):
        aws_clock.pending("app", canary())
    info = info_of(describe(provider(aws_clock), "app")[0])
    assert _days_ago(info.created) == 60
    assert _days_ago(info.pending_since) == 3
    assert info.newer_version is None


def test_a_pinned_version(ministack_clock: Ministack, aws_clock: AwsAccount, canary: CanaryFactory) -> None:
    """A pinned version or stage is judged as such, and the one that is current is named."""
    with ministack_clock.at(90 * DAY):
        aws_clock.create("app", canary())
    with ministack_clock.at(40 * DAY):
        middle = aws_clock.put("app", canary())
    newest = aws_clock.put("app", canary())
    old, current = describe(provider(aws_clock), ref("app", stage="AWSPREVIOUS"), ref("app", version=newest))
    assert info_of(old).version == middle
    assert _days_ago(info_of(old).created) == 40
    assert info_of(old).newer_version == newest
    assert info_of(current).newer_version is None


def test_a_version_without_a_stage(aws: AwsAccount, proxy: FaultProxy) -> None:
    """A version that has lost its stages is listed only when it is asked for, which a pinned reference does."""
    stamp = 1_700_000_000
    old = {"VersionId": "1" * 36, "CreatedDate": stamp}
    new = {"VersionId": "2" * 36, "VersionStages": ["AWSCURRENT"], "CreatedDate": stamp + 60}
    document = {"ARN": ARN, "Name": "app", "Versions": [new, old]}
    proxy.fail(respond(200, json.dumps(document).encode()))
    pinned, plain = describe(provider(aws, url=proxy.url), ref("app", version="1" * 36), "app")
    assert info_of(pinned).version == "1" * 36
    assert info_of(pinned).created == datetime.fromtimestamp(stamp, UTC)
    assert info_of(pinned).newer_version == info_of(plain).version == "2" * 36
    asked = [request.json for request in proxy.requests.log if request.operation == "ListSecretVersionIds"]
    assert sorted(request["IncludeDeprecated"] is True for request in asked) == [False, True]


def test_the_same_as_a_read(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Metadata and value tell the same version and date."""
    aws.create("app", canary())
    aws.put("app", canary())
    of = provider(aws)
    info, [outcome] = info_of(describe(of, "app")[0]), fetch(of, "app")
    assert isinstance(outcome, Found)
    assert (info.version, info.created) == (outcome.value.version, outcome.value.created)


def test_schedule(aws_moto: AwsAccount, canary: CanaryFactory) -> None:
    """A schedule tells its period and the next date; where it is off there is none."""
    aws_moto.create("scheduled", canary())
    aws_moto.create("plain", canary())
    aws_moto.client().rotate_secret(
        SecretId=aws_moto.name("scheduled"), RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=True
    )
    scheduled, plain = describe(provider(aws_moto), aws_moto.name("scheduled"), aws_moto.name("plain"))
    assert info_of(scheduled).rotation_period == 30 * DAY
    assert info_of(scheduled).next_rotation is not None
    assert (info_of(plain).rotation_period, info_of(plain).next_rotation) == (None, None)


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ({"AutomaticallyAfterDays": 30}, 30 * DAY),
        ({"ScheduleExpression": "rate(10 days)"}, 10 * DAY),
        ({"ScheduleExpression": "rate(1 day)", "Duration": "3h"}, DAY),
        ({"ScheduleExpression": "rate(4 hours)"}, 4 * 3600.0),
        ({"ScheduleExpression": "cron(0 16 1,15 * ? *)"}, None),
        ({}, None),
        (None, None),
        ("rate(1 day)", None),
    ],
)
def test_rotation_period(rules: object, seconds: float | None) -> None:
    """Both ways to write a period; a calendar has none."""
    assert rotation_period(rules) == seconds


def test_with_metadata_rights_alone(aws: AwsAccount, proxy: FaultProxy, canary: CanaryFactory) -> None:
    """Who may read no value gets everything, for few and for many, and asks for no value."""
    names = [f"app-{number}" for number in range(30)]
    for name in names:
        aws.create(name, canary())
    of = provider(aws, aws.metadata_only(), url=proxy.url)
    for some in (names[:3], names):
        for outcome in describe(of, *some):
            assert info_of(outcome).created is not None
            assert info_of(outcome).notes == ()
    assert set(proxy.requests.operations) <= set(METADATA_ACTIONS)
    assert failed(fetch(of, "app-0")[0]).kind is ProblemKind.DENIED


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send requests for metadata one after the other, so that their order is known."""
    for kind in (DirectWay, SdkWay):
        monkeypatch.setattr(kind, "workers", 1)


@pytest.mark.parametrize(
    ("stored", "used", "requests"),
    [
        (1, 1, {"ListSecretVersionIds": 1, "DescribeSecret": 1}),
        (3, 3, {"ListSecretVersionIds": 3, "DescribeSecret": 3}),
        (400, 1, {"ListSecretVersionIds": 1, "DescribeSecret": 1}),
        (400, 20, {"ListSecretVersionIds": 20, "ListSecrets": 2}),
        (150, 150, {"ListSecretVersionIds": 150, "ListSecrets": 15}),
    ],
)
def test_requests(aws: AwsAccount, proxy: FaultProxy, stored: int, used: int, requests: dict[str, int]) -> None:
    """Few secrets need two requests each, many need one and a tenth each, whatever the size of the store."""
    names = [f"app-{number:03}" for number in range(stored)]
    aws.create_many(names)
    outcomes = describe(provider(aws, url=proxy.url), *names[:: stored // used][:used])
    assert all(info_of(outcome).notes == () for outcome in outcomes)
    assert proxy.requests.operations == requests


def test_requests_for_names_and_arns(aws: AwsAccount, proxy: FaultProxy) -> None:
    """One list finds a secret by its name, its ARN, and its ARN without the six characters, and several versions."""
    names = [f"app-{number:02}" for number in range(19)]
    aws.create_many(names)
    arn = aws.create("by-arn", "x")
    refs = [ref("app-00", stage="AWSCURRENT"), *(ref(path) for path in (*names, "by-arn", arn, arn[:-7]))]
    outcomes = describe(provider(aws, url=proxy.url), *refs)
    assert all(isinstance(outcome, Found) for outcome in outcomes)
    assert proxy.requests.operations == {"ListSecretVersionIds": 23, "ListSecrets": 2}


@pytest.mark.parametrize("is_denied", [False, True])
def test_secrets_that_are_not_on_the_page(aws: AwsAccount, proxy: FaultProxy, is_denied: bool) -> None:
    """A secret that a list does not have is described; a secret that it has is not, even if that would be denied."""
    names = [f"app-{number:02}" for number in range(20)]
    aws.create_many(names)
    page = aws.client().list_secrets(Filters=[{"Key": "name", "Values": ["app-0"]}])["SecretList"]
    entries = [{"Name": entry["Name"], "ARN": entry["ARN"]} for entry in page if entry["Name"] != "app-05"]
    first = {"SecretList": entries, "NextToken": "further"}
    proxy.fail(respond(200, json.dumps(first).encode()), "ListSecrets")  # both lists get this page
    who = aws.principal(("ListSecretVersionIds", "ListSecrets")) if is_denied else aws.metadata_only()
    outcomes = describe(provider(aws, who, url=proxy.url), *names)
    unseen = [outcome.value.notes != () for outcome in outcomes if isinstance(outcome, Found)]
    assert unseen == [is_denied and (number == 5 or number >= 10) for number in range(20)]
    assert proxy.requests.operations == {"ListSecretVersionIds": 20, "ListSecrets": 2, "DescribeSecret": 11}


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "fault",
    [
        aws_error("AccessDeniedException"),
        aws_error("ThrottlingException"),
        aws_error("InternalServiceError", 500),
        aws_error("InvalidParameterException"),
        reset(),
        respond(200, b"no JSON"),
        respond(200, b'{"SecretList": "none"}'),
        respond(200, b'{"SecretList": [{"Name": ["app-00"]}, {}]}'),
        respond(200, b'{"NextToken": "further"}'),
    ],
    ids=["denied", "throttled", "failed", "refused", "reset", "no JSON", "no list", "other secrets", "empty"],
)
def test_a_list_that_is_of_no_use(aws: AwsAccount, proxy: FaultProxy, fault: Fault) -> None:
    """The first list that fails or has none of its secrets is the last, and is not repeated."""
    names = [f"app-{number:02}" for number in range(30)]
    aws.create_many(names)
    proxy.fail(fault, "ListSecrets")
    outcomes = describe(provider(aws, url=proxy.url), *names)
    assert all(info_of(outcome).notes == () for outcome in outcomes)
    assert proxy.requests.operations == {"ListSecretVersionIds": 30, "ListSecrets": 1, "DescribeSecret": 30}


def test_throttled_versions(aws: AwsAccount, proxy: FaultProxy) -> None:
    """Throttled requests are repeated, and nothing else is."""
    names = [f"app-{number:02}" for number in range(20)]
    aws.create_many(names)
    proxy.fail(aws_error("ThrottlingException"), "ListSecretVersionIds", times=7)
    outcomes = describe(provider(aws, url=proxy.url), *names)
    assert all(isinstance(outcome, Found) for outcome in outcomes)
    assert proxy.requests.operations == {"ListSecretVersionIds": 27, "ListSecrets": 2}


@pytest.mark.parametrize("operation", ["ListSecretVersionIds", "ListSecrets"])
def test_the_deadline_in_the_middle(aws: AwsAccount, proxy: FaultProxy, clock: StoppedClock, operation: str) -> None:
    """Secrets with both answers are found; the others have no answer."""
    names = [f"app-{number:02}" for number in range(20)]
    aws.create_many(names)
    gate = Gate()
    proxy.fail(hold(gate), operation, times=1)
    held = 1 if operation == "ListSecretVersionIds" else 10
    answers = provider(aws, url=proxy.url).describe([ref(name) for name in names], Deadline(60))
    found = [next(answers)[1] for _ in range(len(names) - held)]
    clock.advance(60)
    left = [outcome for _, outcome in answers]
    gate.open()
    assert all(isinstance(outcome, Found) for outcome in found)
    assert [failed(outcome).kind for outcome in left] == [ProblemKind.UNAVAILABLE] * held
    assert "DescribeSecret" not in proxy.requests.operations


def test_deleted_and_missing_among_many(aws: AwsAccount, proxy: FaultProxy) -> None:
    """A listed secret that is scheduled for deletion is unusable. A missing secret is not described."""
    names = [f"some-{number}" for number in range(25)]
    aws.create_many(names)
    aws.delete("some-7")
    outcomes = describe(provider(aws, url=proxy.url), *names, "missing")
    assert "DescribeSecret" not in proxy.requests.operations
    assert failed(outcomes[7]).kind is ProblemKind.UNUSABLE
    assert "scheduled for deletion" in failed(outcomes[7]).cause
    assert isinstance(outcomes[-1], Missing)
    assert sum(isinstance(outcome, Found) for outcome in outcomes) == 24


def test_without_describe_secret(aws: AwsAccount, canary: CanaryFactory) -> None:
    """The age is exact all the same; what could not be seen is a note that names the right."""
    aws.create("app", canary())
    info = info_of(describe(provider(aws, aws.principal(("ListSecretVersionIds",))), "app")[0])
    assert info.created is not None
    assert "secretsmanager:DescribeSecret" in info.notes[0]


@pytest.mark.usefixtures("one_thread")
def test_without_listing_secrets(aws: AwsAccount, proxy: FaultProxy) -> None:
    """Without the right to list, each secret is described, without a note, after one request that is denied."""
    names = [f"app-{number}" for number in range(25)]
    aws.create_many(names)
    who = aws.principal(("ListSecretVersionIds", "DescribeSecret"))
    outcomes = describe(provider(aws, who, url=proxy.url), *names)
    assert all(info_of(outcome).notes == () for outcome in outcomes)
    assert proxy.requests.operations == {"ListSecretVersionIds": 25, "DescribeSecret": 25, "ListSecrets": 1}


def test_without_the_dates(aws: AwsAccount, canary: CanaryFactory) -> None:
    """Without the dates of the versions there is no age: it is denied, and the right is named."""
    aws.create("app", canary())
    outcome = failed(describe(provider(aws, aws.principal(("DescribeSecret",))), "app")[0])
    assert outcome.kind is ProblemKind.DENIED
    assert "secretsmanager:ListSecretVersionIds" in outcome.cause


def test_pages_of_versions(aws: AwsAccount, proxy: FaultProxy) -> None:
    """All pages of the versions are read: AWSCURRENT may be on the last one."""
    stamp = 1_700_000_000
    pages: list[dict[str, object]] = [
        {
            "Versions": [{"VersionId": "1" * 36, "VersionStages": ["AWSPENDING"], "CreatedDate": stamp}],
            "NextToken": "n",
        },
        {"Versions": [{"VersionId": "2" * 36, "VersionStages": ["AWSCURRENT"], "CreatedDate": stamp}]},
    ]
    for page in pages:
        proxy.fail(respond(200, json.dumps({"ARN": ARN, "Name": "app", **page}).encode()), "ListSecret*", times=1)
    proxy.fail(respond(200, json.dumps({"ARN": ARN, "Name": "app"}).encode()), "DescribeSecret")
    info = info_of(describe(provider(aws, url=proxy.url), "app")[0])
    assert info.version == "2" * 36
    assert info.created == datetime.fromtimestamp(stamp, UTC)
    assert info.pending_since == datetime.fromtimestamp(stamp, UTC)
    assert proxy.requests.log[-1].operation in ("DescribeSecret", "ListSecretVersionIds")
    tokens = [request.json.get("NextToken") for request in proxy.requests.log if "Versions" in request.body.decode()]
    assert tokens in ([], [None, "n"])


@pytest.mark.parametrize(
    ("versions", "kind", "word"),
    [
        (
            [{"VersionId": "1" * 36, "VersionStages": ["AWSPENDING"], "CreatedDate": 1}],
            ProblemKind.UNUSABLE,
            "AWSCURRENT",
        ),
        ([], ProblemKind.UNUSABLE, "AWSCURRENT"),
        ([{"VersionId": "1" * 36, "VersionStages": ["AWSCURRENT"]}], ProblemKind.UNAVAILABLE, "date"),
        ([None, "text", 5], ProblemKind.UNAVAILABLE, ""),
    ],
)
def test_versions_that_tell_no_age(
    aws: AwsAccount, proxy: FaultProxy, versions: list[object], kind: ProblemKind, word: str
) -> None:
    """No version AWSCURRENT is unusable; a version without a date is no answer."""
    document = {"ARN": ARN, "Name": "app", "Versions": versions}
    proxy.fail(respond(200, json.dumps(document).encode()), "ListSecretVersionIds")
    proxy.fail(respond(200, json.dumps({"ARN": ARN, "Name": "app"}).encode()), "DescribeSecret")
    outcome = failed(describe(provider(aws, url=proxy.url), "app")[0])
    assert outcome.kind is kind
    assert word in outcome.cause


def test_a_pending_stage_that_stayed(aws: AwsAccount, proxy: FaultProxy) -> None:
    """AWSPENDING at the version that is AWSCURRENT is left from a rotation that has ended."""
    version = {"VersionId": "1" * 36, "VersionStages": ["AWSPENDING", "AWSCURRENT"], "CreatedDate": 1_700_000_000}
    document = {"ARN": ARN, "Name": "app", "Versions": [version]}
    proxy.fail(respond(200, json.dumps(document).encode()), "ListSecretVersionIds")
    proxy.fail(respond(200, json.dumps({"ARN": ARN, "Name": "app"}).encode()), "DescribeSecret")
    assert info_of(describe(provider(aws, url=proxy.url), "app")[0]).pending_since is None


def test_one_that_fails_spoils_no_other(aws: AwsAccount, proxy: FaultProxy) -> None:
    """An error of one secret is its own."""
    aws.create_many(["a", "b", "c"])
    proxy.fail(aws_error("InternalFailure", 500), "ListSecretVersionIds", times=2)  # fewer than the tries of one secret
    outcomes = describe(provider(aws, url=proxy.url), "a", "b", "c")
    assert all(isinstance(outcome, Found) for outcome in outcomes)
    proxy.fail(aws_error("DecryptionFailure"), "DescribeSecret", times=1)
    outcomes = describe(provider(aws, url=proxy.url), "a", "b", "c")
    assert sum(isinstance(outcome, Failed) for outcome in outcomes) == 1


def test_dates_just_now(aws: AwsAccount, canary: CanaryFactory) -> None:
    """A secret that was just made has an age of nearly nothing."""
    aws.create("app", canary())
    created = info_of(describe(provider(aws), "app")[0]).created
    assert created is not None
    assert abs(datetime.now(UTC) - created) < timedelta(hours=1)


class _OnePageInTime:
    """Calls that answer with the first of two pages of versions, as the deadline comes."""

    workers = 2

    def __init__(self, clock: StoppedClock) -> None:
        self.clock = clock

    def connect(self, refs: Any, deadline: Deadline) -> list[Any]:
        return [(object(), list(refs))]

    def call(self, client: object, operation: str, retries: Any, **parameters: Any) -> Any:
        if operation == "DescribeSecret":
            return {"ARN": ARN, "Name": "app"}
        self.clock.advance(retries.deadline.seconds)
        return {"ARN": ARN, "Name": "app", "Versions": [], "NextToken": "2"}


@pytest.mark.parametrize("first", ["versions", "details"])
def test_pages_that_the_deadline_cuts_off(monkeypatch: pytest.MonkeyPatch, clock: StoppedClock, first: str) -> None:
    """Return no answer if the last page is missing, whichever of two requests is answered first.

    The page that is missing may have AWSCURRENT, so that the secret is not known to be without it.
    """

    def run_in_order(call: Callable[[Any], Any], asks: list[Any], **_: Any) -> Iterator[tuple[Any, Any]]:
        for ask in sorted(asks, key=lambda ask: ask.what != first):
            yield ask, call(ask)

    monkeypatch.setattr(aws_describe, "run_in_threads", run_in_order)
    calls: Any = _OnePageInTime(clock)
    answers = list(aws_describe.describe(calls, [ref("app")], Deadline(60)))
    assert {answered for answered, _ in answers} == {ref("app")}
    for _, outcome in answers:
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.UNAVAILABLE
