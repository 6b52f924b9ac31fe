"""CONTRIBUTING.md names only what exists, and the README files of the folders have correct links."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cases import check_each

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "secretsync"
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = ("env", "providers", "docker", "tests", "src/secretsync")

CODE = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGE)
PATHS = sorted({text for text in CODE if re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|toml|txt))", text)})
# `name` (`path`), or `one` and `other` (`path`).
NAMED = re.findall(r"((?:`[\w.]+`(?:, | and | or )?)+) \(`([\w/]+\.py)`\)", re.sub(r"\s+", " ", PAGE))
# Names of code without a path behind them: with an underscore, a dot, or a capital inside.
WORDS = sorted(
    {text for text in CODE if re.fullmatch(r"[A-Za-z]+(?:(?:_|\.(?!py|md|toml))[A-Za-z]+|[a-z][A-Z][a-z]+)+", text)}
)


def find(path: str) -> Path | None:
    """Return the file or folder that the page means; None if it does not exist."""
    return next((place / path for place in (SOURCE, ROOT) if (place / path).exists()), None)


def _with_name(name: str) -> Iterator[Path]:
    return (path for folder in ("src", "env") for path in (ROOT / folder).rglob(name))


@functools.cache
def words_of_code() -> frozenset[str]:
    """Return every word of the code and of its tests, without this module."""
    files = [*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    texts = (path.read_text(encoding="utf-8") for path in files if path != Path(__file__))
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


@functools.cache
def defined_names(path: Path) -> frozenset[str]:
    """Return the functions, classes, methods (`Class.method`) and constants that a module defines."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{node.name}.")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


def folder_of_new_file(path: str) -> str:
    """Return the part of a path that exists before a recipe is followed: `audit/` of `audit/NAME.py`."""
    return path.partition("NAME")[0].rpartition("/")[0] if "NAME" in path else path


def test_paths_exist() -> None:
    """A path of the page exists. A file name without a folder is a file of any folder."""

    def check(path: str) -> None:
        existing = folder_of_new_file(path)
        assert find(existing) is not None or ("/" not in path and any(_with_name(path)))

    check_each(PATHS, check)


def test_names_are_defined_in_their_modules() -> None:
    """A function, class or constant is defined in the module that stands behind it."""

    def check(case: tuple[str, str]) -> None:
        names, path = case
        module = find(path)
        assert module is not None
        assert set(re.findall(r"`([\w.]+)`", names)) <= defined_names(module)

    check_each(NAMED, check)


def test_names_are_in_the_code() -> None:
    """A name without a path is a word of the code or of its tests."""

    def check(name: str) -> None:
        assert set(name.split(".")) <= words_of_code()

    check_each(WORDS, check)


def test_make_targets() -> None:
    """Each target that the page names is one of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", PAGE, re.MULTILINE))
    assert {"test", "lint", "docs-tables"} <= named <= targets


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_says_what_belongs_there(folder: str) -> None:
    """The README of a folder is short if it is not the one of the tests, and its links lead to files."""
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert folder == "tests" or len(text.split("\n")) <= 14
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
        assert (ROOT / folder / target).exists(), target


def test_bindings_are_alone() -> None:
    """The folder `providers/` of this repository has bindings and its README, because code is in the package."""
    assert {path.suffix for path in (ROOT / "providers").iterdir()} == {".toml", ".md"}
