"""The Japanese pages: their code is that of the English pages, and so are their titles, tables and links in number."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each Japanese page and its English one.
PAGES = {
    "README.ja.md": "README.md",
    "docs/ja/start.md": "docs/start.md",
    "docs/ja/from-scripts.md": "docs/from-scripts.md",
}
_FENCED = re.compile(r"^ *```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?m)(?:^|\s)#\s.*$")
_KANA = re.compile("[\u3041-\u30ff]")


def read(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def code(page: str) -> list[tuple[str, str]]:
    """Return the blocks of a page with their languages, without comments."""
    return [(language, _COMMENT.sub("", text).rstrip()) for language, text in _FENCED.findall(read(page))]


def commands(page: str) -> list[str]:
    """Return the commands in the text of a page and in its tables, in order."""
    return re.findall(r"`((?:secretsync|make) [^`]+)`", _FENCED.sub("", read(page)))


def outline(page: str) -> list[tuple[int, int]]:
    """For each title its level, and the number of rows of tables below it."""
    text = _FENCED.sub("", read(page))
    parts = re.split(r"^(#+) .*$", text, flags=re.MULTILINE)[1:]
    return [
        (len(level), len(re.findall(r"^\|", body, re.MULTILINE)))
        for level, body in zip(parts[::2], parts[1::2], strict=True)
    ]


def test_every_japanese_page_is_compared() -> None:
    """No page is left out."""
    found = {*ROOT.glob("*.ja.md"), *(ROOT / "docs" / "ja").rglob("*.md")}
    assert {str(path.relative_to(ROOT)) for path in found} == set(PAGES)


@pytest.mark.parametrize(("page", "english"), PAGES.items())
def test_code_is_the_same(page: str, english: str) -> None:
    """Each block is that of the English page, but for its comments, and each command is in the same place."""
    assert code(page) == code(english)
    # Languages order the words of a sentence differently.
    assert sorted(commands(page)) == sorted(commands(english))


@pytest.mark.parametrize(("page", "english"), PAGES.items())
def test_parts_are_the_same(page: str, english: str) -> None:
    """The titles are of the same levels, and the tables of the same length, but for the list of pages in README."""
    translated, original = outline(page), outline(english)
    if page == "README.ja.md":
        assert len(translated) == len(original)
        translated, original = translated[:-1], original[:-1]
    assert translated == original


@pytest.mark.parametrize(("page", "english"), PAGES.items())
def test_pages_lead_to_each_other(page: str, english: str) -> None:
    """A reader finds the other language on both pages, and the page is Japanese."""
    for source, target in ((page, english), (english, page)):
        folder = (ROOT / source).parent
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", read(source))
        assert (ROOT / target).resolve() in {(folder / link).resolve() for link in links}
    assert len(_KANA.findall(read(page))) > 500
