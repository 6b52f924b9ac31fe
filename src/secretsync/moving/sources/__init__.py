"""The formats that are imported: one module each, with `read(data, file, service) -> Source`."""

from __future__ import annotations

import os
from importlib import import_module

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.files import STANDARD_INPUT, FileRefusal, Input
from secretsync.core.records import Record
from secretsync.core.system.pipes import read_named_file
from secretsync.moving.source_entry import Source


class SourceFormat(Record, kw_only=True):
    """A format of --from. Its module is imported only if the format is read."""

    name: str
    module: str
    help: str


FORMATS = {
    row.name: row
    for row in (
        SourceFormat(name="dotenv", module="dotenv", help="a .env file, as python-dotenv reads it"),
        SourceFormat(name="compose", module="compose", help="environment: of a service in a Compose file"),
        SourceFormat(name="kubernetes", module="kubernetes", help="a Secret or a ConfigMap in YAML"),
        SourceFormat(name="json", module="json_", help="a JSON object; heroku config --json, doppler secrets download"),
        SourceFormat(name="doppler", module="doppler", help="doppler secrets --json, with computed values"),
        SourceFormat(name="chamber", module="chamber", help="chamber export: its names become variables"),
    )
}


def read_source(path: str, format_: str | None, service: str | None, *, seconds: float = 30.0) -> Source:
    """Return the entries of a file, which may be a pipe. `format_`: a name of FORMATS; None: the file decides.

    `seconds`: the longest time until the writer of a pipe has closed it. Raises ConfigurationError, whose messages
    hold no value.
    """
    path = STANDARD_INPUT if path == "-" else path
    data = read_named_file(path, Input.ENV_FILE, seconds, may_be_empty=True)
    path = "standard input" if path == STANDARD_INPUT else path
    if isinstance(data, FileRefusal):
        raise bad_source(path, data.cause)
    if not data and not os.path.isfile(path):
        raise bad_source(path, "it is empty, so the program that writes it has probably failed", "look at its messages")
    name = format_ or detect(path, data)
    module = import_module(f"{__name__}.{FORMATS[name].module}")
    source: Source = module.read(data, path, service)
    return source


def detect(path: str, data: bytes) -> str:
    """Return the format of a file, by its name and by its first lines."""
    text = data.lstrip(b"\xef\xbb\xbf").lstrip()
    if path.endswith(".json") or text.startswith(b"{"):
        return "doppler" if b'"computed"' in data else "json"
    if path.endswith((".yaml", ".yml")):
        lines = [line.split(b"#")[0].rstrip() for line in data.split(b"\n")]
        return "kubernetes" if any(line.startswith((b"kind:", b"- kind:")) for line in lines) else "compose"
    return "dotenv"


def bad_source(file: str, cause: str, hint: str | None = None, *, key: str | None = None) -> ConfigurationError:
    """Return the error for a file that cannot be imported."""
    return ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, file=file, key=key, cause=cause, hint=hint)])
