"""Ask each store of an environment for the identity of this process there: names and ids only, and the response time.

No secret is read.
"""

from __future__ import annotations

import argparse
import os

from secretsync.cli import console
from secretsync.cli.loading import environment_of
from secretsync.cli.options import add_format, add_source
from secretsync.core.errors import worst_status
from secretsync.core.model import Failed
from secretsync.core.reporting.terminal import Colour
from secretsync.core.secret import Environ
from secretsync.core.text import count_of
from secretsync.planning.request import load_plan
from secretsync.resolving.identify import StoreState
from secretsync.resolving.stores import StoreAccess

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync doctor -e production"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    add_source(parser)
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of the worst failure."""
    environ = Environ(os.environ)
    source = environment_of(options, environ, must_be_named=False)
    plan = load_plan(source, environ)
    label, states = plan.project.label, StoreAccess(environ, timeout=options.timeout).identities(plan)
    if options.format == "json":
        print(console.format_json({"environment": label, "stores": [_as_json(state) for state in states]}))
    else:
        print(f"{label}\n")
        head, colours = ("STORE", "STATE", "TIME", "WHERE", "WHO"), [{1: _colour(state)} for state in states]
        print(console.format_table(head, [_cells(state) for state in states], colours))
        failed = sum(isinstance(state.identity, Failed) for state in states)
        console.print_summary(f"{count_of(len(states), 'store')}: {len(states) - failed} ok, {failed} failed")
    return int(worst_status(state.identity.kind for state in states if isinstance(state.identity, Failed)))


def _colour(state: StoreState) -> Colour:
    return Colour.MAGENTA if isinstance(state.identity, Failed) else Colour.GREEN


def _cells(state: StoreState) -> tuple[str, ...]:
    identity = state.identity
    time = f"{state.seconds * 1000:.0f} ms"
    if isinstance(identity, Failed):
        hint = f"; {identity.hint}" if identity.hint else ""
        return (state.store, identity.kind.value.upper(), time, "", f"{identity.cause}{hint}")
    names = [identity.principal or "", *(f"{name} {value}" for name, value in identity.details)]
    return (state.store, "ok", time, identity.endpoint or "", ", ".join(name for name in names if name))


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
