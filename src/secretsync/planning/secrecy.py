"""Which entries of a plan are secret entries: the one answer that every feature asks for.

An entry is secret if one of these is true:

(a) a part of its value comes from a store other than the process environment, or would be requested from one;
(b) it contains a bare name, `$<NAME>`, whichever store answers;
(c) it is in security.env and contains a placeholder, or a variable that no file defines;
(d) its key, or a variable or reference path that it uses, has a sensitive name;
(e) it uses, through a variable, a secret entry.

Every other entry is a setting. No rule depends on what a store answers, so that a report made before a store is asked
and the log filter of the running application agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from secretsync.core.model import Entry
from secretsync.core.names import SensitiveNames
from secretsync.planning.plan import EntryId, EntryPart, EnvironPart, Plan, PlannedEntry, SecretPart
from secretsync.project.layout import is_security_file
from secretsync.project.placeholders import BareName, Placeholder, Reference, Variable

__all__ = ["is_secret_part", "is_secret_reference", "is_secret_variable", "is_secret_written", "secret_entries"]


def secret_entries(plan: Plan, known: Collection[EntryId] = ()) -> frozenset[EntryId]:
    """Return the secret entries of `plan`.

    `known`: secret entries that variables of the plan use and that the plan itself does not contain.
    """
    secret: set[EntryId] = set(known)
    # Every entry is after those that its variables use.
    for entry_id, planned in plan.entries.items():
        if _is_secret(plan, planned, secret):
            secret.add(entry_id)
    return frozenset(secret)


def _is_secret(plan: Plan, planned: PlannedEntry, secret: Collection[EntryId]) -> bool:
    entry = planned.entry
    return (
        plan.names.is_sensitive(entry.key)
        or any(is_secret_variable(plan.names, entry, name) for name in planned.variables)
        or any(is_secret_part(plan, entry, part) for part in planned.all_parts)
        or any(isinstance(part, EntryPart) and part.entry in secret for part in planned.all_parts)
    )


def is_secret_part(plan: Plan, entry: Entry, part: object) -> bool:
    """Return True if `part`, a placeholder or a variable of the process environment, makes `entry` secret by itself."""
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
