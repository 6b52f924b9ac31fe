"""Read values from Parameter Store, ten at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from secretsync.core.model import Failed, SecretRef
from secretsync.core.records import Record
from secretsync.providers.aws_account.client import AwsClient, Channel
from secretsync.providers.aws_account.errors import AwsRequestError, garbled
from secretsync.providers.aws_account.responses import records
from secretsync.providers.interface import Answer, Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.ssm.errors import missing, no_version, outcome_of
from secretsync.providers.ssm.responses import base_name, is_meant, is_named, mistake, name_of, payload
from secretsync.providers.threads import answer_all, run_in_threads

_BATCH = 10  # names that GetParameters takes


class _Job(Record):
    """One request."""

    channel: Channel
    refs: tuple[SecretRef, ...]


class _Read(Record):
    """The result of a job. `left`: still to be read one by one."""

    answers: Sequence[Answer]
    left: Sequence[SecretRef] = ()


def fetch(client: AwsClient, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
    """Yield the answers for `refs` as they come."""
    retries = Retries(deadline)
    return answer_all(refs, _fetch(client, refs, retries), retries.no_answer)


def _fetch(client: AwsClient, refs: Sequence[SecretRef], retries: Retries) -> Iterator[Answer]:
    mistakes = {ref: found for ref in refs if (found := mistake(ref)) is not None}
    yield from mistakes.items()
    jobs: list[_Job] = []
    for channel, some in client.connect([ref for ref in refs if ref not in mistakes], retries):
        if isinstance(channel, AwsRequestError):
            yield from ((ref, outcome_of(channel, ref)) for ref in some)
        else:
            jobs += _divide(channel, some)
    reader = _Reader(client, retries)
    while jobs:
        again: list[_Job] = []
        for job, read in run_in_threads(reader.read, jobs, workers=client.workers, deadline=retries.deadline):
            if isinstance(read, Failed):
                yield from ((ref, read) for ref in job.refs)
                continue
            yield from read.answers
            again += [_Job(job.channel, (ref,)) for ref in read.left]
        jobs = again


def _divide(channel: Channel, refs: Sequence[SecretRef]) -> Iterator[_Job]:
    """Yield the requests for `refs`. AWS does not take a parameter twice in one request."""
    rounds: list[list[SecretRef]] = []
    seen: dict[str, int] = {}
    for ref in refs:
        name = base_name(ref.path)
        seen[name] = number = seen.get(name, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(ref)
    for some in rounds:
        for start in range(0, len(some), _BATCH):
            yield _Job(channel, tuple(some[start : start + _BATCH]))


class _Reader:
    """Reads values until a deadline."""

    def __init__(self, client: AwsClient, retries: Retries) -> None:
        self.client = client
        self.retries = retries

    def read(self, job: _Job) -> _Read:
        """Return the result of `job`."""
        try:
            answer = self._get(job, [name_of(ref) for ref in job.refs], decrypts=True)
        except AwsRequestError as error:
            if len(job.refs) > 1 and not (error.is_permanent or error.is_unreachable or error.is_throttled):
                # AWS refuses all names of a request because of one: a right, a key or a form.
                return _Read([], job.refs)
            return _Read([(ref, outcome_of(error, ref)) for ref in job.refs])
        values, refused = records(answer, "Parameters"), answer.get("InvalidParameters") or []
        if values is None or not isinstance(refused, list):
            return _Read([(ref, garbled("has an invalid list")) for ref in job.refs])
        answers: list[Answer] = []
        unknown: list[SecretRef] = []
        for ref in job.refs:
            value = next((value for value in values if is_meant(value, ref)), None)
            if value is not None:
                answers.append((ref, payload(value, ref)))
            elif name_of(ref) in refused:
                unknown.append(ref)
            else:
                answers.append((ref, garbled("does not have the parameter")))
        return _Read([*answers, *self._explain(job.channel, unknown)])

    def _explain(self, channel: Channel, refs: Sequence[SecretRef]) -> Iterator[Answer]:
        """Yield an answer for each of `refs`, of which AWS says only that parameter, version or label is missing."""
        selecting = tuple(ref for ref in refs if name_of(ref) != ref.path)
        yield from ((ref, missing(ref)) for ref in refs if ref not in selecting)
        if not selecting:
            return
        failed = None
        try:
            answer = self._get(_Job(channel, selecting), [ref.path for ref in selecting], decrypts=False)
        except AwsRequestError as error:
            failed = error.with_traceback(None)
        if failed is not None:
            yield from ((ref, outcome_of(failed, ref)) for ref in selecting)
            return
        present = records(answer, "Parameters") or ()
        for ref in selecting:
            is_present = any(is_named(value, ref.path) for value in present)
            yield ref, no_version(ref) if is_present else missing(ref)

    def _get(self, job: _Job, names: list[str], *, decrypts: bool) -> dict[str, Any]:
        return self.client.call(job.channel, "GetParameters", self.retries, Names=names, WithDecryption=decrypts)
