"""Check the values of secrets: empty ones, and ones that change how a URL is read."""

from __future__ import annotations

from secretsync.core.model import Missing, Resolved
from secretsync.core.records import Record
from secretsync.core.secret import Secret
from secretsync.planning.plan import ChoicePart, EntryId, EnvironPart, PlannedEntry, PlannedPart, SecretPart
from secretsync.planning.secrecy import is_secret_part
from secretsync.planning.urls import UrlSecret, encoded_reference, is_for_url, url_secrets
from secretsync.resolving.resolve import Inputs, choose, used_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# RFC 3986 section 3: what ends a part of the URL, or the URL.
_CHANGES = {"authority": ":/?#[]@\\", "path": "?#&", "query": "?#&"}
_ENCODED = "%[0-9A-Fa-f]{2}"


class Hazard(Record, kw_only=True):
    """A value that a strict environment refuses. It has no room for the value."""

    rule: str
    message: str
    hint: str | None
    key: str
    file: str
    line: int
    is_refused: bool = True  # False: a warning in strict environments too


def find_hazards(inputs: Inputs, resolved: Mapping[EntryId, Resolved]) -> list[Hazard]:
    """Return the hazards of every entry that has a value."""
    checks = _Checks(inputs, resolved)
    return [*checks.empty(), *checks.urls()]


class _Checks:
    def __init__(self, inputs: Inputs, resolved: Mapping[EntryId, Resolved]) -> None:
        self.inputs = inputs
        self.resolved = resolved

    def used(self, part: PlannedPart) -> Sequence[PlannedPart]:
        """Return the parts that replace `part` in the value; the part itself if none do."""
        if isinstance(part, ChoicePart):
            return used_parts(part, self.resolved, self.inputs.environ) or ()
        if isinstance(part, SecretPart) and part.default is not None:
            return part.default if isinstance(choose(self.inputs, part)[1], Missing) else (part,)
        return (part,)

    def value(self, part: SecretPart | EnvironPart) -> Secret | None:
        """Return the value of a part."""
        if isinstance(part, EnvironPart):
            return Secret(self.inputs.environ.get(part.name, ""))
        chosen = choose(self.inputs, part)[1]
        return chosen if isinstance(chosen, Secret) else None

    def empty(self) -> Iterator[Hazard]:
        """Yield the secrets that are empty, unless the env file itself makes them empty."""
        for entry_id, planned in self.inputs.plan.entries.items():
            resolved = self.resolved.get(entry_id)
            # Nearly every entry: no part of it has to be selected again.
            if resolved is None or (resolved.value and all(resolved.inserted)):
                continue
            if any(map(self._is_empty, self._secret_parts(planned))):
                entry = planned.entry
                is_whole = len(planned.parts) == 1
                message = "its value is empty" if is_whole else "a secret in its value is empty"
                yield Hazard(
                    rule="empty-secret", message=message, hint=None, key=entry.key, file=entry.file, line=entry.line
                )

    def _secret_parts(self, planned: PlannedEntry) -> Iterator[SecretPart | EnvironPart]:
        stack = list(planned.parts)
        while stack:
            part = stack.pop()
            replaced = self.used(part)
            if len(replaced) != 1 or replaced[0] is not part:
                stack += replaced
            elif isinstance(part, SecretPart | EnvironPart) and is_secret_part(self.inputs.plan, planned.entry, part):
                yield part

    def _is_empty(self, part: SecretPart | EnvironPart) -> bool:
        value = self.value(part)
        is_allowed = isinstance(part, SecretPart) and part.default == ()
        return value is not None and not value and not is_allowed

    def urls(self) -> Iterator[Hazard]:
        """Yield the secrets that change how their URL is read, and those that are percent-encoded already."""
        for found in url_secrets(self.inputs.plan, self.used):
            if isinstance(found.part, SecretPart):
                index, _ = self.inputs.answers.settle(found.part)
                if is_for_url([found.part.targets[index].selector]):
                    continue
            value = self.value(found.part)
            if value is not None and (hazard := _url_hazard(found, value)) is not None:
                yield hazard


def _url_hazard(found: UrlSecret, value: Secret) -> Hazard | None:
    text = value.reveal()
    import re  # Imported only for a secret in a URL.

    refused = _CHANGES[found.place]
    is_refused = any(char in refused or char.isspace() or not (" " <= char < "\x7f" or char > "\x9f") for char in text)
    if is_refused:
        message = f"a secret in the {found.place} of this URL has characters that change how the URL is read"
    elif re.search(_ENCODED, text):
        message = f"a secret in the {found.place} of this URL contains a percent-encoding, which a client decodes"
    else:
        return None
    entry = found.planned.entry
    return Hazard(
        rule="url-encoding",
        message=message,
        hint=f"write {encoded_reference(found.part)}, or as=text if the value is encoded already",
        key=entry.key,
        file=entry.file,
        line=entry.line,
        is_refused=is_refused,
    )
