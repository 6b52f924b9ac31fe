"""Define what every target returns, and the parts that several targets share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secretsync.core.errors import Problem, UsageError
from secretsync.core.model import Selector
from secretsync.core.records import Record
from secretsync.exporting.entries import Item, Refused, Source, Taken, problem_of
from secretsync.resolving.extract import field_tokens


class Settings(Record, kw_only=True):
    """The options of an export."""

    command: str  # the command that writes the same text again, for the comment at its top
    name: str | None = None  # of the objects; None: the project's name
    namespace: str | None = None
    store_kind: str = "SecretStore"
    service_account: str | None = None
    with_stores: bool = False
    reloader: bool = False
    layout: str = "task-definition"
    kv_version: int | None = None  # of the KV mounts of stores whose settings do not have it


class Written(Record, kw_only=True):
    """The text for a target, and what the text does not have."""

    text: str
    problems: tuple[Problem, ...] = ()  # the entries and stores that the target cannot carry
    notes: tuple[str, ...] = ()  # differences in meaning


Export = Callable[[Source, Settings], Written]


class Outcome:
    """Collects the problems and notes of a target while its text is made."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = list(source.problems)
        self.notes: dict[str, None] = {}

    def attempt(self, item: Item, write: Callable[[Item], None]) -> None:
        """Call `write`, and note the problem if the target cannot carry the item."""
        try:
            write(item)
        except Refused as refused:
            self.problems.append(problem_of(item.entry, refused))

    def written(self, text: str) -> Written:
        """Return the text with what was collected, each problem once."""
        problems = sorted(dict.fromkeys(self.problems), key=lambda one: (one.file or "", one.line or 0, str(one)))
        return Written(text=text, problems=tuple(problems), notes=tuple(self.notes))


def single_secret(item: Item, target: str, nearest: str) -> Taken:
    """Return the secret that is the whole value. Raises Refused if the value is more than that.

    `target`: the name of the platform, for the message. `nearest`: what the user can do instead.
    """
    taken = item.single
    if taken is None:
        raise Refused(f"{target} takes one whole secret for a variable, without text around it", nearest)
    return taken


def refuse_forms(selector: Selector, target: str, nearest: str) -> None:
    """Raise Refused if the reference changes the form of the secret, for a target that passes it on as it is."""
    option = (
        f"as={selector.as_}"
        if selector.as_
        else "as=url"
        if selector.url == "url"
        else f"decode={selector.decode}"
        if selector.decode
        else None
    )
    if option is not None:
        raise Refused(f"{target} passes a secret on as it is, without {option}", nearest)
    refuse_trim(selector)


def refuse_trim(selector: Selector) -> None:
    """Raise Refused if a line end of the secret shall be dropped, which no platform does."""
    if selector.trim:
        raise Refused("no platform drops a line end (trim=true)", "store the secret without the line end")


def top_field(selector: Selector, target: str, nearest: str) -> str | None:
    """Return the field of the top level that a reference names; None if it names none. Raises Refused for others."""
    if selector.field is None:
        return None
    path = field_tokens(selector.field)
    if len(path) > 1:
        raise Refused(f"{target} reads only fields of the top level", nearest)
    if not path[0]:
        raise Refused("the name of its field is empty", "give the field a name")
    return path[0]


def dns_name(text: str, what: str) -> str:
    """Return `text` as a name of Kubernetes. Raises UsageError if nothing of it is left."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in text.lower())
    name = "-".join(part for part in kept.split("-") if part)[:200].strip("-")
    if not name:
        raise UsageError(f"{what} has no letter and no digit that a name can have; give --name NAME")
    return name


def base_name(source: Source, settings: Settings) -> str:
    """Return the name that all objects begin with."""
    if settings.name is not None:
        if dns_name(settings.name, "--name") != settings.name:
            raise UsageError("--name cannot be a name of the objects; use lower case letters, digits and single '-'")
        return settings.name
    return dns_name(source.plan.project_name, "the name of the project")


def names_of(source: Source, settings: Settings, services: Sequence[str | None]) -> dict[str | None, str]:
    """Return the name for each service. Raises UsageError if two services would have the same name."""
    base = base_name(source, settings)
    names = {one: base if one is None else f"{base}-{dns_name(one, 'the name of a service')}" for one in services}
    if len(set(names.values())) < len(names):
        raise UsageError("two services have the same name in lower case letters, digits and '-'; rename one env file")
    return names
