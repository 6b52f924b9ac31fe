"""What AWS knows about secrets, in as few requests as that takes, and none of them for a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.providers.aws.client import WORKERS, Calls
from secretsync.providers.aws.errors import garbled, no_version, outcome, scheduled_for_deletion
from secretsync.providers.aws.refusal import Refusal
from secretsync.providers.aws.responses import in_utc, is_named
from secretsync.providers.interface import Deadline, Information
from secretsync.providers.remote import Retries
from secretsync.providers.threads import answer_all, run_in_threads

__all__ = ["describe"]

_PAGE = 100  # the most that a page of a list has
_WORTH_LISTING = 20  # from so many secrets on, pages may be cheaper than a call for each
# Pages come one after the other and calls side by side: more pages than a tenth of the secrets take longer.
_SECRETS_A_PAGE = 10
_SUFFIX = len("-AbCdEf")  # of an ARN, after the name

_UNSEEN = "whether it is scheduled for deletion, and when it rotates: we may not call secretsmanager:DescribeSecret"

_Record = Mapping[str, Any]  # a secret or a version, as AWS lists it


class _Ask(NamedTuple):
    """One thing to ask: the versions or the details of a secret, or the details of all of a region's by pages."""

    client: Any
    what: str  # "versions", "details", "pages"
    refs: tuple[SecretRef, ...]


