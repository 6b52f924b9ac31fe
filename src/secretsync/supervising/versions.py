"""Read the versions of the secrets of a plan, as far as the stores tell them without a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from secretsync.core.errors import Problem
from secretsync.core.metadata import SecretInfo
from secretsync.core.model import Failed, Found, Missing
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.records import Record, replace
from secretsync.planning.plan import Plan, SecretPart
from secretsync.resolving.failures import failure_problem, hide_values
from secretsync.resolving.stores import StoreAccess

_CONTENT = "content "


class Versions(Record, kw_only=True):
    """The state of each placeholder's secret, without values."""

    states: Mapping[str, str]  # from the references of a placeholder to the version or the digest
    unwatched: tuple[str, ...]  # references that have no version
    problems: tuple[Problem, ...]  # of the secrets whose versions could not be read


def read_versions(plan: Plan, access: StoreAccess, *, key: bytes, reads_values: bool) -> Versions:
    """Return the version of each secret. For files without versions it is a digest of the content with `key`.

    `reads_values`: compare the values of all secrets without versions, except leased ones, because a read makes a new
    lease. Raises ConfigurationError for a store that cannot be built.
    """
    infos = access.metadata(plan)
    states: dict[str, str] = {}
    problems: dict[Problem, None] = {}
    unwatched: dict[str, None] = {}
    contents: list[tuple[str, SecretPart]] = []
    for planned in plan.entries.values():
        for part in planned.secrets:
            name = _name(part)
            index, outcome = infos.settle(part)
            if isinstance(outcome, Failed) and outcome.kind is not ProblemKind.UNUSABLE:
                problems[failure_problem(plan, planned, part, index, outcome)] = None
            elif (state := _state(part, index, outcome)) is not None:
                states[name] = state
            elif isinstance(outcome, Found) and _is_comparable(plan, part, index, outcome.value, reads_values):
                contents.append((name, replace(part, targets=(part.targets[index],))))
            else:
                unwatched[name] = None
    states.update(_digests(plan, access, contents, key))
    return Versions(states=states, unwatched=tuple(unwatched), problems=tuple(problems))


def describe_changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each difference, by the references of the secret. Digests are not shown."""
    found = {}
    for name, new in after.items():
        old = before.get(name, "unknown")
        if new == old:
            continue
        if new.startswith(_CONTENT) and old.startswith(_CONTENT):
            found[name] = f"{name}: other content"
        else:
            found[name] = f"{name}: {_without_digest(old)} -> {_without_digest(new)}"
    return found


def _without_digest(state: str) -> str:
    return _CONTENT.strip() if state.startswith(_CONTENT) else state


def _name(part: SecretPart) -> str:
    """Return the references of a placeholder, for messages."""
    refs = dict.fromkeys(str(target.ref) for target in part.targets)
    return hide_values(" or ".join(refs), part.written, part.targets)


def _state(part: SecretPart, index: int, outcome: Found[SecretInfo] | Missing | Failed) -> str | None:
    """Return the state of a secret; None if it has no version."""
    if not isinstance(outcome, Found):
        return "missing" if isinstance(outcome, Missing) else "unusable"
    if not outcome.value.enabled:
        return "disabled"
    if outcome.value.version is None:
        return None
    store = f" in {part.targets[index].store}" if len(part.targets) > 1 else ""
    return f"version {outcome.value.version}{store}"


def _is_comparable(plan: Plan, part: SecretPart, index: int, info: SecretInfo, reads_values: bool) -> bool:  # noqa: FBT001
    """Return True if the value of a secret without versions may be read for a comparison."""
    spec = plan.specs[part.targets[index].store]
    return not info.dynamic and (spec.is_local or (reads_values and spec.is_secret_store))


def _digests(
    plan: Plan, access: StoreAccess, contents: list[tuple[str, SecretPart]], key: bytes
) -> Iterator[tuple[str, str]]:
    """Yield the digest of each secret whose value could be read."""
    if not contents:
        return
    from hashlib import blake2b

    answers = access.values(plan, parts=[part for _, part in contents])
    for name, part in contents:
        outcome = answers.settle(part)[1]
        if isinstance(outcome, Found):
            value = outcome.value.reveal()
            data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            yield name, _CONTENT + blake2b(data, key=key, digest_size=16).hexdigest()
        elif isinstance(outcome, Missing):
            yield name, "missing"
