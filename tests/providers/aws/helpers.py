"""Ways to an AWS provider and its answers, for the tests of it."""

from collections.abc import Mapping

from secretsync.core.model import Failed, Found, Missing, Outcome, SecretInfo, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.aws.provider import AwsProvider
from secretsync.providers.interface import Deadline, StoreContext
from tests.servers.aws import AwsAccount, Principal
from tests.support.limits import HANG

LONG = HANG  # a deadline that no test is meant to reach
TRANSPORT = "auto"  # the way of each provider: see the fixture `way`


def provider(
    account: AwsAccount,
    principal: Principal | None = None,
    *,
    url: str | None = None,
    environ: Mapping[str, str | None] | None = None,
    **settings: object,
) -> AwsProvider:
    """Return a provider on `account`, here or through a proxy at `url`; a None in `environ` takes a variable away."""
    wanted = {**account.environ(principal, url=url), **(environ or {})}
    variables = {name: value for name, value in wanted.items() if value is not None}
    settings = {"transport": TRANSPORT, **settings}
    return AwsProvider(StoreContext(store="aws", environment="test", settings=settings, environ=variables))


def ref(path: str, *, version: str | None = None, stage: str | None = None) -> SecretRef:
    """Return the reference to a secret, or to one version of it."""
    return SecretRef("aws", path, version, stage)


def fetch(of: AwsProvider, *refs: SecretRef | str, seconds: float = LONG) -> list[Outcome[Payload]]:
    """Return the outcomes for `refs`, in their order."""
    asked = tuple(ref(one) if isinstance(one, str) else one for one in refs)
    answers = list(of.fetch(asked, Deadline(seconds)))
    assert sorted(map(str, asked)) == sorted(str(one) for one, _ in answers)
    return [dict(answers)[one] for one in asked]


def describe(of: AwsProvider, *refs: SecretRef | str, seconds: float = LONG) -> list[Outcome[SecretInfo]]:
    """Return what is known about `refs`, in their order."""
    asked = tuple(ref(one) if isinstance(one, str) else one for one in refs)
    answers = list(of.describe(asked, Deadline(seconds)))
    assert sorted(map(str, asked)) == sorted(str(one) for one, _ in answers)
    return [dict(answers)[one] for one in asked]


def value_of(outcome: Outcome[Payload]) -> str | bytes:
    """Return the value that was found."""
    assert isinstance(outcome, Found), f"not found: {outcome}"
    return outcome.value.reveal()


def info_of(outcome: Outcome[SecretInfo]) -> SecretInfo:
    """Return the information that was found."""
    assert isinstance(outcome, Found), f"not found: {outcome}"
    return outcome.value


def failed(outcome: Outcome[Payload] | Outcome[SecretInfo]) -> Failed:
    """Return the failure that it is."""
    assert isinstance(outcome, Failed), f"not failed: {outcome}"
    assert not isinstance(outcome, Missing)
    return outcome
