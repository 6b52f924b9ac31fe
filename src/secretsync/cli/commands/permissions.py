"""Write the smallest policy that lets an environment read its secrets in one store, or only check them.

The policy is JSON for IAM (aws), HCL (vault) or commands for az (azure). No store is asked. Rights that only save
requests or add details are marked as optional.
"""

from __future__ import annotations

import argparse

from secretsync.cli import console
from secretsync.cli.loading import open_any_plan
from secretsync.cli.options import add_option, add_source
from secretsync.exporting.policies import Options, policy_of

USAGE = "--store NAME [-e NAME] [--metadata-only] [OPTIONS]"
EXAMPLE = """  secretsync permissions -e production --store aws > policy.json
  secretsync permissions -e production --store vault --metadata-only | vault policy write shop-check -"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `permissions`."""
    parser.add_argument("--store", required=True, metavar="NAME", help="the store, as the bindings name it")
    add_source(parser)
    parser.add_argument(
        "--metadata-only", action="store_true", help="for check and check-rotation: no value can be read"
    )
    add_option(parser, "--kv-version")
    add_option(parser, "--output")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the policy is written."""
    wanted = Options(is_metadata_only=options.metadata_only, kv_version=options.kv_version and int(options.kv_version))
    policy = policy_of(open_any_plan(options), options.store, wanted)
    if not options.quiet:
        for note in policy.notes:
            console.info(f"note: {note}")
    console.write_report(policy.text, options.output)
    return 0
