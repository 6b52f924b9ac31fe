"""Store a new version of a secret at the place that its binding names, or create the secret.

The value comes from a terminal without echo, from a pipe or from a file, or it is generated. It is never an argument,
because other users of the machine see arguments. One line end at the end of a pipe or a file is dropped. The other
fields of the secret are kept. The output is the id of the old and of the new version, never the value.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.cli import console
from secretsync.cli.loading import environment_of, has_environments, store_access, visible_environ
from secretsync.cli.options import add_source, whole_number
from secretsync.cli.parser import NO_VALUE
from secretsync.core.errors import ExitStatus, UsageError
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.names import is_entry_name
from secretsync.core.secret import Environ, Secret
from secretsync.moving.generate import FORMATS, LEAST, MOST, generate
from secretsync.moving.set_secret import Place, check_value, find_place, put_value, warnings_of
from secretsync.providers.writing import Written

USAGE = "NAME -e NAME [--from-file FILE | --generate BYTES] [OPTIONS]"
EXAMPLE = "  secretsync set SECRET_KEY -e production --generate 48"

_MOST = 1024 * 1024  # bytes of a value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `set`."""
    parser.add_argument("name", metavar="NAME", help="a name that the bindings have, or a reference: store:path#field")
    add_source(parser, services=False)
    group = parser.add_argument_group("value (default: standard input)")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--from-file", metavar="FILE", help="read the value from this file; - is standard input")
    source.add_argument(
        "--generate",
        metavar="BYTES",
        type=whole_number(MOST),
        help=f"make a random value of this many bytes of randomness, at least {LEAST}; 48 is good",
    )
    group.add_argument(
        "--generate-format",
        metavar="FORMAT",
        choices=FORMATS,
        default="urlsafe",
        help=f"the characters of a generated value, one of: {', '.join(FORMATS)} (default: urlsafe)",
    )
    group.add_argument("--keep-line-end", action="store_true", help="keep a line end at the end of a pipe or a file")
    parser.add_argument("--field", metavar="FIELD", help="the field of a JSON secret whose binding does not name one")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the value is stored, and 1 if another process changed the secret at the same time."""
    if options.generate is not None and options.generate < LEAST:
        raise UsageError(f"--generate {options.generate} is too short to be secret; give {LEAST} or more")
    if is_entry_name(options.name.partition("=")[0]) and "=" in options.name:
        raise UsageError(NO_VALUE)
    environ = Environ(os.environ)
    source = environment_of(options, environ, has_default=not has_environments(options.root, environ))
    environ = visible_environ(source, environ)
    place = find_place(options.name, options.field, source, environ)
    access = store_access(options, environ)
    if not options.quiet:
        for warning in warnings_of(place, access):
            console.warn(warning)
    written = put_value(place, _value(options, place), access)
    if not options.quiet:
        shown = place.shown if place.name == place.shown else f"{place.name}: {place.shown}"
        print(f"{shown}: {format_written(written)}")
    if written.race is None:
        return 0
    console.warn(f"{place.name}: {written.race}; look at the secret, and run the command again if this value must win")
    return int(ExitStatus.FINDINGS)


def format_written(written: Written) -> str:
    """Return the result of a write as text."""
    if not written.is_changed:
        return "it has this value already"
    if written.is_new:
        return "created" if written.after is None else f"created, version {written.after}"
    if written.after is None:
        return "replaced; the store keeps no versions"
    return f"version {written.before or '-'} -> {written.after}"


def _value(options: argparse.Namespace, place: Place) -> Secret:
    if options.generate is not None:
        return generate(options.generate, options.generate_format)
    if options.from_file not in (None, "-"):
        data = read_file(options.from_file, Input.SECRET_FILE)
        if isinstance(data, FileRefusal):
            raise UsageError(f"--from-file: {data.cause}")
    elif sys.stdin is None:
        raise UsageError("standard input is closed; pipe the value, or give --from-file or --generate")
    elif sys.stdin.isatty():
        import getpass  # Imported only for a terminal.

        data = getpass.getpass(f"value of {place.name}: ", stream=sys.stderr).encode("utf-8", "surrogateescape")
        return check_value(place, data)
    else:
        data = sys.stdin.buffer.read(_MOST + 1)
        if len(data) > _MOST:
            raise UsageError("the value is larger than 1 MiB; a store does not take it")
    if not options.keep_line_end:
        data = data.removesuffix(b"\r\n") if data.endswith(b"\r\n") else data.removesuffix(b"\n")
    return check_value(place, data)
