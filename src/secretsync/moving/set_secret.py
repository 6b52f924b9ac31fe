"""Store a new version of the secret of one name, at the one place that its binding names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.model import Failed, Found, SecretInfo, Selector
from secretsync.core.records import Record, replace
from secretsync.core.secret import Secret
from secretsync.planning.one_reference import OneReference, open_reference
from secretsync.planning.references import Target
from secretsync.planning.request import ConfigRequest
from secretsync.project.bindings import Bindings
from secretsync.project.placeholders import BareName, StorePath, format_reference, parse_reference
from secretsync.providers.writing import Written
from secretsync.resolving.requests.write import FieldChange
from secretsync.resolving.stores import StoreAccess


class Place(Record):
    """The one place of a secret, which can be written."""

    name: str  # as the user wrote it
    opened: OneReference
    target: Target

    @property
    def shown(self) -> str:
        """The reference of the place, with its field."""
        return format_reference(StorePath(self.target.store, self.target.ref.path, (), self.target.selector.field))


def find_place(reference: str, field: str | None, request: ConfigRequest, environ: Mapping[str, str]) -> Place:
    """Return the place of a name or reference. No store is asked.

    `field`: the field of a secret whose binding does not name one. Raises ConfigurationError for bad bindings, and
    UsageError if there is not exactly one place, or if it cannot be written.
    """
    opened = open_reference(reference, request, environ)
    target = _only_target(opened)
    spec = opened.plan.specs[target.store]
    name = reference if isinstance(opened.parsed, BareName) else target.shown
    if not spec.is_writable:
        raise UsageError(f"{name}: the store {target.store} ({spec.title}) cannot be written; set the value there")
    if target.ref.version is not None or target.ref.stage is not None:
        raise UsageError(
            f"{name}: {target.shown} pins a version, so a new version would not be read; remove version or stage first"
        )
    if target.selector.as_ is not None:
        raise UsageError(
            f"{name}: {target.shown} takes the value with as={target.selector.as_}, which cannot be reversed; "
            "store it by the tool of the store"
        )
    return Place(name, opened, replace(target, selector=_with_field(name, target.selector, field)))


def _only_target(opened: OneReference) -> Target:
    targets, environment = opened.targets, opened.plan.project.environment
    if len(targets) == 1:
        return targets[0]
    name = opened.written
    places = ", ".join(target.shown for target in targets) or "no store"
    file = f"providers/{environment}.toml" if environment else "the bindings"
    example = _place_of_others(name, opened.plan.bindings) or next(
        (one.shown for one in targets if opened.plan.specs[one.store].is_writable), f"docker:{name.lower()}"
    )
    raise UsageError(
        f"{name}: it has no binding, and a lookup asks {places}, which is not a single place; "
        f'add {name} = "{example}" to [secrets] of {file}'
    )


def _place_of_others(name: str, bindings: Bindings) -> str | None:
    """Return a place for `name` in the JSON secret that has the most bindings; None if no binding names a field."""
    places = [parse_reference(binding.reference) for binding in bindings.secrets.values()]
    fields = [place for place in places if isinstance(place, StorePath) and place.field is not None]
    if not fields:
        return None
    (store, path), _ = Counter((place.store, place.path) for place in fields).most_common(1)[0]
    return format_reference(StorePath(store, path, (), name))


def _with_field(name: str, selector: Selector, field: str | None) -> Selector:
    if field is None or field == selector.field:
        return selector
    if selector.field is not None:
        raise UsageError(f"{name}: its binding names the field {selector.field}; remove --field")
    return replace(selector, field=field)


def warnings_of(place: Place, access: StoreAccess) -> tuple[str, ...]:
    """Return what the user must know before the secret is replaced. No value is requested."""
    answers = access.metadata(place.opened.plan, [place.opened.part])
    outcome = answers.of(place.target.ref)
    info = outcome.value if isinstance(outcome, Found) else SecretInfo()
    if info.rotation_period is None and info.next_rotation is None:
        return ()
    advice = "let the store rotate it instead"
    return (f"{place.name}: the store rotates {place.shown} by its own schedule, which replaces this value; {advice}",)


def put_value(place: Place, value: Secret, access: StoreAccess) -> Written:
    """Store `value`. Raises ResolutionError if the store does not take it."""
    outcome = access.write(place.opened.plan, place.target.ref, FieldChange([(place.target.selector, value)]))
    if isinstance(outcome, Found):
        return outcome.value
    raise write_error(outcome, place.name, place.shown)


def write_error(outcome: Failed, name: str, reference: str) -> ResolutionError:
    """Return the error for a write that failed."""
    return ResolutionError(
        [Problem(kind=outcome.kind, key=name, reference=reference, cause=outcome.cause, hint=outcome.hint)]
    )


def check_value(place: Place, data: bytes) -> Secret:
    """Return the value in `data`. Raises ConfigurationError if it is empty, or not text."""
    text = None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None:
        cause, hint = "the value is not UTF-8 text", "store it as base64, and add ?decode=base64 to the reference"
    elif "\0" in text:
        cause, hint = "the value has a NUL character", "store it as base64, and add ?decode=base64 to the reference"
    elif not text:
        cause, hint = "the value is empty", "give a value; an entry that must be empty is written as NAME= in its file"
    else:
        return Secret(text)
    raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, key=place.name, cause=cause, hint=hint)])