def describe(calls: Calls, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
    """What AWS knows about each of `refs`, as it comes."""
    retries = Retries(deadline)
    return answer_all(refs, _describe(calls, refs, retries), retries.no_answer)


def _describe(calls: Calls, refs: Sequence[SecretRef], retries: Retries) -> Iterator[Information]:
    asks: list[_Ask] = []
    for client, some in calls.connect(refs, retries):
        if isinstance(client, Refusal):
            yield from ((ref, outcome(client, ref)) for ref in some)
            continue
        by_pages = len(some) >= _WORTH_LISTING
        asks += [_Ask(client, "pages", tuple(some))] if by_pages else []
        for ref in some:
            asks.append(_Ask(client, "versions", (ref,)))
            asks += [] if by_pages else [_Ask(client, "details", (ref,))]
    yield from _Round(calls, retries).run(asks)


class _Round:
    """One round of asking: a secret is told when both its versions and its details are there."""

    def __init__(self, calls: Calls, retries: Retries) -> None:
        self.calls = calls
        self.retries = retries
        self.deadline = retries.deadline
        self.versions: dict[SecretRef, list[_Record] | Missing | Failed] = {}
        self.details: dict[SecretRef, _Record | Refusal] = {}

    def run(self, asks: list[_Ask]) -> Iterator[Information]:
        """The information about the secrets of `asks`, perhaps some of it twice."""
        while asks:
            again: list[_Ask] = []
            for ask, answer in run_in_threads(self._ask, asks, workers=WORKERS, deadline=self.deadline):
                if isinstance(answer, Failed):
                    yield from ((ref, answer) for ref in ask.refs)
                elif ask.what == "pages":
                    left = [ref for ref in ask.refs if ref not in self.details]
                    again += [_Ask(ask.client, "details", (ref,)) for ref in left]
                for ref in ask.refs:
                    if (told := self._tell(ref)) is not None:
                        yield ref, told
            asks = again

    def _ask(self, ask: _Ask) -> None:
        ref = ask.refs[0]
        if ask.what == "versions":
            self.versions[ref] = self._list_versions(ask.client, ref)
        elif ask.what == "details":
            self.details[ref] = self.calls.call(ask.client, "DescribeSecret", self.retries, SecretId=ref.path)
        else:
            self._list_secrets(ask.client, ask.refs)

    def _list_versions(self, client: Any, ref: SecretRef) -> list[_Record] | Missing | Failed:
        found: list[_Record] = []
        # A version without a stage, which only a pinned reference may mean, is deprecated.
        parameters = {"SecretId": ref.path, "MaxResults": _PAGE, "IncludeDeprecated": ref.version is not None}
        for page in self._pages(client, "ListSecretVersionIds", parameters):
            if isinstance(page, Refusal):
                return outcome(page, ref)
            if not is_named(page, ref.path):
                return garbled("is about another secret, or about none")
            found += _records(page, "Versions")
        # Of pages that were left out at the deadline one may have the version that is meant: it is not missing.
        return self.retries.no_answer() if self.deadline.is_over else found

    def _list_secrets(self, client: Any, refs: Sequence[SecretRef]) -> None:
        """Note the details of those of `refs` that are on the first pages. The others are asked for one by one."""
        sought = {ref.path: ref for ref in refs}  # of two versions of one secret the other one is asked for by itself
        parameters = {"MaxResults": _PAGE, "IncludePlannedDeletion": True}
        limit = -(-len(refs) // _SECRETS_A_PAGE)
        for page in islice(self._pages(client, "ListSecrets", parameters), limit):
            if isinstance(page, Refusal):
                return
            for record in _records(page, "SecretList"):
                name, arn = record.get("Name"), str(record.get("ARN"))
                for path in (name, arn, arn[:-_SUFFIX]):
                    if path in sought:
                        self.details[sought.pop(path)] = record
            if not sought:
                return

    def _pages(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any] | Refusal]:
        token: object = None
        while not self.deadline.is_over:
            more = {"NextToken": token} if token else {}
            page = self.calls.call(client, operation, self.retries, **parameters, **more)
            yield page
            last = token
            token = None if isinstance(page, Refusal) else page.get("NextToken")
            if not token or token == last:
                return

    def _tell(self, ref: SecretRef) -> Found[SecretInfo] | Missing | Failed | None:
        """What is known about `ref`; None where it is not all there."""
        versions, details = self.versions.get(ref), self.details.get(ref)
        if isinstance(versions, Missing | Failed):
            return versions
        if versions is None or details is None:
            return None
        return secret_info(ref, versions, details)


def secret_info(ref: SecretRef, versions: Sequence[_Record], details: _Record | Refusal) -> Found[SecretInfo] | Failed:
    """What the versions and the details of a secret say about it."""
    if isinstance(details, Refusal) and not details.is_denied:
        failed = outcome(details, ref)
        return failed if isinstance(failed, Failed) else garbled("says that it is there and that it is not")
    told: _Record = {} if isinstance(details, Refusal) else details
    if told.get("DeletedDate") is not None:
        return scheduled_for_deletion()
    current, pending = _with_stage(versions, "AWSCURRENT"), _with_stage(versions, "AWSPENDING")
    meant = current
    if ref.version is not None:
        meant = next((version for version in versions if version.get("VersionId") == ref.version), None)
    elif ref.stage is not None:
        meant = _with_stage(versions, ref.stage)
    if meant is None:
        return no_version(ref)
    created = in_utc(meant.get("CreatedDate"))
    if created is None:
        return garbled("has no date of the version")
    rotates = told.get("RotationEnabled") is True  # absent where it was never on
    return Found(
        SecretInfo(
            version=meant.get("VersionId"),
            created=created,
            clock=Clock.VERSION_CREATED,
            newer_version=None if current is None or current is meant else current.get("VersionId"),
            rotation_period=rotation_period(told.get("RotationRules")) if rotates else None,
            next_rotation=in_utc(told.get("NextRotationDate")) if rotates else None,
            # After a rotation AWSPENDING may stay, at the version that is AWSCURRENT.
            pending_since=None if pending is None or pending is current else in_utc(pending.get("CreatedDate")),
            notes=(_UNSEEN,) if isinstance(details, Refusal) else (),
        )
    )


def rotation_period(rules: object) -> float | None:
    """The seconds between two rotations, by the rules of a secret; None where a calendar decides."""
    if not isinstance(rules, Mapping):
        return None
    if rate := re.fullmatch(r"rate\(([0-9]+) (hour|day)s?\)", str(rules.get("ScheduleExpression"))):
        return int(rate[1]) * (3600.0 if rate[2] == "hour" else 86400.0)
    days = rules.get("AutomaticallyAfterDays")
    return days * 86400.0 if isinstance(days, int) and days > 0 else None


def _with_stage(versions: Sequence[_Record], stage: str) -> _Record | None:
    return next((version for version in versions if stage in (version.get("VersionStages") or ())), None)


def _records(page: Mapping[str, Any], name: str) -> list[_Record]:
    return [record for record in page.get(name) or () if isinstance(record, dict)]
