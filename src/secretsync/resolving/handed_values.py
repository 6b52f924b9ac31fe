"""Read the values that `run` handed over, and check that they are still those that it resolved."""

from __future__ import annotations

from collections.abc import Mapping

from secretsync.core.model import Origin, Resolved
from secretsync.core.records import Record
from secretsync.core.secret import Secret, variable_text
from secretsync.planning.plan import EntryId, Plan
from secretsync.project.environ_entries import FILE
from secretsync.providers.files import read_secret_file
from secretsync.resolving.handover import Handover, handed_files
from secretsync.resolving.handover_codec import content_digest, digests, value_of_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class HandedValues(Record, kw_only=True):
    """The values that `run` handed over. Says which of them are still those that `run` resolved."""

    handover: Handover
    values: Mapping[str, Secret]
    are_secrets_intact: bool
    are_settings_intact: bool

    _unseen = ("values",)

    @classmethod
    def read(cls, handover: Handover, environ: Mapping[str, str]) -> HandedValues:
        """Return the values as they are in `environ` and in the files now."""
        found: dict[str, Secret] = {}
        for name, row in handover.names.items():
            if (value := _value(name, row, environ)) is not None:
                found[name] = value
        secret = [name for name, row in handover.names.items() if row.get("secret")]
        secrets, settings = digests(bytes.fromhex(handover.key), found, secret)
        return cls(
            handover=handover,
            values=found,
            are_secrets_intact=secrets == handover.secrets,
            are_settings_intact=settings == handover.settings,
        )

    def resolved(self, plan: Plan) -> dict[EntryId, Resolved]:
        """Return the entries of `plan` that `run` resolved; none if a secret was changed since."""
        if not self.are_secrets_intact:
            return {}
        found: dict[EntryId, Resolved] = {}
        key_of_digests = bytes.fromhex(self.handover.key)
        shown = {**{handed: here for here, handed in handed_files(plan.project).items()}, FILE: FILE}
        for name, value in self.values.items():
            row = self.handover.names[name]
            # The row has the name of a file that does not exist any more.
            key = self.handover.entry_key(name)
            entry_id = (shown.get(row["file"], row["file"]), key)
            if (planned := plan.entries.get(entry_id)) is None:
                continue
            entry = planned.entry
            origin = Origin(
                key=key,
                file=entry.file,
                line=entry.line,
                service=entry.service,
                is_secret=bool(row.get("secret")),
                references=tuple(row.get("references", ())),
                stores=tuple(row.get("stores", ())),
                versions=tuple(row.get("versions", ())),
            )
            found[entry_id] = Resolved(
                entry,
                value,
                origin,
                (value,),
                is_from_store=origin.is_secret,
                contents=(value,) if row.get("digests") == [content_digest(key_of_digests, value)] else (),
            )
        return found


def _value(name: str, row: Mapping[str, Any], environ: Mapping[str, str]) -> Secret | None:
    """Return the value of `name` in its variables or its file; None if it does not exist any more."""
    path = row.get("path")
    if "pieces" in row:
        return value_of_variables(name, row["pieces"], environ)
    if path is None:
        return Secret(variable_text(environ[name])) if name in environ else None
    data = read_secret_file(path)
    return Secret(data.decode("utf-8", "surrogateescape")) if isinstance(data, bytes) else None
