"""Read `environment:` of a service in a Compose file, with the variables of Compose."""

from __future__ import annotations

import re
from typing import Any

from secretsync.core.names import is_key
from secretsync.moving.source_entry import Source, SourceEntry, TextBuilder
from secretsync.moving.sources import bad_source
from secretsync.moving.sources.json_ import text_of
from secretsync.moving.sources.yaml_file import load_documents

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
# https://docs.docker.com/reference/compose-file/interpolation/. Nested braces are in the word of a variable.
_PIECE = re.compile(
    rf"\$(?P<escaped>\$)|\$(?P<plain>{_NAME})|\$\{{(?P<name>{_NAME})(?P<word>(?::?[-+?])(?:[^{{}}]|\{{[^{{}}]*\}})*)?\}}"
)


def read(data: bytes, file: str, service: str | None) -> Source:
    """Return the entries of one service. Raises ConfigurationError if the file has several and none is named."""
    documents = load_documents(data, file)
    services = documents[0].get("services") if documents and isinstance(documents[0], dict) else None
    if not isinstance(services, dict):
        raise bad_source(file, "it has no services", "--from names the format of a file")
    named = {
        name: one["environment"] for name, one in services.items() if isinstance(one, dict) and one.get("environment")
    }
    if service is None and len(named) != 1:
        raise bad_source(file, f"{len(named)} services have an environment", "name one: --service NAME")
    chosen = next(iter(named)) if service is None else service
    if chosen not in named:
        raise bad_source(file, "this service has no environment in it", f"one of: {', '.join(map(str, named))}")
    entries, notes = [], []
    for key, value in _pairs(named[chosen], file):
        if value is None:
            notes.append(f"{key} has no value in {file}, so it comes from the process environment: nothing is written")
            continue
        entries.append(_entry(key, value, file))
    return Source(tuple(entries), notes=tuple(notes))


def _pairs(environment: Any, file: str) -> list[tuple[str, str | None]]:
    """Return names and texts; None is a variable that is passed on."""
    pairs: list[tuple[str, Any]] = []
    if isinstance(environment, dict):
        pairs = list(environment.items())
    elif isinstance(environment, list):
        pairs = [
            (name, text if equals else None) for name, equals, text in (str(one).partition("=") for one in environment)
        ]
    else:
        raise bad_source(file, "environment is neither a mapping nor a list", "write NAME: value")
    for number, (key, _) in enumerate(pairs, 1):
        if not isinstance(key, str) or not is_key(key):
            raise bad_source(file, f"the name of variable {number} is not a name", "correct it in the file")
    return [(key, None if value is None else text_of(key, value, file)) for key, value in pairs]


def _entry(key: str, written: str, file: str) -> SourceEntry:
    builder, is_known, plain, end = TextBuilder(), True, "", 0
    for match in _PIECE.finditer(written):
        builder.add_literal(written[end : match.start()])
        plain += written[end : match.start()]
        end = match.end()
        if match["escaped"]:
            builder.add_literal("$")
            plain += "$"
            continue
        is_known = False
        # An unset variable is empty in Compose.
        name, word = match["plain"] or match["name"], match["word"] or "-"
        builder.add_reference(f"${{{name}{word}}}")
    builder.add_literal(written[end:])
    return SourceEntry(key, builder.build(), plain + written[end:] if is_known else None, file=file)
