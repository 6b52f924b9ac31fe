"""Decide for each imported entry: a setting, a secret, or a URL whose password is a secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from urllib.parse import quote, unquote

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.model import Entry
from secretsync.core.names import is_entry_name
from secretsync.core.recognition.secret_patterns import HOLE, may_be_secret
from secretsync.core.secret import Hidden, Secret
from secretsync.moving.source_entry import SourceEntry
from secretsync.policy.plaintext import plaintext_finding, written
from secretsync.policy.policy import Policy

_LEAST_REPEATED = 6  # characters of a secret that are looked for in other values and in comments
_URL = re.compile(r"(?s)([A-Za-z][A-Za-z0-9+.-]*://[^\s/@:?#]*:)([^\s/@?#$]+)(@.*)")
# A password that is not percent-encoded, although it has /, ?, #, @ or white space. Drivers read such URLs in
# different ways, so that all of the URL is one secret. A port is not a password.
_RAW_PASSWORD = re.compile(r"(?s)://[^\s/@:?#]*:(?!\d{1,5}(?:[/?#]|\Z))[^$\0].*@")
_ENCODED_PARAMETER = re.compile(r"(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|key)\s?=\s?['\"]?%[0-9a-f]{2}")


class Kind(StrEnum):
    """What becomes of an entry."""

    SETTING = "setting"
    SECRET = "secret"  # noqa: S105 - a kind
    URL = "url"


class Classified(Hidden):
    """An entry with its kind, the text that is written, and the secrets that go into the store, by name."""

    __slots__ = ("entry", "kind", "reason", "secrets", "text")

    def __init__(
        self, entry: SourceEntry, kind: Kind, text: str, reason: str, secrets: dict[str, Secret] | None = None
    ) -> None:
        self.entry = entry
        self.kind = kind
        self.text = Secret(text)
        self.reason = reason
        self.secrets = secrets or {}


def classify(
    entries: Sequence[SourceEntry], policy: Policy, secrets: Collection[str], settings: Collection[str]
) -> tuple[Classified, ...]:
    """Return each entry with its kind. `secrets`, `settings`: keys whose kind the user decided.

    Raises ConfigurationError for entries that need a decision.
    """
    problems: list[Problem] = []
    kinds: dict[str, tuple[Kind, str]] = {}
    for entry in entries:
        kinds[entry.key] = _kind(entry, policy, secrets, settings)
    _spread(entries, kinds, settings)
    wholes = {entry.key: entry.value for entry in entries if kinds[entry.key][0] is Kind.SECRET and entry.value}
    taken = {entry.key for entry in entries}
    found = []
    for entry in entries:
        kind, reason = kinds[entry.key]
        made = _url(entry, policy, wholes, taken, reason) if kind is Kind.URL else None
        if made is not None:
            taken.update(made.secrets)
        elif kind is Kind.SETTING:
            text = _safe_in_urls(entry.text.reveal(), wholes) if _value_of(entry) else ""
            made = Classified(entry, kind, text, reason)
        elif entry.value is None:
            problems.append(_undecided(entry, reason))
            continue
        else:
            made = Classified(entry, Kind.SECRET, f"$<{entry.key}>", reason, {entry.key: entry.value})
        found.append(made)
    if problems:
        raise ConfigurationError(problems)
    return tuple(found)


def _kind(entry: SourceEntry, policy: Policy, secrets: Collection[str], settings: Collection[str]) -> tuple[Kind, str]:
    if not _value_of(entry):
        return Kind.SETTING, ""  # an empty secret would be an error in a strict environment
    if entry.key in secrets:
        return Kind.SECRET, "--secret"
    if not entry.is_exact:
        return Kind.SECRET, "an env file cannot hold this value"
    if entry.key in settings:
        return Kind.SETTING, "--setting"
    made = _judged(entry)
    literal, _ = written(made)
    if (finding := plaintext_finding(made, policy)) is not None:
        return (Kind.URL if finding.rule == "plaintext-url" else Kind.SECRET), finding.rule
    if _RAW_PASSWORD.search(literal) or _ENCODED_PARAMETER.search(literal):
        return Kind.SECRET, "plaintext-url"
    # The name of a secret with text of its own around a variable.
    own = literal.replace(HOLE, "").strip()
    if policy.is_sensitive(entry.key) and own and "://" not in literal and may_be_secret(own):
        return Kind.SECRET, "plaintext-name"
    return Kind.SETTING, ""


def _value_of(entry: SourceEntry) -> str:
    """Return the value of an entry, or its text if the value depends on the process environment."""
    return (entry.text if entry.value is None else entry.value).reveal()


def _judged(entry: SourceEntry) -> Entry:
    return Entry(
        key=entry.key,
        text=entry.text.reveal(),
        literal=False,
        file=entry.file,
        line=entry.line,
        service=None,
        source="",
    )


def _spread(entries: Iterable[SourceEntry], kinds: dict[str, tuple[Kind, str]], settings: Collection[str]) -> None:
    """Make a secret of each setting that repeats the value of a secret, or the password of a URL."""
    values = []
    for entry in entries:
        kind, match = kinds[entry.key][0], _URL.fullmatch(entry.text.reveal())
        if kind is Kind.SECRET and entry.value:
            values.append(entry.value.reveal())
        elif kind is Kind.URL and match:
            values += [match[2], unquote(match[2])]
    for entry in entries:
        is_open = kinds[entry.key][0] is Kind.SETTING and entry.key not in settings
        # A variable leads to the secret, and the text itself does not hold it.
        if is_open and holds_secret(entry.text.reveal(), values) and holds_secret(_value_of(entry), values):
            kinds[entry.key] = Kind.SECRET, "it repeats a secret"


def _url(
    entry: SourceEntry, policy: Policy, wholes: dict[str, Secret], taken: Collection[str], reason: str
) -> Classified | None:
    """Return a URL whose password is a secret of its own; None if that would change the value."""
    match = _URL.fullmatch(entry.text.reveal())
    if match is None:
        return None
    before, raw, after = match.groups()
    if "@" in after[1:]:
        return None  # the password may go on to the last @
    try:
        password = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        return None
    if quote(password, safe="") != raw or "\0" in password or password in (before + after):
        return None
    name = next((key for key, value in wholes.items() if value.reveal() == password and is_entry_name(key)), None)
    name = name or _free_name(entry.key, taken)
    text = f"{before}$<{name}?as=url>{after}"
    rest = SourceEntry(entry.key, text, None, file=entry.file, line=entry.line)
    if plaintext_finding(_judged(rest), policy) is not None:
        return None
    return Classified(entry, Kind.URL, text, reason, {name: Secret(password)})


def _free_name(key: str, taken: Collection[str]) -> str:
    """Return a name for the password of a URL: DATABASE_PASSWORD for DATABASE_URL."""
    base = re.sub(r"(?:_?(?:URL|URI|DSN))?\Z", "", re.sub(r"[^A-Za-z0-9_]", "_", key), count=1)
    name = wanted = f"{base}_PASSWORD" if base else "PASSWORD"
    number = 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _safe_in_urls(text: str, wholes: dict[str, Secret]) -> str:
    """Return a text in which a secret of a URL is inserted as it is, since the password is not percent-encoded."""
    if "://" not in text:
        return text

    def placeholder(match: re.Match[str]) -> str:
        is_escaped = len(match[1]) % 2 == 1
        return match[0] if is_escaped or match[2] not in wholes else f"{match[1]}$<{match[2]}?as=text>"

    return re.sub(r"(\$*)\$\{([A-Za-z_][A-Za-z0-9_]*)\}", placeholder, text)


def _undecided(entry: SourceEntry, reason: str) -> Problem:
    cause = f"it mixes a secret with a variable of the process environment ({reason})"
    hint = f"write the whole value into {entry.file}, or say that it is a setting: --setting {entry.key}"
    if not entry.is_exact:  # a decision would not help
        cause = "a variable of the process environment is in a text that an env file of SecretSync cannot hold"
        hint = f"write the value without the variable into {entry.file}"
    return Problem(
        kind=ProblemKind.CONFIGURATION, file=entry.file, line=entry.line or None, key=entry.key, cause=cause, hint=hint
    )


def holds_secret(text: str, values: Iterable[str]) -> bool:
    """Return True if a text holds one of these values, as it is or percent-encoded."""
    return any(form in text for value in values if len(value) >= _LEAST_REPEATED for form in (value, quote(value, "")))
