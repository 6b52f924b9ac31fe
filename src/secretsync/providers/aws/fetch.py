"""Read values from AWS: a few secrets one by one and in parallel, many secrets twenty at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from secretsync.core.model import Failed, SecretRef
from secretsync.providers.aws.client import WORKERS, AwsClient, Channel
from secretsync.providers.aws.error_codes import THROTTLED
from secretsync.providers.aws.errors import AwsRequestError
from secretsync.providers.aws.responses import is_named, payload, records
from secretsync.providers.interface import Answer, Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.threads import answer_all, run_in_threads

_log = logging.getLogger(__name__)

_BATCH = 20  # ids that BatchGetSecretValue takes
# Up to this number secrets are read one by one, because that needs no right but GetSecretValue, and at 20 ms takes only
# a tenth longer.
_FEW = 4


class _Job(NamedTuple):
    """One request: for a single secret, or for a batch."""

    channel: Channel
    refs: tuple[SecretRef, ...]


class _Read(NamedTuple):
    """The result of a job. `left`: still to be read one by one; `refused`: the code with which batches are refused."""

    answers: Sequence[Answer]
    left: Sequence[SecretRef] = ()
    refused: str | None = None


def fetch(client: AwsClient, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
    """Yield the answers for `refs` as they come."""
    retries = Retries(deadline)
    return answer_all(refs, _fetch(client, refs, retries), retries.no_answer)


def _fetch(client: AwsClient, refs: Sequence[SecretRef], retries: Retries) -> Iterator[Answer]:
    jobs: list[_Job] = []
    for channel, some in client.connect(refs, retries):
        if isinstance(channel, AwsRequestError):
            yield from ((ref, channel.outcome_of(ref)) for ref in some)
        else:
            jobs += _divide(channel, some, singly=client.batch_is_refused)
    reader, is_warned = _Reader(client, retries), client.batch_is_refused
    while jobs:
        again: list[_Job] = []
        for job, read in run_in_threads(reader.read, jobs, workers=WORKERS, deadline=retries.deadline):
            if isinstance(read, Failed):
                yield from ((ref, read) for ref in job.refs)
                continue
            if read.refused is not None and not is_warned:
                is_warned = True
                # Throttling ends, so that the next round tries batches again.
                client.batch_is_refused = read.refused not in THROTTLED
                _warn(client.store, read.refused)
            yield from read.answers
            again += [_Job(job.channel, (ref,)) for ref in read.left]
        jobs = again


def _divide(channel: Channel, refs: Sequence[SecretRef], *, singly: bool) -> Iterator[_Job]:
    """Yield the requests for `refs`. A batch only returns versions with the stage AWSCURRENT."""
    current = [ref for ref in refs if ref.version is None and ref.stage is None]
    pinned = [ref for ref in refs if ref.version is not None or ref.stage is not None]
    if singly or len(current) <= _FEW:
        current, pinned = [], [*current, *pinned]
    for start in range(0, len(current), _BATCH):
        yield _Job(channel, tuple(current[start : start + _BATCH]))
    for ref in pinned:
        yield _Job(channel, (ref,))


def _warn(store: str, code: str) -> None:
    _log.warning(
        "%s: BatchGetSecretValue was refused (%s): secrets are read one by one; "
        "the right secretsmanager:BatchGetSecretValue lets twenty be read at a time",
        store,
        code,
    )


class _Reader:
    """Reads values until a deadline."""

    def __init__(self, client: AwsClient, retries: Retries) -> None:
        self.client = client
        self.retries = retries

    def read(self, job: _Job) -> _Read:
        """Return the result of `job`."""
        try:
            return self._read_one(job.channel, job.refs[0]) if len(job.refs) == 1 else self._read_batch(job)
        except AwsRequestError as error:
            if len(job.refs) > 1 and not error.is_permanent and (error.is_throttled or error.is_denied):
                return _Read([], job.refs, error.code)
            if len(job.refs) > 1 and not error.is_permanent and not error.is_unreachable:
                return _Read([], job.refs)  # a single id may be the cause
            return _Read([(ref, error.outcome_of(ref)) for ref in job.refs])

    def _read_one(self, channel: Channel, ref: SecretRef) -> _Read:
        identity = {"SecretId": ref.path, "VersionId": ref.version, "VersionStage": ref.stage}
        parameters = {name: value for name, value in identity.items() if value is not None}
        answer = self.client.call(channel, "GetSecretValue", self.retries, **parameters)
        return _Read([(ref, payload(answer, ref))])

    def _read_batch(self, job: _Job) -> _Read:
        paths = [ref.path for ref in job.refs]
        answer = self.client.call(job.channel, "BatchGetSecretValue", self.retries, SecretIdList=paths)
        return _sort(answer, job)


def _sort(answer: dict[str, Any], job: _Job) -> _Read:
    """Return the answer of a batch for each of its references. References that the batch does not answer are left."""
    values = records(answer, "SecretValues") or ()
    errors = {str(error.get("SecretId")): error for error in records(answer, "Errors") or ()}
    answers: list[Answer] = []
    left: list[SecretRef] = []
    for ref in job.refs:
        value = next((value for value in values if is_named(value, ref.path)), None)
        error = AwsRequestError.of_batch(errors[ref.path], job.channel.region) if ref.path in errors else None
        if value is not None:
            answers.append((ref, payload(value, ref)))
        elif error is None or error.is_retryable:
            left.append(ref)
        else:
            answers.append((ref, error.outcome_of(ref)))
    return _Read(answers, left)
