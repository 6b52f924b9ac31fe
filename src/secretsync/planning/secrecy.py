"""Which entries of a plan are secret entries: the one answer that every feature asks for.

An entry is secret if one of these is true:

(a) a part of its value comes from a store other than the process environment, or would be requested from one;
(b) it contains a bare name, `$<NAME>`, whichever store answers;
(c) it is in security.env and contains a placeholder, or a variable that no file defines;
(d) its key, or a variable or reference path that it uses, has a sensitive name;
(e) it uses, through a variable, a secret entry;
(f) a part of its value has the shape of a secret (a URL with a password, a known token, a private key), or is in the
    place of a password.

Every other entry is a setting. Rule (f) is applied to a value as it is written, and again to the value as it is
resolved: a variable of the process environment may hold a URL with a password.
"""

from __future__ import annotations

from secretsync.core.light import TypeVar
from secretsync.core.model import Entry
from secretsync.core.names import SensitiveNames
from secretsync.planning.plan import EntryId, EntryPart, EnvironPart, Plan, PlannedEntry, SecretPart, walk
from secretsync.project.layout import is_security_file
from secretsync.project.placeholders import BareName, Placeholder, Reference, Text, Variable, parse_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

T = TypeVar("T")

# What a text with the shape of a secret contains at least. Only then the patterns are imported and tried. The signs are
# grouped by a character that they contain, so that most texts are searched for few of them.
_SIGNS = (
    ("", ("AKIA", "ASIA", "xox", "AIza", "eyJ", "AccountKey=", "LS0tLS1CRUdJTi")),
    (
        "_",
        (
            *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk_live_", "sk_test_", "rk_live_", "rk_test_"),
            *("whsec_", "npm_", "dop_v1_", "doo_v1_", "dor_v1_"),
        ),
    ),
    (
        "-",
        (
            *("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "GOCSPX-", "pypi-", "sk-ant-", "sk-proj-"),
            *("-----BEGIN", "AGE-SECRET-KEY-1", "PuTTY-User-Key-File-"),
        ),
    ),
    (".", ("hooks.slack.com/", "SG.", "hvs.", "hvb.")),
)
_SHORTEST_SIGN = 15  # characters of the shortest known token
_WORDS_BEFORE_PASSWORDS = ("pass", "pwd", "key", "secret", "token", "authorization")
# Each of these words is before a mark of this kind, or in a line with a word of the second list.
_MARKS = frozenset("=:-")
_WORDS_OF_FILES = ("machine", "default", "requirepass")
# Options and schemes that are before a password. A space is before an option, also at the start of a text.
_OPTIONS_BEFORE_PASSWORDS = (
    " -p",
    " -a",
    " -u",
    " -w",
    " --user",
    " --proxy-user",
    " --auth",
    "curl ",
    "masterauth",
    "basic",
    "bearer",
)


def secret_entries(plan: Plan, known: Collection[EntryId] = ()) -> frozenset[EntryId]:
    """Return the secret entries of `plan`.

    `known`: secret entries that variables of the plan use and that the plan itself does not contain.
    """
    secret: set[EntryId] = {*known, *_entries_of_passwords(plan)}
    # Every entry is after those that its variables use.
    is_sensitive = plan.names.is_sensitive
    for entry_id, planned in plan.entries.items():
        if entry_id in secret:
            continue
        text = planned.text
        if text is None or planned.variables:
            is_secret = _is_secret(plan, planned, secret)
        else:
            is_secret = is_sensitive(planned.entry.key) or has_secret_shape(text)
        if is_secret:
            secret.add(entry_id)
    return frozenset(secret)


def _is_secret(plan: Plan, planned: PlannedEntry, secret: Collection[EntryId]) -> bool:
    entry = planned.entry
    return (
        plan.names.is_sensitive(entry.key)
        or any(is_secret_variable(plan.names, entry, name) for name in planned.variables)
        or any(is_secret_part(plan, entry, part) for part in planned.all_parts)
        or any(isinstance(part, EntryPart) and part.entry in secret for part in planned.all_parts)
        or any(has_secret_shape(text) for text in _texts(planned))
        or bool(password_parts(planned.parts))
    )


def _texts(planned: PlannedEntry) -> list[str]:
    """Return the texts that are written in a value, also in defaults and words, and the text around its other parts."""
    texts = [part.text for part in planned.all_parts if isinstance(part, Text)]
    if len(planned.parts) > 1:  # A password may be written around a variable: postgres://${USER}:text@host
        texts.append("".join(part.text if isinstance(part, Text) else "\0" for part in planned.parts))
    return texts


def _entries_of_passwords(plan: Plan) -> set[EntryId]:
    """Return the entries that variables put into the place of a password, and all that these are made of."""
    found: set[EntryId] = set()
    several = (one.parts for one in plan.entries.values() if one.text is None)
    places = (part for parts in several for part in walk(password_parts(parts)))
    stack = [part.entry for part in places if isinstance(part, EntryPart)]
    while stack:
        entry_id = stack.pop()
        if entry_id not in found:
            found.add(entry_id)
            planned = plan.entries.get(entry_id)
            stack += (
                [] if planned is None else [part.entry for part in planned.all_parts if isinstance(part, EntryPart)]
            )
    return found


def has_secret_shape(text: str) -> bool:
    """Return True if a password, a known token or a private key is in `text`."""
    is_long = len(text) >= _SHORTEST_SIGN
    if not is_long and text.isalnum():  # a number or a word, as many settings
        return False
    if not (is_long and _has_sign(text)) and not _may_have_password(text):
        return False
    from secretsync.core.recognition.secret_patterns import has_password, has_private_key, known_token

    return has_password(text) or has_private_key(text) or known_token(text) is not None


def _has_sign(text: str) -> bool:
    for mark, signs in _SIGNS:
        if mark in text:
            for sign in signs:
                if sign in text:
                    return True
    return False


def _may_have_password(text: str) -> bool:
    """Return False if no password can be in `text`. This spares the patterns and their import in nearly all cases."""
    if "@" in text and ("/" in text or "(" in text):  # a URL, or the notation of a driver
        return True
    is_command = len(text.split(None, 1)) > 1 or "%20" in text
    if not is_command and "=" not in text and not (":" in text and ("'" in text or '"' in text)):
        return False
    lowered = f" {text.lower()}"
    if is_command and any(option in lowered for option in _OPTIONS_BEFORE_PASSWORDS):
        return True
    # A sentence about a secret has none of the marks, and no word that begins a line of netrc or of redis.conf.
    may_name = not _MARKS.isdisjoint(text) or any(word in lowered for word in _WORDS_OF_FILES)
    return may_name and any(word in lowered for word in _WORDS_BEFORE_PASSWORDS)


def password_parts(parts: Sequence[T]) -> list[T]:
    """Return the parts, except text, that are in the place of a password: https://user:${PART}@host, Pwd=${PART}."""
    if len(parts) < 2:
        return []
    text = "".join(part.text if isinstance(part, Text) else "\0" for part in parts)
    if not _may_have_password(text):
        return []
    from secretsync.core.recognition.secret_patterns import holes_of_passwords

    numbers = holes_of_passwords(text)
    others = [part for part in parts if not isinstance(part, Text)]
    return [part for number, part in enumerate(others) if number in numbers]


def is_secret_part(plan: Plan, entry: Entry, part: object) -> bool:
    """Return True if `part`, a placeholder or a variable of the process environment, makes `entry` secret by itself."""
    planned = plan.entries.get((entry.file, entry.key))
    if planned is not None and part in password_parts(planned.parts):
        return True
    if isinstance(part, EnvironPart):
        return is_secret_variable(plan.names, entry, part.name)
    if not isinstance(part, SecretPart):
        return False
    if part.name is not None:
        return True
    return any(
        _is_secret_place(plan.names, entry, target.ref.path, target.selector.field)
        or plan.is_secret_store(target.store)
        for target in part.targets
    )


def is_secret_written(plan: Plan, entry: Entry, part: Placeholder | Variable) -> bool:
    """Return True if `part`, as an env file has it, makes `entry` secret by itself; a store is not asked.

    `entry` may be one that the plan does not contain, because a higher file defines its key too.
    """
    if part in password_parts(parse_value(entry.text).parts):
        return True
    if isinstance(part, Variable):
        planned = plan.entries.get((entry.file, entry.key))
        parts = () if planned is None else planned.all_parts
        is_defined = any(isinstance(one, EntryPart) and one.entry[1] == part.name for one in parts)
        is_named = plan.names.is_sensitive(part.name) or plan.names.is_sensitive(entry.key)
        return is_named or (not is_defined and _is_in_security(entry))
    return is_secret_reference(
        plan.names, entry, part.reference, lambda store: store not in plan.specs or plan.is_secret_store(store)
    )


def is_secret_reference(
    names: SensitiveNames, entry: Entry | None, reference: Reference, is_secret_store: Callable[[str], bool]
) -> bool:
    """Return True if what `reference` refers to is a secret. `entry`: the entry that uses it; None without env file."""
    if isinstance(reference, BareName):
        return True
    return is_secret_store(reference.store) or _is_secret_place(names, entry, reference.path, reference.field)


def _is_secret_place(names: SensitiveNames, entry: Entry | None, path: str, field: str | None) -> bool:
    """Return True if a part of the process environment is a secret in `entry`."""
    return (
        (entry is not None and (_is_in_security(entry) or names.is_sensitive(entry.key)))
        or names.is_sensitive(path)
        or (field is not None and names.is_sensitive(field))
    )


def is_secret_variable(names: SensitiveNames, entry: Entry, name: str) -> bool:
    """Return True if the value of the variable `name`, which no file defines, is a secret in `entry`."""
    return _is_in_security(entry) or names.is_sensitive(name) or names.is_sensitive(entry.key)


def _is_in_security(entry: Entry) -> bool:
    return entry.service is None and is_security_file(entry.file)
