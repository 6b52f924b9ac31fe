"""The providers that are installed, and what each accepts in references and in [stores.NAME]."""

from __future__ import annotations

import argparse
from typing import Any

from secretsync.cli.console import print_json
from secretsync.cli.options import add_format
from secretsync.core.errors import UsageError
from secretsync.core.text import suggestion, unknown
from secretsync.planning.references import SELECTOR_OPTIONS
from secretsync.providers.interface import ProviderSpec, Setting
from secretsync.providers.registry import BUILT_IN, load_provider, missing_modules, provider_names

USAGE = "[NAME] [--format text|json]"
EXAMPLE = "  secretsync providers vault"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `providers`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this one")
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """0, after the list was printed."""
    names = provider_names()
    if options.name is not None:
        if options.name not in names:
            raise UsageError(f"{unknown('provider', options.name, names)}; {suggestion(options.name, names)}")
        names = (options.name,)
    kinds = [load_provider(name) for name in names]
    if options.format == "json":
        rows = [_as_json(name, kind) for name, kind in zip(names, kinds, strict=True)]
        print_json({"options": {key: list(values) for key, values in SELECTOR_OPTIONS.items()}, "providers": rows})
        return 0
    print("\n\n".join(_as_text(name, kind) for name, kind in zip(names, kinds, strict=True)))
    return 0


def _state(kind: Any) -> str:
    missing = missing_modules(kind)
    if not missing:
        return "ready"
    extra = kind.spec.extra
    return f'pip install "secretsync-adapter[{extra}]"' if extra else f"needs {', '.join(missing)}"


def _as_text(name: str, kind: Any) -> str:
    spec: ProviderSpec = kind.spec
    options = ", ".join([*spec.options, *SELECTOR_OPTIONS])
    lines = [
        f"{name}: {spec.title}",
        f"  state      {_state(kind)}" + ("" if name in BUILT_IN else " (plug-in)"),
        f"  reference  {name}:PATH[?OPTIONS][#FIELD], PATH is {spec.path_help}",
        f"  options    {options}",
        f"  bare name  {spec.key}",
    ]
    for setting, what in spec.settings.items():
        lines += _setting_lines(setting, what, "  setting    ")
    return "\n".join(lines)


def _setting_lines(name: str, what: Setting, indent: str) -> list[str]:
    notes = [what.help]
    if what.choices:
        notes.append(f"one of {', '.join(what.choices)}")
    if what.environment:
        notes.append(f"else ${what.environment}")
    if what.default:
        notes.append(f"default: {what.default}")
    lines = [f"{indent}{name} ({what.type.value}): {'; '.join(notes)}"]
    for key, inner in what.keys.items():
        lines += _setting_lines(f"{name}.{key}", inner, indent)
    return lines


def _as_json(name: str, kind: Any) -> dict[str, object]:
    spec: ProviderSpec = kind.spec
    return {
        "name": name,
        "title": spec.title,
        "built_in": name in BUILT_IN,
        "ready": not missing_modules(kind),
        "extra": spec.extra,
        "path": spec.path_help,
        "key": spec.key,
        "options": list(spec.options),
        "settings": {setting: _setting_json(what) for setting, what in spec.settings.items()},
        "credentials": list(spec.credentials),
    }


def _setting_json(what: Setting) -> dict[str, object]:
    return {
        "type": what.type.value,
        "help": what.help,
        "choices": list(what.choices),
        "environment": what.environment,
        "default": what.default,
        "keys": {key: _setting_json(inner) for key, inner in what.keys.items()},
    }
