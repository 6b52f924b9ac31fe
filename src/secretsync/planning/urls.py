"""Find the secrets that are a part of a URL."""

from __future__ import annotations

from secretsync.core.model import Selector
from secretsync.core.records import Record
from secretsync.planning.plan import (
    ChoicePart,
    EntryId,
    EntryPart,
    EnvironPart,
    Plan,
    PlannedEntry,
    PlannedPart,
    SecretPart,
)
from secretsync.planning.secrecy import is_secret_part
from secretsync.project.placeholders import BareName, Fault, StorePath, Text, format_reference, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    _Leaf = tuple[PlannedEntry, SecretPart | EnvironPart]
    _Used = Callable[[PlannedPart], Sequence[PlannedPart]]

# The delimiters of a URL, and the characters that end one inside other text.
_DELIMITERS = "://|[/?#]|[\\s\x00-\x1f\x7f\"'`<>]"
_HOLE = "x"  # in place of a value that is not secret: no delimiter


class UrlSecret(Record):
    """A secret inside a URL."""

    planned: PlannedEntry  # the entry with the URL
    owner: PlannedEntry  # the entry with the placeholder: the same, or one that a variable names
    part: SecretPart | EnvironPart
    place: str  # "authority", "path" or "query"


def written_parts(part: PlannedPart) -> Sequence[PlannedPart]:
    """Return the parts that may replace `part`: the variable and its word, because only a value decides."""
    if not isinstance(part, ChoicePart):
        return (part,)
    return part.word if part.operator.endswith("+") else (part.value, *part.word)


def url_secrets(plan: Plan, used: _Used = written_parts) -> Iterator[UrlSecret]:
    """Yield each secret in the authority, path or query of a URL.

    `used`: returns the parts that replace a part; the part itself if none do.
    """
    known: dict[EntryId, tuple[str | _Leaf, ...]] = {}
    # Every entry is after those that its variables use.
    for entry_id, planned in plan.entries.items():
        pieces = known[entry_id] = _pieces(plan, planned, used, known)
        if len(pieces) > 1:
            seen = set()
            for (owner, part), place in _places(pieces):
                if (owner.entry, part) not in seen:
                    seen.add((owner.entry, part))
                    yield UrlSecret(planned, owner, part, place)


def _pieces(
    plan: Plan, planned: PlannedEntry, used: _Used, known: dict[EntryId, tuple[str | _Leaf, ...]]
) -> tuple[str | _Leaf, ...]:
    """Return the text of an entry with its secrets in between."""
    pieces: list[str | _Leaf] = []
    stack = list(reversed(planned.parts))
    while stack:
        part = stack.pop()
        replaced = used(part)
        if len(replaced) != 1 or replaced[0] is not part:
            stack += reversed(replaced)
            continue
        added: Sequence[str | _Leaf] = (_HOLE,)
        if isinstance(part, Text):
            added = (part.text,)
        elif isinstance(part, EntryPart):
            added = known.get(part.entry, added)
        elif isinstance(part, SecretPart | EnvironPart) and is_secret_part(plan, planned.entry, part):
            added = ((planned, part),)
        pieces += added
    joined: list[str | _Leaf] = []
    texts: list[str] = []
    for piece in (*pieces, None):
        if isinstance(piece, str):
            texts.append(piece)
            continue
        if texts:
            joined.append("".join(texts))
            texts.clear()
        if piece is not None:
            joined.append(piece)
    return tuple(joined)


def _places(pieces: Sequence[str | _Leaf]) -> Iterator[tuple[_Leaf, str]]:
    """Yield the secrets inside URLs, each with its place."""
    place = ""  # outside of a URL
    for piece in pieces:
        if isinstance(piece, str):
            import re  # Imported only for a value of several parts.

            for delimiter in re.finditer(_DELIMITERS, piece):
                place = _following(place, delimiter[0])
        elif place in ("authority", "path", "query"):
            yield piece, place


def _following(place: str, delimiter: str) -> str:
    """Return the part of the URL after a delimiter."""
    if delimiter == "://":
        return place if place in ("query", "fragment") else "authority"  # in a path: the next URL of a list
    if place == "" or delimiter not in "/?#":
        return ""
    if delimiter == "/":
        return "path" if place == "authority" else place
    if delimiter == "?":
        return "query" if place in ("authority", "path") else place
    return "fragment"


def is_for_url(selectors: Sequence[Selector]) -> bool:
    """Return True if a placeholder says how its value is put into a URL."""
    return bool(selectors) and all(selector.url is not None for selector in selectors)


def encoded_reference(part: SecretPart | EnvironPart) -> str:
    """Return the placeholder with as=url: `$<DB_PASSWORD?as=url>`."""
    if isinstance(part, EnvironPart):
        return f"$<{part.name}?as=url>"
    reference = parse_reference(part.written)
    if isinstance(reference, Fault):  # the plan has parsed it
        return "$<...?as=url>"
    options = (*((key, value) for key, value in reference.options if key != "as"), ("as", "url"))
    if isinstance(reference, BareName):
        return f"$<{format_reference(BareName(reference.name, options))}>"
    return f"$<{format_reference(StorePath(reference.store, reference.path, options, reference.field))}>"
