"""Folders of the package stay small, no module imports itself by way of others, and tests have the same folders."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "secretsync"
MOST_MODULES = 16
MODULES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
}
# Folders of tests that are not about one package, and folders with helpers of a package's tests.
PURPOSES = {
    "container",
    "contract",
    "data",
    "docs",
    "editors",
    "end_to_end",
    "fuzz",
    "golden",
    "repository",
    "servers",
    "support",
}
FOLDERS = {"config/libraries", "providers/plugin"}
# Tests of a subject of their folder, that has the name of a module elsewhere by chance.
SUBJECTS = {
    "audit/test_rules.py",
    "cli/commands/test_env_files.py",
    "cli/test_errors.py",
    "planning/test_compose.py",
    "providers/aws/test_session.py",
}


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imports(node: ast.AST) -> Iterator[str]:
    """Yield the modules of the package that a module imports, also those that it imports inside a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.module is not None:
            names = [f"{child.module}.{alias.name}" for alias in child.names]
            yield from (name if name in MODULES else child.module for name in names)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif not _is_for_types(child):
            yield from _imports(child)


def circles(imports: dict[str, set[str]]) -> set[str]:
    """Return the modules that import themselves by way of others."""
    left = {name: targets & imports.keys() - {name} for name, targets in imports.items()}
    while leaves := {name for name, targets in left.items() if not targets}:
        left = {name: targets - leaves for name, targets in left.items() if name not in leaves}
    # What only imports a circle is not in it.
    while roots := left.keys() - set().union(*left.values()):
        left = {name: targets for name, targets in left.items() if name not in roots}
    return set(left)


def test_no_circle_of_imports() -> None:
    """No module imports itself by way of others, not even by an import inside a function."""
    imports = {name: set(_imports(ast.parse(path.read_text(encoding="utf-8")))) for name, path in MODULES.items()}
    assert circles(imports) == set()


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": {"os"}}, set()),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}, {"a", "b"}),
    ],
)
def test_a_circle_is_found(imports: dict[str, set[str]], expected: set[str]) -> None:
    """Modules that only import a circle are not in it, nor are modules that a circle imports."""
    assert circles(imports) == expected


def test_no_folder_has_too_many_modules() -> None:
    """Only commands and formats may be many, because each is a module of its own with the same functions."""
    folders = {path.parent for path in MODULES.values()}
    counts = {str(folder.relative_to(SOURCE)): len(list(folder.glob("*.py"))) for folder in folders}
    large = {
        name for name, count in counts.items() if count > MOST_MODULES and not name.endswith(("commands", "formats"))
    }
    assert large <= {"providers/aws"}


def paths_of_tests() -> Iterator[Path]:
    """Yield the modules of tests that are about one package, relative to `tests/`."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT / "tests")
        if len(name.parts) > 1 and name.parts[0] not in PURPOSES:
            yield name


def test_folders_of_tests_are_those_of_the_package() -> None:
    """Each folder with tests has the name of a folder of the package, or a purpose of its own."""
    folders = {name.parent for name in paths_of_tests()}
    assert {str(folder) for folder in folders if not (SOURCE / folder).is_dir()} == FOLDERS


def test_the_test_of_a_module_is_in_the_folder_of_the_module() -> None:
    """A test with the name of a module is in the folder of this module."""
    homes: dict[str, list[Path]] = {}
    for path in MODULES.values():
        homes.setdefault(path.stem.rstrip("_"), []).append(path.parent.relative_to(SOURCE))
    subjects = {str(name) for name in paths_of_tests() if name.parent not in homes.get(name.stem[5:], [name.parent])}
    assert subjects == SUBJECTS
