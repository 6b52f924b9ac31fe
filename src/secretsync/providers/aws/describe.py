"""Read the metadata of secrets of AWS, in few requests and without a request for a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.providers.aws.errors import no_version, outcome_of, scheduled_for_deletion
from secretsync.providers.aws.responses import is_named, stages_of
from secretsync.providers.aws_account.client import AwsClient, Channel
from secretsync.providers.aws_account.errors import AwsRequestError, garbled
from secretsync.providers.aws_account.responses import in_utc, records
from secretsync.providers.interface import Deadline, Information
from secretsync.providers.remote import Retries
from secretsync.providers.threads import answer_all, run_in_threads

_PAGE = 100  # the most that a page of a list has
_NAMES = 10  # that a filter of ListSecrets takes
_SUFFIX = len("-AbCdEf")  # of an ARN, after the name

_UNSEEN = "whether it is scheduled for deletion, and when it rotates: we may not call secretsmanager:DescribeSecret"

_Record = Mapping[str, Any]  # a secret or a version, as AWS lists it


class _Ask(NamedTuple):
    """One request: the versions of a secret, the details of a secret, or a list with the details of several."""

    channel: Channel
    what: str  # "versions", "details", "list"
    refs: tuple[SecretRef, ...]


def describe(client: AwsClient, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
    """Yield the metadata of each of `refs` as they come."""
    retries = Retries(deadline)
    return answer_all(refs, _describe(client, refs, retries), retries.no_answer)


def _describe(client: AwsClient, refs: Sequence[SecretRef], retries: Retries) -> Iterator[Information]:
    asks: list[_Ask] = []
    for channel, some in client.connect(refs, retries):
        if isinstance(channel, AwsRequestError):
            yield from ((ref, outcome_of(channel, ref)) for ref in some)
        else:
            asks += _first_asks(channel, some, client.workers)
    yield from _Round(client, retries).run(asks)


def _first_asks(channel: Channel, refs: Sequence[SecretRef], workers: int) -> list[_Ask]:
    """Return the first requests for the secrets of a region.

    The versions of each secret need one request. Its details need another, DescribeSecret, or a tenth of ListSecrets,
    which finds ten secrets by their names in a store of any size. No request waits for another: no second page of a
    list is read, and secrets that are not on the first page are described at the end.

    Nothing is listed if there is a thread for each of two requests a secret, because a list would save no time. The
    first list goes out before the versions, and the other lists after them. A list that fails, or has none of its
    secrets, is the last, so that a region without the right to list costs few requests.
    """
    versions = [_Ask(channel, "versions", (ref,)) for ref in refs]
    if 2 * len(refs) <= workers:
        return [*versions, *(_Ask(channel, "details", (ref,)) for ref in refs)]
    named: dict[str, list[SecretRef]] = {}
    for ref in refs:
        named.setdefault(_name_of(ref.path), []).append(ref)
    # In their order, because names with the same beginning find the same secrets.
    names = sorted(named)
    tens = [names[start : start + _NAMES] for start in range(0, len(names), _NAMES)]
    lists = [_Ask(channel, "list", tuple(ref for name in ten for ref in named[name])) for ten in tens]
    return [lists[0], *versions, *lists[1:]]


def _name_of(path: str) -> str:
    """Return the name of a secret, or what it begins with: an ARN may have six more characters."""
    name = path.rpartition(":secret:")[2]
    return re.sub(r"-[A-Za-z0-9]{6}\Z", "", name) if path.startswith("arn:") else name


class _Round:
    """One round of requests. A secret is answered when both its versions and its details are known."""

    def __init__(self, client: AwsClient, retries: Retries) -> None:
        self.client = client
        self.retries = retries
        self.deadline = retries.deadline
        self.versions: dict[SecretRef, list[_Record] | Missing | Failed] = {}
        self.details: dict[SecretRef, _Record | AwsRequestError] = {}
        self.unlisted: set[Channel] = set()  # regions in which nothing more is listed

    def run(self, asks: list[_Ask]) -> Iterator[Information]:
        """Yield the information about the secrets of `asks`. A secret may come twice."""
        while asks:
            for ask, answer in run_in_threads(self._ask, asks, workers=self.client.workers, deadline=self.deadline):
                if isinstance(answer, Failed):
                    yield from ((ref, answer) for ref in ask.refs)
                for ref in ask.refs:
                    if (outcome := self._outcome(ref)) is not None:
                        yield ref, outcome
            listed = [(ask.channel, ref) for ask in asks if ask.what == "list" for ref in ask.refs]
            asks = [_Ask(channel, "details", (ref,)) for channel, ref in listed if self._is_left(ref)]

    def _is_left(self, ref: SecretRef) -> bool:
        return ref not in self.details and not isinstance(self.versions.get(ref), Missing | Failed)

    def _ask(self, ask: _Ask) -> None:
        ref = ask.refs[0]
        try:
            if ask.what == "versions":
                self.versions[ref] = self._list_versions(ask.channel, ref)
            elif ask.what == "details":
                self.details[ref] = self.client.call(ask.channel, "DescribeSecret", self.retries, SecretId=ref.path)
            elif ask.channel not in self.unlisted:
                self._list_secrets(ask.channel, ask.refs)
        except AwsRequestError as error:
            if ask.what == "versions":
                self.versions[ref] = outcome_of(error, ref)
            elif ask.what == "details":
                self.details[ref] = error
            else:
                self.unlisted.add(ask.channel)

    def _list_versions(self, channel: Channel, ref: SecretRef) -> list[_Record] | Missing | Failed:
        found: list[_Record] = []
        # A version without a stage is deprecated. Only a reference with a version can mean such a version.
        parameters = {"SecretId": ref.path, "MaxResults": _PAGE, "IncludeDeprecated": ref.version is not None}
        for page in self._pages(channel, "ListSecretVersionIds", parameters):
            if not is_named(page, ref.path):
                return garbled("is about another secret, or about none")
            if (versions := records(page, "Versions")) is None:
                return garbled("has an invalid list of versions")
            found += versions
        # After the deadline further pages are not read, so that a version on one of them must not count as missing.
        return self.retries.no_answer() if self.deadline.is_over else found

    def _list_secrets(self, channel: Channel, refs: Sequence[SecretRef]) -> None:
        """Note the details of those of `refs` that are on the first page of a list. Raises AwsRequestError."""
        names = sorted({_name_of(ref.path) for ref in refs})
        page = self.client.call(
            channel,
            "ListSecrets",
            Retries(self.deadline, once=True),  # DescribeSecret takes the place of a list that fails
            Filters=[{"Key": "name", "Values": names}],  # these are the beginnings of names
            IncludePlannedDeletion=True,
            MaxResults=_PAGE,
            SortOrder="asc",  # by date, because a name is often older than longer names that begin with it
        )
        found: dict[str, _Record] = {}
        for record in records(page, "SecretList") or ():
            arn = str(record.get("ARN"))
            found |= dict.fromkeys((str(record.get("Name")), arn, arn[:-_SUFFIX]), record)
        listed = {ref: found[ref.path] for ref in refs if ref.path in found}
        self.details |= listed
        if not listed:
            self.unlisted.add(channel)

    def _pages(self, channel: Channel, operation: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        token: object = None
        while not self.deadline.is_over:
            more = {"NextToken": token} if token else {}
            page = self.client.call(channel, operation, self.retries, **parameters, **more)
            yield page
            last, token = token, page.get("NextToken")
            if not token or token == last or not isinstance(token, str):  # NaN never equals the last token
                return

    def _outcome(self, ref: SecretRef) -> Found[SecretInfo] | Missing | Failed | None:
        """Return the metadata of `ref`; None if not all requests are answered."""
        versions, details = self.versions.get(ref), self.details.get(ref)
        if isinstance(versions, Missing | Failed):
            return versions
        if versions is None or details is None:
            return None
        return secret_info(ref, versions, details)


def secret_info(
    ref: SecretRef, versions: Sequence[_Record], details: _Record | AwsRequestError
) -> Found[SecretInfo] | Failed:
    """Return the metadata of a secret from its versions and its details."""
    is_unseen = isinstance(details, AwsRequestError)
    if isinstance(details, AwsRequestError):
        failed = outcome_of(details, ref)
        if not details.is_denied:
            return failed if isinstance(failed, Failed) else garbled("says that it is there and that it is not")
        details = {}
    elif not is_named(details, ref.path):
        return garbled("is about another secret")
    if details.get("DeletedDate") is not None:
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
    rotates = details.get("RotationEnabled") is True  # absent if it was never on
    return Found(
        SecretInfo(
            version=meant.get("VersionId"),
            created=created,
            clock=Clock.VERSION_CREATED,
            newer_version=None if current is None or current is meant else current.get("VersionId"),
            rotation_period=rotation_period(details.get("RotationRules")) if rotates else None,
            next_rotation=in_utc(details.get("NextRotationDate")) if rotates else None,
            # After a rotation AWSPENDING may stay, at the version that is AWSCURRENT.
            pending_since=None if pending is None or pending is current else in_utc(pending.get("CreatedDate")),
            notes=(_UNSEEN,) if is_unseen else (),
        )
    )


def rotation_period(rules: object) -> float | None:
    """Return the seconds between two rotations; None if a calendar decides."""
    if not isinstance(rules, Mapping):
        return None
    if rate := re.fullmatch(r"rate\(([0-9]+) (hour|day)s?\)", str(rules.get("ScheduleExpression"))):
        return int(rate[1]) * (3600.0 if rate[2] == "hour" else 86400.0)
    days = rules.get("AutomaticallyAfterDays")
    return days * 86400.0 if isinstance(days, int) and days > 0 else None


def _with_stage(versions: Sequence[_Record], stage: str) -> _Record | None:
    return next((version for version in versions if stage in stages_of(version)), None)
