"""Which texts of env files a history may hold: none that is a secret, or a part of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from secretsync.core.model import Entry
from secretsync.core.names import SensitiveNames
from secretsync.core.recognition.secret_patterns import HOLE, has_password, has_private_key, known_token, looks_random
from secretsync.core.records import Record, replace
from secretsync.planning.secrecy import is_secret_reference, is_secret_variable, password_parts
from secretsync.policy.plaintext import written
from secretsync.project.placeholders import Placeholder, Variable, parse_value, references
from secretsync.tracking.history import EntryState, EnvironmentState, HistoryRecord

_PROCESS_ENVIRONMENT = "env"  # the provider whose values may be settings


class TextRule(Record, kw_only=True):
    """The rule that decides if the text of an entry may be recorded."""

    names: SensitiveNames
    providers: Mapping[str, str]  # of each store
    private: frozenset[str]  # keys of entries that a secret is made of: with DB_PASSWORD=${PART}, PART

    def may_hold_secret(self, entry: Entry) -> bool:
        """Return True if the text of `entry` may be a secret, or a part of one."""
        if self._holds_secret(entry):
            return True
        # A history does not tell literal values from others: what is read from it later must be judged the same.
        return entry.literal and self._holds_secret(replace(entry, literal=False))

    def _holds_secret(self, entry: Entry) -> bool:
        literal, defaults = written(entry)
        texts = [literal, *defaults]
        is_private = self.names.is_sensitive(entry.key) or entry.key in self.private
        if is_private and any(text.replace(HOLE, "") for text in texts):
            return True
        if any(part.default and self._is_secret(entry, part) for part in _references(entry)):
            return True
        return _looks_secret(entry, texts)

    def _is_secret(self, entry: Entry, part: Placeholder | Variable) -> bool:
        """Return True if the default of `part` replaces a secret."""
        if isinstance(part, Variable):
            return is_secret_variable(self.names, entry, part.name)
        return is_secret_reference(self.names, entry, part.reference, self._is_secret_store)

    def _is_secret_store(self, store: str) -> bool:
        return self.providers.get(store, store) != _PROCESS_ENVIRONMENT


def text_rule(entries: Iterable[Entry], names: SensitiveNames, providers: Mapping[str, str]) -> TextRule:
    """Return the rule for the texts of `entries`. `providers`: the provider of each store."""
    return TextRule(names=names, providers=providers, private=_made_of(entries, names))


def _made_of(entries: Iterable[Entry], names: SensitiveNames) -> frozenset[str]:
    """Return the keys that entries with sensitive names, or the passwords in URLs, are made of."""
    variables: dict[str, set[str]] = {}
    stack: list[str] = []
    for entry in entries:
        parts = [] if entry.literal or "$" not in entry.text else parse_value(entry.text).parts
        if all(isinstance(part, Variable) for part in parts):
            names_in_words = (part.name for part in references(parts) if isinstance(part, Variable))
            variables.setdefault(entry.key, set()).update(names_in_words)
        stack += [part.name for part in password_parts(parts) if isinstance(part, Variable)]
    found: set[str] = set(stack)
    stack += [key for key in variables if names.is_sensitive(key)]
    while stack:
        following = variables.get(stack.pop(), set()) - found
        found |= following
        stack += following
    return frozenset(found)


def _references(entry: Entry) -> list[Placeholder | Variable]:
    if entry.literal or "$" not in entry.text:
        return []
    return list(references(parse_value(entry.text).parts))


def _looks_secret(entry: Entry, texts: Sequence[str]) -> bool:
    if has_private_key(entry.text) or known_token(entry.text) or any(map(has_password, texts)):
        return True
    return any(looks_random(entry.key, part) for text in texts for part in text.split(HOLE))


def without_secrets(
    records: Iterable[HistoryRecord], names: SensitiveNames
) -> tuple[tuple[HistoryRecord, ...], tuple[str, ...]]:
    """Return `records` without the texts that may not be recorded, and the keys of these texts, sorted.

    An earlier version of SecretSync may have recorded such texts, because its list of sensitive names was shorter.
    """
    cleaned, keys = [], set[str]()
    for record in records:
        state, found = _without_secrets(record.state, names)
        cleaned.append(replace(record, state=state) if found else record)
        keys |= found
    return tuple(cleaned), tuple(sorted(keys))


def _without_secrets(state: EnvironmentState, names: SensitiveNames) -> tuple[EnvironmentState, set[str]]:
    entries = [_as_entry(entry) for entry in state.entries]
    rule = text_rule(entries, names, {store.name: store.provider for store in state.stores})
    judged = list(zip(state.entries, entries, strict=True))
    removed: Collection[int] = {
        index for index, (was, entry) in enumerate(judged) if was.value is not None and rule.may_hold_secret(entry)
    }
    kept = tuple(replace(was, value=None) if index in removed else was for index, was in enumerate(state.entries))
    return replace(state, entries=kept), {state.entries[index].key for index in removed}


def _as_entry(recorded: EntryState) -> Entry:
    text = recorded.value or ""
    entry = Entry(
        key=recorded.key,
        text=text,
        literal=False,
        file=recorded.file,
        line=0,
        service=recorded.service,
        source="",
    )
    has_placeholder = any(isinstance(part, Placeholder) for part in _references(entry))
    # Each placeholder of a value that is not literal has a source.
    return replace(entry, literal=has_placeholder and not recorded.sources)
