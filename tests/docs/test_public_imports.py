"""Documented import paths: the docs, the demo and the example plug-in import only public modules."""

import ast
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC = ("secretsync", "secretsync.providers", "secretsync.testing")
INTEGRATIONS = "secretsync.integrations."  # one public module for each library
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPTS = [
    *sorted((ROOT / "demo").rglob("*.py")),
    *sorted((ROOT / "tests" / "providers" / "plugin" / "distribution").rglob("*.py")),
    *sorted((ROOT / "tests" / "container" / "app").rglob("*.py")),
]

_FENCED = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r"^ *((?:from|import) +secretsync\b[^\n(]*(?:\([^)]*\))?)", re.MULTILINE)
_DOTTED = re.compile(r"`(secretsync(?:\.[A-Za-z_]+)+)`")


def imported_names(code: str) -> Iterator[tuple[str, str | None]]:
    """Yield the module and the name of each import of SecretSync; None means the module itself."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "secretsync":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name.split(".")[0] == "secretsync")


def code_of_page(text: str) -> str:
    """Return the imports of every Python block of a page. A block may be a fragment that does not parse."""
    blocks = [textwrap.dedent(block) for _, block in _FENCED.findall(text)]
    return "\n".join(line.strip() for block in blocks for line in _IMPORT.findall(block))


def is_public(module: str, name: str | None) -> bool:
    """Return True if `from module import name` is a documented import."""
    if module.startswith(INTEGRATIONS):
        return True
    if module not in PUBLIC:
        return False
    return name is None or name in import_module(module).__all__ or f"{module}.{name}" in PUBLIC


@pytest.mark.parametrize("path", [*PAGES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_only_public_modules_are_imported(path: Path) -> None:
    """Each import of SecretSync in a page or an example takes a public name from a public module."""
    text = path.read_text(encoding="utf-8")
    code = code_of_page(text) if path.suffix == ".md" else text
    assert [pair for pair in imported_names(code) if not is_public(*pair)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_public_paths_are_mentioned(path: Path) -> None:
    """Each dotted path of SecretSync in the text of a page is public."""
    for dotted in _DOTTED.findall(path.read_text(encoding="utf-8")):
        module, _, name = dotted.rpartition(".")
        assert dotted in PUBLIC or dotted.startswith(INTEGRATIONS) or is_public(module, name), dotted


def test_the_imports_of_pages_are_found() -> None:
    """The search finds imports in blocks that are indented, in several lines, or fragments."""
    page = """
   ```python
   from secretsync.core.model import (
       Secret,
       Origin,
   )
   class Broken(...
   ```
```python
import secretsync.cli
```
"""
    found = [("secretsync.core.model", "Secret"), ("secretsync.core.model", "Origin"), ("secretsync.cli", None)]
    assert list(imported_names(code_of_page(page))) == found
    assert not any(is_public(*pair) for pair in found)
    pages = "\n".join(code_of_page(path.read_text(encoding="utf-8")) for path in PAGES)
    modules = {module for module, _ in imported_names(pages)}
    assert {module for module in modules if not module.startswith(INTEGRATIONS)} == set(PUBLIC)
