"""The tables of docs/stores.md that say what each store can be told, made from the providers' own data.

python -m tests.support.settings_tables
"""

import re
from collections.abc import Mapping
from pathlib import Path

from secretsync.providers.interface import Setting, SettingType
from secretsync.providers.registry import load_provider

PAGE = Path(__file__).parents[2] / "docs" / "stores.md"
_MARK = re.compile(r"(<!-- settings: (\S+)(?: (\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """`text` with each table as it must be."""

    def table(match: re.Match[str]) -> str:
        settings: Mapping[str, Setting] = load_provider(match[2]).spec.settings
        if match[3]:
            settings = settings[match[3]].keys
        return f"{match[1]}\n{_table(settings)}\n\n{match[4]}"

    return _MARK.sub(table, text)


def _table(settings: Mapping[str, Setting]) -> str:
    if not settings:
        return "There are none."
    rows = [
        f"| `{name}` | {_kind(setting)} | {setting.help} | {_otherwise(setting)} |"
        for name, setting in settings.items()
    ]
    return "\n".join(["| Setting | Type | Is | Where it is not set |", "|---|---|---|---|", *rows])


def _kind(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    return "path" if setting.type is SettingType.PATH else setting.type.value


def _otherwise(setting: Setting) -> str:
    parts = [f"`{setting.environment}`" if setting.environment else "", setting.default or ""]
    return ", else ".join(part for part in parts if part)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
