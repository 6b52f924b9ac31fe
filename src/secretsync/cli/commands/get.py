"""Print one value: of a reference, of a name that the bindings have, or of an entry of the env files.

A name without a binding is an entry first. If no env file has this key, the lookup order finds the secret.

A file or a pipe gets exactly the value. A line end is added only on a terminal.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.cli.loading import environment_of, has_environments, store_access, visible_environ
from secretsync.cli.options import add_access_log, add_source
from secretsync.core.errors import UsageError
from secretsync.core.secret import Environ
from secretsync.inspection.get import get_secret

USAGE = "REFERENCE [-e NAME] [OPTIONS]"
EXAMPLE = "  PGPASSWORD=\"$(secretsync get -e production 'vault:secret/app#password')\" psql -h db.internal app"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `get`."""
    parser.add_argument(
        "reference", metavar="REFERENCE", help="store:path?options#field, a name, or the key of an entry"
    )
    add_source(parser)
    add_access_log(parser)
    parser.add_argument("--reveal", action="store_true", help="print to a terminal too")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the value is printed."""
    if sys.stdout.isatty() and not options.reveal:
        raise UsageError("this would show a secret on a terminal; give --reveal to show it")
    environ = Environ(os.environ)
    # A project has bindings for each environment. Without a project, the stores of their own names answer.
    has_default = not has_environments(options.root, environ)
    source = environment_of(options, environ, has_default=has_default)
    environ = visible_environ(source, environ)
    secret = get_secret(options.reference, source, store_access(options, environ, is_logged=True))
    end = b"\n" if sys.stdout.isatty() else b""
    sys.stdout.buffer.write(secret.reveal().encode("utf-8") + end)
    return 0
