"""Print a JSON Schema of a TOML file, with which editors check the file and complete its keys.

`bindings` is for providers/<environment>.toml, and contains the settings of all installed providers, plug-ins included.
`policy` is for env/<environment>/policy.toml. The schema checks one file alone: `secretsync explain --offline` finds
the other mistakes, such as a store that does not exist.
"""

from __future__ import annotations

import argparse
import json

from secretsync.cli import console
from secretsync.cli.options import add_option

USAGE = "bindings|policy [--output FILE]"
EXAMPLE = "  secretsync schema policy --output policy.schema.json"

FILES = ("bindings", "policy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `schema`."""
    parser.add_argument("file", choices=FILES, metavar="bindings|policy", help="the kind of file")
    add_option(parser, "--output")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the schema is printed or written."""
    console.write_report(schema_text(options.file), options.output)
    return 0


def schema_text(file: str) -> str:
    """Return the schema of a kind of file, as text."""
    if file == "bindings":
        from secretsync.schemas.bindings import bindings_schema as make
    else:
        from secretsync.schemas.policy import policy_schema as make
    return json.dumps(make(), indent=2, ensure_ascii=False) + "\n"
