"""Write one secret to its store: what the new value is made of, and the call of the provider within a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, SecretRef, Selector
from secretsync.core.secret import Hidden, Payload, Secret
from secretsync.providers.interface import Deadline, Provider
from secretsync.providers.registry import import_sdk
from secretsync.providers.threads import run_in_threads
from secretsync.providers.writing import Written
from secretsync.resolving.extract import field_tokens, select

_UNKNOWN = "no answer in time, so it is not known whether the store took the value"


class FieldChange(Hidden):
    """New values for fields of one secret, or one value for all of it. Other fields are kept."""

    __slots__ = ("__values", "keeps_present")

    def __init__(self, values: Sequence[tuple[Selector, Secret]], *, keeps_present: bool = False) -> None:
        """`values`: for each part of the secret, the value that a read of this part must return.

        `keeps_present`: a value that is in the store already is a failure if it differs.
        """
        self.__values = tuple(values)
        self.keeps_present = keeps_present

    @property
    def needs_present(self) -> bool:
        """True if the secret has other fields to keep, or may have a value to keep."""
        return self.keeps_present or any(selector.field is not None for selector, _ in self.__values)

    def apply(self, present: Payload | None, *, from_file: bool = False) -> Payload | Failed | None:
        """See Change. `from_file`: the secret is a file, of which a read drops one line end."""
        wanted = self.__values
        if self.keeps_present:
            wanted = tuple(one for one in wanted if not _has(present, *one))
            if not wanted:
                return None
        document: Any = {} if present is None else None
        for selector, value in wanted:
            text = _stored_text(value.reveal(), selector, is_file=from_file)
            if selector.field is None:
                if self.keeps_present and present is not None:
                    return _kept("the secret")
                return Payload(text)
            if document is None and isinstance(document := _document(present), Failed):
                return document
            if failure := _put_into(document, selector.field, text, keeps_present=self.keeps_present):
                return failure
        from secretsync.core.exact_json import format_json

        return Payload(format_json(document))


def write(
    provider: Provider, ref: SecretRef, change: FieldChange, deadline: Deadline
) -> Found[Written] | Failed | None:
    """Return the result of one write; None if there is no answer at the deadline, and the provider is still at work."""

    def call(ref: SecretRef) -> Any:
        import_sdk(provider)
        return provider.write(ref, change, deadline)  # type: ignore[attr-defined]

    answers = list(run_in_threads(call, (ref,), workers=1, deadline=Deadline(deadline.remaining() + 0.3)))
    return answers[0][1] if answers else None


def no_answer() -> Failed:
    """Return the outcome of a write without an answer."""
    hint = "look at the version in the store before you run the command again"
    return Failed(ProblemKind.UNAVAILABLE, _UNKNOWN, hint)


def _has(present: Payload | None, selector: Selector, value: Secret) -> bool:
    return present is not None and select(present, selector) == value


def _kept(what: str) -> Failed:
    hint = "nothing was overwritten; `secretsync set` replaces it"
    return Failed(ProblemKind.UNUSABLE, f"{what} has another value in the store already", hint)


def _stored_text(text: str, selector: Selector, *, is_file: bool) -> str:
    """Return the text whose read by `selector` gives `text`."""
    drops_mark = selector.trim is not False
    if selector.decode == "base64":
        import base64

        data = text.encode("utf-8")
        return base64.b64encode(b"\xef\xbb\xbf" + data if drops_mark and text[:1] == "\ufeff" else data).decode()
    if selector.field is not None:
        return text
    if drops_mark and text.startswith("\ufeff"):
        text = f"\ufeff{text}"
    drops_line_end = is_file if selector.trim is None else selector.trim
    return f"{text}\n" if drops_line_end and text.endswith("\n") else text


def _document(present: Payload | None) -> Any:
    """Return the object in the present value, to which a field is added."""
    found = None if present is None else select(present, Selector(as_="json"))
    if isinstance(found, Failed):
        cause = f"the present value is not a JSON object, so a field cannot be set: {found.cause}"
        return Failed(ProblemKind.UNUSABLE, cause, "leave the field out to replace the whole value")
    from secretsync.core.exact_json import parse_json

    document = {} if found is None else parse_json(found.reveal())
    if isinstance(document, dict):
        return document
    cause = "the present value is not a JSON object, so a field cannot be set"
    return Failed(ProblemKind.UNUSABLE, cause, "leave the field out to replace the whole value")


def _put_into(document: dict[str, Any], field: str, text: str, *, keeps_present: bool) -> Failed | None:
    """Put `text` at a key or a JSON pointer. Objects on the way to it are created."""
    *way, last = field_tokens(field)
    place: Any = document
    for name in way:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        return Failed(ProblemKind.UNUSABLE, "the field is inside a value that is not an object", "name another field")
    if keeps_present and last in place:
        return _kept("the field")
    if isinstance(place.get(last), dict | list):
        return Failed(ProblemKind.UNUSABLE, "the field holds an object or a list", "name a field inside it")
    place[last] = text
    return None
