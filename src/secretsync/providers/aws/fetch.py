"""The values of secrets: few singly and side by side, many twenty at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from secretsync.core.model import Failed, SecretRef
from secretsync.providers.aws.client import WORKERS, Calls
from secretsync.providers.aws.errors import outcome
from secretsync.providers.aws.refusal import Refusal
from secretsync.providers.aws.responses import is_named, payload
from secretsync.providers.interface import Answer, Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.threads import answer_all, run_in_threads

__all__ = ["fetch"]

_log = logging.getLogger(__name__)

_BATCH = 20  # ids that BatchGetSecretValue takes
# So few are read singly: it needs no right but GetSecretValue, and takes a tenth longer at 20 ms.
_FEW = 4


class _Job(NamedTuple):
    """One request: for a single secret, or for a batch."""

    client: Any
    refs: tuple[SecretRef, ...]


class _Read(NamedTuple):
    """What came of a job. `left`: still to be read singly; `refused`: why batches are of no use here."""

    answers: Sequence[Answer]
    left: Sequence[SecretRef] = ()
    refused: str | None = None


def fetch(calls: Calls, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
    """The answers for `refs` as they come."""
    retries = Retries(deadline)
    return answer_all(refs, _fetch(calls, refs, retries), retries.no_answer)


def _fetch(calls: Calls, refs: Sequence[SecretRef], retries: Retries) -> Iterator[Answer]:
    jobs: list[_Job] = []
    for client, some in calls.connect(refs, retries):
        if isinstance(client, Refusal):
            yield from ((ref, outcome(client, ref)) for ref in some)
        else:
            jobs += _divide(client, some, singly=calls.batch_is_refused)
    reader = _Reader(calls, retries)
    while jobs:
        again: list[_Job] = []
        for job, read in run_in_threads(reader.read, jobs, workers=WORKERS, deadline=retries.deadline):
            if isinstance(read, Failed):
                yield from ((ref, read) for ref in job.refs)
                continue
            if read.refused is not None and not calls.batch_is_refused:
                calls.batch_is_refused = True
                _warn(calls.store, read.refused)
            yield from read.answers
            again += [_Job(job.client, (ref,)) for ref in read.left]
        jobs = again


def _divide(client: Any, refs: Sequence[SecretRef], *, singly: bool) -> Iterator[_Job]:
    """The requests that `refs` need. A batch knows no versions: it has what is AWSCURRENT."""
    current = [ref for ref in refs if ref.version is None and ref.stage is None]
    pinned = [ref for ref in refs if ref.version is not None or ref.stage is not None]
    if singly or len(current) <= _FEW:
        current, pinned = [], [*current, *pinned]
    for start in range(0, len(current), _BATCH):
        yield _Job(client, tuple(current[start : start + _BATCH]))
    for ref in pinned:
        yield _Job(client, (ref,))


def _warn(store: str, code: str) -> None:
    _log.warning(
        "%s: BatchGetSecretValue was refused (%s): secrets are read one by one; "
        "the right secretsmanager:BatchGetSecretValue lets twenty be read at a time",
        store,
        code,
    )


class _Reader:
    """Reads values until a deadline."""

    def __init__(self, calls: Calls, retries: Retries) -> None:
        self.calls = calls
        self.retries = retries

    def read(self, job: _Job) -> _Read:
        """What came of `job`."""
        return self._read_one(job.client, job.refs[0]) if len(job.refs) == 1 else self._read_batch(job)

    def _read_one(self, client: Any, ref: SecretRef) -> _Read:
        asked = {"SecretId": ref.path, "VersionId": ref.version, "VersionStage": ref.stage}
        parameters = {name: value for name, value in asked.items() if value is not None}
        answer = self.calls.call(client, "GetSecretValue", self.retries, **parameters)
        return _Read([(ref, outcome(answer, ref) if isinstance(answer, Refusal) else payload(answer, ref))])

    def _read_batch(self, job: _Job) -> _Read:
        paths = [ref.path for ref in job.refs]
        answer = self.calls.call(job.client, "BatchGetSecretValue", self.retries, SecretIdList=paths)
        if isinstance(answer, Refusal):
            if answer.is_throttled or answer.is_denied:
                return _Read([], job.refs, answer.code)
            if answer.is_permanent or answer.is_unreachable:
                return _Read([(ref, outcome(answer, ref)) for ref in job.refs])
            return _Read([], job.refs)  # it may be the fault of a single id
        return _sort(answer, job.refs)


def _sort(answer: dict[str, Any], refs: Sequence[SecretRef]) -> _Read:
    """What a batch says of each of its ids. One that it says nothing of is read singly."""
    values = [value for value in answer.get("SecretValues") or () if isinstance(value, dict)]
    errors = {error.get("SecretId"): error for error in answer.get("Errors") or () if isinstance(error, dict)}
    answers: list[Answer] = []
    left: list[SecretRef] = []
    for ref in refs:
        value = next((value for value in values if is_named(value, ref.path)), None)
        refusal = Refusal.of_batch(errors[ref.path]) if ref.path in errors else None
        if value is not None:
            answers.append((ref, payload(value, ref)))
        elif refusal is None or refusal.is_temporary:
            left.append(ref)
        else:
            answers.append((ref, outcome(refusal, ref)))
    return _Read(answers, left)
