"""Write one secret of AWS: a new version with the stage AWSCURRENT, or a new secret."""

from __future__ import annotations

import uuid
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.aws.errors import outcome_of
from secretsync.providers.aws.responses import is_named, payload, stages_of
from secretsync.providers.aws_account.client import AwsClient, Channel
from secretsync.providers.aws_account.errors import AwsRequestError, garbled
from secretsync.providers.aws_account.responses import records
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.writing import Change, Written, as_written, unchanged

_NOTHING_WRITTEN = "another process created the secret at the same time; nothing was written"


def write(client: AwsClient, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
    """Write one secret. A repeated request stores nothing twice, because its ClientRequestToken is the same."""
    retries = Retries(deadline)
    for channel, _ in client.connect((ref,), retries):
        outcome: Missing | Failed
        try:
            if isinstance(channel, AwsRequestError):
                raise channel
            return _Writer(client, channel, retries, ref).write(change)
        except AwsRequestError as error:
            outcome = outcome_of(error, ref)
        return as_written(outcome)
    return retries.no_answer()


class _Writer:
    """Writes one secret. Its methods raise AwsRequestError."""

    def __init__(self, client: AwsClient, channel: Channel, retries: Retries, ref: SecretRef) -> None:
        self.client = client
        self.channel = channel
        self.retries = retries
        self.ref = ref

    def write(self, change: Change) -> Found[Written] | Failed:
        """Write the value that `change` makes of the present one."""
        versions = self._versions()
        before = _with_stage(versions or [], "AWSCURRENT")
        present: Found[Payload] | Failed | None = None
        if before is not None and change.needs_present:
            # By its id, so that the value and the version are of the same moment.
            answer = self._call("GetSecretValue", SecretId=self.ref.path, VersionId=before)
            present = payload(answer, SecretRef(self.ref.store, self.ref.path, before))
            if isinstance(present, Failed):
                return present
        new = change.apply(present.value if isinstance(present, Found) else None)
        if new is None:
            return unchanged(before)
        if isinstance(new, Failed):
            return new
        return self._create(new) if versions is None else self._put(new, before)

    def _versions(self) -> list[dict[str, Any]] | None:
        """Return the versions that have a stage; None if there is no such secret."""
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            try:
                answer = self._call("ListSecretVersionIds", SecretId=self.ref.path, **more)
            except AwsRequestError as error:
                if isinstance(outcome_of(error, self.ref), Missing) and not self.ref.path.startswith("arn:"):
                    return None
                raise
            found += records(answer, "Versions") or ()
            token = answer.get("NextToken")
            if not isinstance(token, str) or not token:
                return found
            more = {"NextToken": token}

    def _create(self, new: Payload) -> Found[Written] | Failed:
        is_taken = False
        try:
            answer = self._call("CreateSecret", Name=self.ref.path, **_stored(new))
        except AwsRequestError as error:
            if error.code != "ResourceExistsException":
                raise
            is_taken = True
        if is_taken:
            return Failed(ProblemKind.UNAVAILABLE, _NOTHING_WRITTEN, "look at it, and run the command again")
        if (after := _version_of(answer, self.ref)) is None:
            return garbled("is about another secret")
        return Found(Written(after=after, is_new=True))

    def _put(self, new: Payload, before: str | None) -> Found[Written] | Failed:
        answer = self._call("PutSecretValue", SecretId=self.ref.path, **_stored(new))
        if (after := _version_of(answer, self.ref)) is None:
            return garbled("is about another secret")
        versions = self._versions() or []
        current, previous = _with_stage(versions, "AWSCURRENT"), _with_stage(versions, "AWSPREVIOUS")
        race = None
        if current != after:
            race = f"another process wrote version {current} after this one, and it is current"
        elif previous != before:
            race = f"another process wrote version {previous} at the same time, and this one replaced it"
        return Found(Written(before=before, after=after, race=race))

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.client.call(self.channel, operation, self.retries, **parameters)


def _stored(new: Payload) -> dict[str, Any]:
    value = new.reveal()
    text = value if isinstance(value, str) else value.decode("utf-8")
    return {"SecretString": text, "ClientRequestToken": str(uuid.uuid4())}


def _version_of(answer: dict[str, Any], ref: SecretRef) -> str | None:
    version = answer.get("VersionId")
    return version if isinstance(version, str) and is_named(answer, ref.path) else None


def _with_stage(versions: list[dict[str, Any]], stage: str) -> str | None:
    found = (version.get("VersionId") for version in versions if stage in stages_of(version))
    return next((one for one in found if isinstance(one, str)), None)
