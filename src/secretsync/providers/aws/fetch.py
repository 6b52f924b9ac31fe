"""Read values from AWS: a few secrets one by one and in parallel, many secrets twenty at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from secretsync.core.model import Failed, SecretRef
from secretsync.core.records import Record
from secretsync.providers.aws.errors import batch_error, outcome_of
from secretsync.providers.aws.responses import is_named, payload
from secretsync.providers.aws_account.client import AwsClient, Channel
from secretsync.providers.aws_account.error_codes import THROTTLED
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.aws_account.responses import records
from secretsync.providers.interface import Answer, Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.threads import answer_all, run_in_threads

_BATCH = 20  # ids that BatchGetSecretValue takes
# Up to this number secrets are read one by one, because that needs no right but GetSecretValue, and at 20 ms takes only
# a tenth longer.
_FEW = 4


class _Job(Record):
    """One request: for a single secret, or for a batch."""

    channel: Channel
    refs: tuple[SecretRef, ...]


class _Read(Record):
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
            yield from ((ref, outcome_of(channel, ref)) for ref in some)
        else:
            jobs += _divide(channel, some, singly=client.batch_is_refused)
    reader, is_warned = _Reader(client, retries), client.batch_is_refused
    while jobs:
        again: list[_Job] = []
        for job, read in run_in_threads(reader.read, jobs, workers=client.workers, deadline=retries.deadline):
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
    import logging  # Imported only for a warning: it takes a tenth of the time of a start.

    log = logging.getLogger(__name__)
    if code in THROTTLED:
        log.warning("%s: BatchGetSecretValue has too many requests (%s): secrets are read one by one", store, code)
        return
    log.warning(
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
        is_batch = len(job.refs) > 1
        try:
            if is_batch:
                return self.retries.run(_BatchRead(self, job))
            return _Read([self.read_one(job.channel, job.refs[0], self.client.call)])
        except AwsRequestError as error:
            if is_batch and error.is_denied and not error.is_permanent:
                return _Read([], job.refs, error.code)
            if is_batch and not (error.is_permanent or error.is_unreachable or error.is_throttled):
                return _Read([], job.refs)  # a single id may be the cause
            return _Read([(ref, outcome_of(error, ref)) for ref in job.refs])

    def read_one(self, channel: Channel, ref: SecretRef, call: Callable[..., dict[str, Any]]) -> Answer:
        """Return the answer for one secret. `call`: a method of the client. Raises AwsRequestError."""
        identity = {"SecretId": ref.path, "VersionId": ref.version, "VersionStage": ref.stage}
        parameters = {name: value for name, value in identity.items() if value is not None}
        return ref, payload(call(channel, "GetSecretValue", self.retries, **parameters), ref)

    def read_batch(self, job: _Job) -> _Read:
        """Return the answer to one request for a batch. Raises AwsRequestError."""
        paths = [ref.path for ref in job.refs]
        answer = self.client.send(job.channel, "BatchGetSecretValue", self.retries, SecretIdList=paths)
        return _sort(answer, job)


class _BatchRead:
    """The tries of a batch. If batches are throttled, one of its secrets is read by itself.

    Single reads have a quota of their own that is a hundred times as large, so that the first single read follows at
    once. If it is throttled too, a batch and a single read take turns: an endpoint before AWS may have one quota for
    all requests, of which a batch needs the least, and twice as many requests would make the throttling worse.
    """

    def __init__(self, reader: _Reader, job: _Job) -> None:
        self._reader = reader
        self._job = job
        self._is_single = False  # the next request
        self._throttled: str | None = None  # the code with which the last batch was throttled

    def __call__(self) -> _Read:
        """Send the next request, and return its result. Raises AwsRequestError."""
        if self._is_single:
            self._is_single = False
            return self._read_single()
        is_first, self._is_single = self._throttled is None, True
        try:
            return self._reader.read_batch(self._job)
        except AwsRequestError as error:
            if not error.is_throttled:
                self._is_single = False
                raise
            self._throttled = error.code
            if not is_first:
                raise
        self._is_single = False
        return self._read_single()

    def _read_single(self) -> _Read:
        """Return the answer for the first secret. The others are left to single reads."""
        ref, *left = self._job.refs
        try:
            answer = self._reader.read_one(self._job.channel, ref, self._reader.client.send)
        except AwsRequestError as error:
            if error.is_retryable or error.is_permanent:
                raise
            answer = (ref, outcome_of(error, ref))
        return _Read([answer], left, self._throttled)


def _sort(answer: dict[str, Any], job: _Job) -> _Read:
    """Return the answer of a batch for each of its references. References that the batch does not answer are left."""
    values = records(answer, "SecretValues") or ()
    named = {value.get("Name"): value for value in values if isinstance(value.get("Name"), str)}
    errors = {str(error.get("SecretId")): error for error in records(answer, "Errors") or ()}
    answers: list[Answer] = []
    left: list[SecretRef] = []
    for ref in job.refs:
        value = named.get(ref.path)  # the answer for a name; it need not be the one for an ARN
        if value is None or not is_named(value, ref.path):
            value = next((value for value in values if is_named(value, ref.path)), None)
        error = batch_error(errors[ref.path], job.channel.region) if ref.path in errors else None
        if value is not None:
            answers.append((ref, payload(value, ref)))
        elif error is None or error.is_retryable:
            left.append(ref)
        else:
            answers.append((ref, outcome_of(error, ref)))
    return _Read(answers, left)
