"""Fill the generated blocks of README.md, CONTRIBUTING.md and docs/ from the data of the code.

`make docs-tables` runs this module. A block is the text between `<!-- table: NAME -->` and `<!-- end -->`. The code
decides about the rows of a table and about its generated columns. All other cells are written by hand, and stay.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from secretsync.audit.formats import FORMATS as AUDIT_FORMATS
from secretsync.cli.commands import COMMANDS
from secretsync.core.errors import ExitStatus
from secretsync.core.reporting.markdown import markdown_table
from secretsync.policy.rules import RULES
from secretsync.providers.interface import ProviderSpec, Setting, SettingType
from secretsync.providers.registry import BUILT_IN, load_provider
from secretsync.rendering.formats import FORMATS as OUTPUT_FORMATS
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats import FORMATS as ROTATION_FORMATS
from secretsync.rotation.formats.prometheus import METRICS, PROCESS_METRICS
from tests.docs.messages import messages, plain

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
MISSING = "TODO"  # in a new row, for the cell that has to be written by hand

_BLOCK = re.compile(r"(<!-- table: (\S+)(?: ([^>]+))? -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Column:
    """A column of a table. `is_by_hand`: `text` is only for new rows, and the cells of other rows stay."""

    title: str
    text: Callable[[str], str]
    is_by_hand: bool = False


def by_hand(title: str, text: Callable[[str], str] = lambda _: MISSING) -> Column:
    """Return a column that is written by hand."""
    return Column(title, text, is_by_hand=True)


def code(name: str) -> str:
    """Return a name as code."""
    return f"`{name}`"


# The data.


def _spec(provider: str) -> ProviderSpec:
    return load_provider(provider).spec


def _options(provider: str) -> str:
    return ", ".join(map(code, _spec(provider).options))


def _kind(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(map(code, setting.choices))
    return "path" if setting.type is SettingType.PATH else setting.type.value


def _if_not_set(setting: Setting) -> str:
    parts = [code(setting.environment) if setting.environment else "", setting.default or ""]
    return ", else ".join(part for part in parts if part)


def package_rows() -> dict[str, int]:
    """Return the packages and modules of the import contract that exist, each with its row: 1 is the lowest row."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (layers,) = (one["layers"] for one in tools["importlinter"]["contracts"] if "containers" in one)
    rows = {name.strip(" ()"): row for row, names in enumerate(reversed(layers), 1) for name in names.split("|")}
    source = ROOT / "src" / "secretsync"
    return {
        name: row
        for name, row in rows.items()
        if name != "__main__" and ((source / name).is_dir() or (source / f"{name}.py").exists())
    }


def folder_jobs() -> dict[str, str]:
    """Return the folders inside packages, each with the first line of its docstring."""
    source = ROOT / "src" / "secretsync"
    found = {}
    for path in sorted(source.glob("*/**/__init__.py")):
        if path.parent.parent != source:
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or MISSING
            found[f"{path.parent.relative_to(source)}/"] = docstring.split("\n")[0].removesuffix(".")
    return found


_PACKAGES = package_rows()
_FOLDERS = folder_jobs()
# The order in which a reader meets the packages. A package that is not in it comes last.
_STORY = (
    *("project", "planning", "providers", "resolving", "config", "policy", "running", "supervising", "rendering"),
    *("inspection", "rotation", "tracking", "audit", "backup", "testing", "api", "appconfig", "cli", "core"),
)


def _place_in_story(package: str) -> int:
    return _STORY.index(package) if package in _STORY else len(_STORY)


