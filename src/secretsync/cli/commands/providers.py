"""List the installed providers, with their options in references and their settings in [stores.NAME]."""

from __future__ import annotations

import argparse
from typing import Any

from secretsync.cli import console
from secretsync.cli.options import add_format
from secretsync.core.errors import UsageError
from secretsync.core.text import suggestion, unknown
from secretsync.planning.references import SELECTOR_OPTIONS
from secretsync.providers.interface import ProviderSpec, Setting
from secretsync.providers.registry import BUILT_IN, load_provider, missing_modules, provider_names

USAGE = "[NAME] [--format text|json]"
EXAMPLE = "  secretsync providers vault"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `providers`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this provider")
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the list is printed."""
    names = provider_names()
    if options.name is not None:
        if options.name not in names:
            hint = suggestion(options.name, names, f"the providers are {', '.join(names)}")
            raise UsageError(f"{unknown('provider', options.name, names)}; {hint}")
        names = (options.name,)
    providers = [(name, load_provider(name)) for name in names]
    if options.format == "json":
        rows = [_as_json(name, provider) for name, provider in providers]
        options_of_all = {key: list(values) for key, values in SELECTOR_OPTIONS.items()}
        print(console.format_json({"options": options_of_all, "providers": rows}))
        return 0
    console.print_lines("\n\n".join(_as_text(name, provider) for name, provider in providers), " " * 13)
    return 0


def _state(provider: Any) -> str:
    missing = missing_modules(provider)
    if not missing:
        return "ready"
    extra = provider.spec.extra
    return f'pip install "secretsync-adapter[{extra}]"' if extra else f"needs {', '.join(missing)}"


def _as_text(name: str, provider: Any) -> str:
    spec: ProviderSpec = provider.spec
    options = ", ".join([*spec.options, *SELECTOR_OPTIONS])
    lines = [
        f"{name}: {spec.title}",
        f"  state      {_state(provider)}" + ("" if name in BUILT_IN else " (plug-in)"),
        f"  reference  {name}:PATH[?OPTIONS][#FIELD], PATH is {spec.path_help}",
        f"  options    {options}",
        f"  bare name  {spec.key}",
    ]
    for name_of_setting, setting in spec.settings.items():
        lines += _setting_lines(name_of_setting, setting, "  setting    ")
    return "\n".join(lines)


def _setting_lines(name: str, setting: Setting, indent: str) -> list[str]:
    notes = [setting.help]
    if setting.choices:
        notes.append(f"one of {', '.join(setting.choices)}")
    if setting.environment:
        notes.append(f"else ${setting.environment}")
    if setting.default:
        notes.append(f"default: {setting.default}")
    lines = [f"{indent}{name} ({setting.type.value}): {'; '.join(notes)}"]
    for key, inner in setting.keys.items():
        lines += _setting_lines(f"{name}.{key}", inner, indent)
    return lines


def _as_json(name: str, provider: Any) -> dict[str, object]:
    spec: ProviderSpec = provider.spec
    return {
        "name": name,
        "title": spec.title,
        "built_in": name in BUILT_IN,
        "ready": not missing_modules(provider),
        "extra": spec.extra,
        "path": spec.path_help,
        "key": spec.key,
        "options": list(spec.options),
        "settings": {key: _setting_json(setting) for key, setting in spec.settings.items()},
        "credentials": list(spec.credentials),
    }


def _setting_json(setting: Setting) -> dict[str, object]:
    return {
        "type": setting.type.value,
        "help": setting.help,
        "choices": list(setting.choices),
        "environment": setting.environment,
        "default": setting.default,
        "keys": {key: _setting_json(inner) for key, inner in setting.keys.items()},
    }
