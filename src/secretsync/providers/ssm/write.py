"""Write one parameter of Parameter Store: a new version, or a new parameter of the type SecureString."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.aws_account.client import AwsClient, Channel
from secretsync.providers.aws_account.errors import AwsRequestError, garbled
from secretsync.providers.aws_account.responses import records
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.ssm.describe import find
from secretsync.providers.ssm.errors import outcome_of
from secretsync.providers.ssm.responses import is_meant, name_of, payload, version_of
from secretsync.providers.writing import Change, Written, as_written, unchanged

_NOTHING_WRITTEN = "another process created the parameter at the same time; nothing was written"
# A request that does not have them would set them to the default, or remove them.
_KEPT = ("Type", "KeyId", "Tier", "DataType", "Description", "AllowedPattern")


def write(client: AwsClient, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
    """Write one parameter. The request that stores the value is sent once, because AWS would store it twice."""
    retries = Retries(deadline)
    for channel, _ in client.connect((ref,), retries):
        try:
            if isinstance(channel, AwsRequestError):
                raise channel
            return _Writer(client, channel, retries, ref).write(change)
        except AwsRequestError as error:
            outcome = outcome_of(error, ref)
        return as_written(outcome)
    return retries.no_answer()


class _Writer:
    """Writes one parameter. Its methods raise AwsRequestError."""

    def __init__(self, client: AwsClient, channel: Channel, retries: Retries, ref: SecretRef) -> None:
        self.client = client
        self.channel = channel
        self.retries = retries
        self.ref = ref

    def write(self, change: Change) -> Found[Written] | Failed:
        """Write the value that `change` makes of the present one."""
        found = find(self.client, self.channel, [self.ref.path], self.retries)
        if isinstance(found, Failed):
            return found
        metadata = found.get(self.ref.path)
        before = None if metadata is None else version_of(metadata)
        present: Found[Payload] | Failed | None = None
        if before is not None and change.needs_present:
            present = self._read(SecretRef(self.ref.store, self.ref.path, before))
            if isinstance(present, Failed):
                return present
        new = change.apply(present.value if isinstance(present, Found) else None)
        if new is None:
            return unchanged(before)
        if isinstance(new, Failed):
            return new
        return self._create(new) if metadata is None else self._replace(new, metadata, before)

    def _read(self, ref: SecretRef) -> Found[Payload] | Failed:
        """Return the value of one version, so that value and version are of the same moment."""
        answer = self.client.call(
            self.channel, "GetParameters", self.retries, Names=[name_of(ref)], WithDecryption=True
        )
        for record in records(answer, "Parameters") or ():
            if is_meant(record, ref):
                return payload(record, ref)
        return garbled("does not have the parameter")

    def _create(self, new: Payload) -> Found[Written] | Failed:
        if self.ref.path.startswith("arn:"):
            cause = "there is no such parameter in this account and region"
            return Failed(ProblemKind.UNUSABLE, cause, "name a new parameter by its name, without an ARN")
        is_taken = False
        try:
            answer = self._put(new, {"Type": "SecureString", "Overwrite": False})
        except AwsRequestError as error:
            if error.code != "ParameterAlreadyExists":
                raise
            is_taken = True
        if is_taken:
            return Failed(ProblemKind.UNAVAILABLE, _NOTHING_WRITTEN, "look at it, and run the command again")
        if (after := version_of(answer)) is None:
            return garbled("has no version")
        return Found(Written(after=after, is_new=True))

    def _replace(self, new: Payload, metadata: Mapping[str, Any], before: str | None) -> Found[Written] | Failed:
        kept = {name: metadata[name] for name in _KEPT if metadata.get(name)}
        if policies := _policies(metadata):
            kept["Policies"] = policies
        after = version_of(self._put(new, {**kept, "Overwrite": True}, str(metadata.get("Name"))))
        if after is None:
            return garbled("has no version")
        race = None
        if before is not None and int(after) != int(before) + 1:
            race = f"another process wrote version {int(after) - 1} at the same time, and this one replaced it"
        return Found(Written(before=before, after=after, race=race))

    def _put(self, new: Payload, how: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        value = new.reveal()
        text = value if isinstance(value, str) else value.decode("utf-8")
        once = Retries(self.retries.deadline, once=True)
        return self.client.call(self.channel, "PutParameter", once, Name=name or self.ref.path, Value=text, **how)


def _policies(metadata: Mapping[str, Any]) -> str | None:
    """Return the policies of a parameter as a request has them: one JSON list."""
    found = records(metadata, "Policies") or ()
    texts = [text for policy in found if isinstance(text := policy.get("PolicyText"), str)]
    try:
        return json.dumps([json.loads(text) for text in texts]) if texts else None
    except ValueError:
        return None
