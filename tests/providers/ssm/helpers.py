"""Ways to a provider of Parameter Store, and its answers."""

from __future__ import annotations

from secretsync.core.model import Failed, Found, Outcome, SecretInfo, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.ssm.provider import SsmProvider
from tests.servers.aws import AwsAccount, Principal
from tests.support.limits import HANG


def provider(
    account: AwsAccount, principal: Principal | None = None, *, url: str | None = None, transport: str = "auto"
) -> SsmProvider:
    """Return a provider on `account`, here or through a proxy at `url`."""
    environ = account.environ(principal, url=url)
    context = StoreContext(store="ssm", environment="test", settings={"transport": transport}, environ=environ)
    return SsmProvider(context)


def put(account: AwsAccount, name: str, value: str, kind: str = "SecureString", **more: object) -> int:
    """Return the version of a parameter after a write."""
    version: int = account.client("ssm").put_parameter(Name=name, Value=value, Type=kind, Overwrite=True, **more)[
        "Version"
    ]
    return version


def ref(path: str, *, version: str | None = None, stage: str | None = None) -> SecretRef:
    """Return the reference to a parameter."""
    return SecretRef("ssm", path, version, stage)


def fetch(of: SsmProvider, *refs: SecretRef | str, seconds: float = HANG) -> list[Outcome[Payload]]:
    """Return the outcomes for `refs`, in their order."""
    asked = tuple(ref(one) if isinstance(one, str) else one for one in refs)
    answers = list(of.fetch(asked, Deadline(seconds)))
    assert sorted(map(str, asked)) == sorted(str(one) for one, _ in answers)
    return [dict(answers)[one] for one in asked]


def describe(of: SsmProvider, *refs: SecretRef | str, seconds: float = HANG) -> list[Outcome[SecretInfo]]:
    """Return the metadata of `refs`, in their order."""
    asked = tuple(ref(one) if isinstance(one, str) else one for one in refs)
    answers = list(of.describe(asked, Deadline(seconds)))
    assert sorted(map(str, asked)) == sorted(str(one) for one, _ in answers)
    return [dict(answers)[one] for one in asked]


def value_of(outcome: Outcome[Payload]) -> str | bytes:
    """Return the value that was found."""
    assert isinstance(outcome, Found), f"not found: {outcome}"
    return outcome.value.reveal()


def info_of(outcome: Outcome[SecretInfo]) -> SecretInfo:
    """Return the metadata that was found."""
    assert isinstance(outcome, Found), f"not found: {outcome}"
    return outcome.value


def failed(outcome: object) -> Failed:
    """Return the failure that it is."""
    assert isinstance(outcome, Failed), f"not failed: {outcome}"
    return outcome
