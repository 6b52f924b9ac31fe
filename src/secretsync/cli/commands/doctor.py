"""Ask each store of an environment who we are there: names and ids only, and how long the answer took.

No secret is read.
"""

from __future__ import annotations

import argparse
import os

from secretsync.cli.console import print_json, table
from secretsync.cli.loading import environment_of
from secretsync.cli.options import add_format, add_source
from secretsync.core.environ import Environ
from secretsync.core.errors import ProblemKind, worst_status
from secretsync.core.model import Failed
from secretsync.planning.request import load_plan
from secretsync.resolving.identify import StoreState
from secretsync.resolving.stores import StoreAccess

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync doctor -e production"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    add_source(parser)
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """0, or the status of the worst that a store had to say."""
    environ = Environ(os.environ)
    source = environment_of(options, environ, must_be_named=False)
    plan = load_plan(source, environ)
    label, states = plan.project.label, StoreAccess(environ, timeout=options.timeout).identities(plan)
    if options.format == "json":
        print_json({"environment": label, "stores": [_as_json(state) for state in states]})
    else:
        print(f"{label}\n")
        print(table(("STORE", "STATE", "TIME", "WHERE", "WHO"), [_cells(state) for state in states]))
    return int(worst_status(_kinds(states)))


def _kinds(states: tuple[StoreState, ...]) -> list[ProblemKind]:
    return [state.identity.kind for state in states if isinstance(state.identity, Failed)]


def _cells(state: StoreState) -> tuple[str, ...]:
    identity = state.identity
    took = f"{state.seconds * 1000:.0f} ms"
    if isinstance(identity, Failed):
        hint = f"; {identity.hint}" if identity.hint else ""
        return (state.store, identity.kind.value.upper(), took, "", f"{identity.cause}{hint}")
    who = [identity.principal or "", *(f"{name} {value}" for name, value in identity.details)]
    return (state.store, "ok", took, identity.endpoint or "", ", ".join(part for part in who if part))


def _as_json(state: StoreState) -> dict[str, object]:
    identity = state.identity
    row: dict[str, object] = {"store": state.store, "milliseconds": round(state.seconds * 1000)}
    if isinstance(identity, Failed):
        return {**row, "status": identity.kind.value, "cause": identity.cause, "hint": identity.hint}
    return {
        **row,
        "status": "ok",
        "provider": identity.provider,
        "endpoint": identity.endpoint,
        "principal": identity.principal,
        "details": dict(identity.details),
    }
