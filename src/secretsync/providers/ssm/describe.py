"""Read the metadata of parameters, without a request for a value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.providers.aws_account.client import AwsClient, Channel
from secretsync.providers.aws_account.errors import AwsRequestError, garbled
from secretsync.providers.aws_account.responses import in_utc, records
from secretsync.providers.interface import Deadline, Information
from secretsync.providers.remote import Retries
from secretsync.providers.ssm.errors import missing, no_version, outcome_of
from secretsync.providers.ssm.responses import base_name, is_named, mistake, version_of
from secretsync.providers.threads import answer_all, run_in_threads

_PAGE = 50  # names that a filter of DescribeParameters takes, and the most that a page has
_UNDATED = "the date of an older version or of a label: AWS returns it only with the value"

_Record = Mapping[str, Any]


class _Ask(NamedTuple):
    """The parameters of one filter."""

    channel: Channel
    refs: tuple[SecretRef, ...]


def describe(client: AwsClient, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
    """Yield the metadata of each of `refs` as they come."""
    retries = Retries(deadline)
    return answer_all(refs, _describe(client, refs, retries), retries.no_answer)


def _describe(client: AwsClient, refs: Sequence[SecretRef], retries: Retries) -> Iterator[Information]:
    mistakes = {ref: found for ref in refs if (found := mistake(ref)) is not None}
    yield from mistakes.items()
    asks: list[_Ask] = []
    for channel, some in client.connect([ref for ref in refs if ref not in mistakes], retries):
        if isinstance(channel, AwsRequestError):
            yield from ((ref, outcome_of(channel, ref)) for ref in some)
        else:
            # An ARN may need two names.
            size = _PAGE // 2
            asks += [_Ask(channel, tuple(some[start : start + size])) for start in range(0, len(some), size)]

    def answer(ask: _Ask) -> list[Information]:
        try:
            return list(_answers(client, ask, retries))
        except AwsRequestError as error:
            return [(ref, outcome_of(error, ref)) for ref in ask.refs]

    for ask, answers in run_in_threads(answer, asks, workers=client.workers, deadline=retries.deadline):
        yield from ((ref, answers) for ref in ask.refs) if isinstance(answers, Failed) else answers


def _answers(client: AwsClient, ask: _Ask, retries: Retries) -> Iterator[Information]:
    """Yield the metadata of the parameters of a filter. Raises AwsRequestError."""
    found = find(client, ask.channel, [ref.path for ref in ask.refs], retries)
    for ref in ask.refs:
        if isinstance(found, Failed):
            yield ref, found
        else:
            yield ref, secret_info(ref, found[ref.path]) if ref.path in found else missing(ref)


def find(client: AwsClient, channel: Channel, paths: Sequence[str], retries: Retries) -> dict[str, _Record] | Failed:
    """Return the records of those of `paths` that exist. Raises AwsRequestError."""
    found = _find(client, channel, paths, retries, is_shared=False)
    if isinstance(found, Failed):
        return found
    # A list has the parameters of other accounts only on request.
    others = [path for path in paths if path.startswith("arn:") and path not in found]
    more = _find(client, channel, others, retries, is_shared=True) if others else {}
    return more if isinstance(more, Failed) else found | more


def _find(
    client: AwsClient, channel: Channel, paths: Sequence[str], retries: Retries, *, is_shared: bool
) -> dict[str, _Record] | Failed:
    names = sorted({name for path in paths for name in _names(path)})
    parameters: dict[str, Any] = {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": names}]}
    if is_shared:
        parameters["Shared"] = True
    found: dict[str, _Record] = {}
    token: object = None
    while True:
        more = {"NextToken": token} if token else {}
        page = client.call(channel, "DescribeParameters", retries, MaxResults=_PAGE, **parameters, **more)
        listed = records(page, "Parameters")
        if listed is None or ("Parameters" not in page and "NextToken" not in page):
            return garbled("has an invalid list of parameters")
        found |= {path: record for record in listed for path in paths if is_named(record, path)}
        last, token = token, page.get("NextToken")
        if not token or token == last:
            return found
        if not isinstance(token, str):
            return garbled("has an invalid token for the next page")
        if retries.deadline.is_over:
            return retries.no_answer()  # a parameter on a later page must not count as missing


def _names(path: str) -> tuple[str, ...]:
    """Return the names that a path may mean: the ARN of a name without a slash has one too."""
    if not path.startswith("arn:"):
        return (path,)
    name = base_name(path)
    return (f"/{name}",) if "/" in name else (name, f"/{name}")


def secret_info(ref: SecretRef, record: _Record) -> Found[SecretInfo] | Missing | Failed:
    """Return the metadata of a parameter."""
    current, created = version_of(record), in_utc(record.get("LastModifiedDate"))
    if current is None or created is None:
        return garbled("has no date of the version")
    deletion = _deletion(record.get("Policies"))
    if ref.stage is None and ref.version in (None, current):
        return Found(SecretInfo(version=current, created=created, clock=Clock.VERSION_CREATED, deletion=deletion))
    if ref.version is not None and int(ref.version) > int(current):
        return no_version(ref)
    newer = current if ref.version is not None else None
    return Found(SecretInfo(version=ref.version, newer_version=newer, deletion=deletion, notes=(_UNDATED,)))


def _deletion(policies: object) -> datetime | None:
    """Return the time at which AWS deletes a parameter; None if it does not."""
    for policy in policies if isinstance(policies, list) else ():
        try:
            document = json.loads(policy["PolicyText"])
            if document["Type"] == "Expiration":
                moment = datetime.fromisoformat(document["Attributes"]["Timestamp"])
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, TypeError, LookupError):
            continue
    return None