TABLES: Mapping[str, tuple[Iterable[str], tuple[Column, ...]]] = {
    "packages": (
        sorted(_PACKAGES, key=_place_in_story),
        (Column("Package", code), Column("Row", lambda name: str(_PACKAGES[name])), by_hand("Job")),
    ),
    "folders": (_FOLDERS, (Column("Folder", code), Column("Job", lambda name: _FOLDERS[name]))),
    "stores": (
        BUILT_IN,
        (
            Column("Store", code),
            Column("Path", lambda name: _spec(name).path_help),
            Column("A bare name is", lambda name: code(_spec(name).key)),
            Column("Versions", _options),
            by_hand("Credentials"),
        ),
    ),
    "commands": (COMMANDS, (by_hand("Command", code), by_hand("Does", lambda name: COMMANDS[name]))),
    "exit-statuses": ([str(int(status)) for status in ExitStatus], (by_hand("Status", str), by_hand("Means"))),
    "output-formats": (
        OUTPUT_FORMATS,
        (
            by_hand("`--format`", code),
            by_hand("who reads it", lambda name: OUTPUT_FORMATS[name].reader),
            by_hand("how a value is written"),
            by_hand("what it cannot carry"),
            by_hand("refused of 10,000"),
        ),
    ),
    "audit-formats": (AUDIT_FORMATS, (Column("Format", code), by_hand("For"))),
    "audit-rules": (
        RULES,
        (
            Column("Rule", code),
            Column("Severity", lambda rule: RULES[rule].severity.value),
            Column("Asks that", lambda rule: RULES[rule].title),
            Column("Applies", lambda rule: RULES[rule].scope.value),
        ),
    ),
    "rotation-formats": (
        ROTATION_FORMATS,
        (Column("Format", code), by_hand("Is", lambda name: ROTATION_FORMATS[name][1])),
    ),
    "rotation-states": (
        [state.value for state in State],
        (Column("State", code), by_hand("Means"), by_hand("Status")),
    ),
    "rotation-metrics": (
        {**METRICS, **PROCESS_METRICS},
        (Column("Metric", code), by_hand("Labels"), by_hand("Is", lambda name: {**METRICS, **PROCESS_METRICS}[name])),
    ),
}


# The blocks.


def _table(text: str, names: Iterable[str], columns: tuple[Column, ...]) -> str:
    """Return a table with a row for each name, or the rows that the text has for it."""
    old = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.split("\n") if line[:1] == "|"
    ]
    rows: list[list[str]] = []
    for name in names:
        found = [row for row in old[2:] if name in _names(row[0]) and len(row) == len(columns)]
        for row in found or [[MISSING] * len(columns)]:
            cells = [
                cell if column.is_by_hand and found else column.text(name)
                for cell, column in zip(row, columns, strict=True)
            ]
            if cells not in rows:
                rows.append(cells)
    return "\n".join(markdown_table([column.title for column in columns], rows))


def _names(cell: str) -> list[str]:
    """Return the names that a first cell is about: `126, 127` is about two, `run -- COMMAND...` about `run`."""
    words_of_all = [words for part in cell.split(", ") if (words := part.strip("`").split())]
    # A command of a group has a name of two words.
    return [name for words in words_of_all for name in (words[0], " ".join(words[:2]))]


def _settings(arguments: str) -> str:
    provider, *path = arguments.split()
    settings = _spec(provider).settings
    for name in path:
        settings = settings[name].keys
    if not settings:
        return "This store has no settings."
    columns = (
        Column("Setting", code),
        Column("Type", lambda name: _kind(settings[name])),
        Column("Is", lambda name: settings[name].help),
        Column("If not set", lambda name: _if_not_set(settings[name])),
    )
    return _table("", settings, columns)


def help_of(*arguments: str) -> str:
    """Return the output of `secretsync ARGUMENTS --help`."""
    argv = [sys.executable, "-I", "-m", "secretsync", *arguments, "--help"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={}).stdout


def _block(match: re.Match[str]) -> str:
    begin, name, arguments, end = match.groups()
    if name == "settings":
        text = _settings(arguments)
    elif name == "messages":
        rows = [(plain(cause), plain(step)) for cause, step in messages()[arguments]]
        text = "\n".join(markdown_table(("Message", "Next step"), rows))
    elif name == "help":
        text = f"```text\n{help_of()}```"
    elif name == "help-of-commands":
        text = "\n\n".join(f"## {command}\n\n```text\n{help_of(command)}```" for command in COMMANDS)
    else:
        text = _table(match[0], *TABLES[name])
    return f"{begin}\n{text}\n\n{end}"


def filled(text: str) -> str:
    """Return a page with each block as the code has it."""
    return _BLOCK.sub(_block, text)


def main() -> None:
    """Fill the blocks of all pages."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
