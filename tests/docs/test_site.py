"""The site: it is built without a warning, its links lead somewhere, and it loads nothing from another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

ROOT = Path(__file__).parents[2]
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "link": "href"}


class Page(HTMLParser):
    """What a page of HTML loads, where it leads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        """Read the page at `path`."""
        super().__init__()
        self.loads: set[str] = set()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the attributes of a tag."""
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if tag in LOADING and LOADING[tag] in given:
            self.loads.add(given[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built as by `make docs`."""
    folder = tmp_path_factory.mktemp("site")
    argv = [sys.executable, "-m", "sphinx", "-q", "-W", "-E", "-b", "html", "-d", str(folder / "cache")]
    subprocess.run([*argv, str(ROOT / "docs"), str(folder / "html")], check=True, capture_output=True, text=True)
    return folder / "html"


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    """Scripts, pictures and styles are files of the site, and styles import nothing."""
    for path in site.rglob("*.html"):
        loaded = {target for target in Page(path).loads if re.match(r"\w+:|//", target)}
        assert {target for target in loaded if not target.startswith("data:")} == set(), path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"@import|url\([\"']?(?:https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_no_dead_link(site: Path) -> None:
    """Each link leads to a file of the site and to an anchor that the file has."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in page.links | page.loads:
            if re.match(r"\w+:|//", link):
                continue
            target, anchor = urldefrag(link)
            file = (path.parent / unquote(target.partition("?")[0])).resolve() if target else path
            file = file / "index.html" if file.is_dir() else file
            is_dead = not file.exists() or (anchor and file in pages and unquote(anchor) not in pages[file].anchors)
            if is_dead:
                dead.append(f"{path.relative_to(site)}: {link}")
    assert dead == []


def test_every_page_is_in_the_menu_and_in_the_search(site: Path) -> None:
    """The menu of the first page, the index of the search and llms.txt have each page of docs/."""
    names = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    menu = Page(site / "index.html").links
    searched = (site / "searchindex.js").read_text(encoding="utf-8")
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    for name in names:
        assert f'"{name}"' in searched, name
        assert f"(_sources/{name}.md.txt)" in listed, name
        assert (site / "_sources" / f"{name}.md.txt").is_file()
        assert str(name) == "index" or f"{name}.html" in menu, name


def test_the_library_is_from_its_docstrings(site: Path) -> None:
    """Each public name of the library is on its page, with its docstring."""
    import secretsync

    page = (site / "library-reference.html").read_text(encoding="utf-8")
    anchors = Page(site / "library-reference.html").anchors
    for name in secretsync.__all__:
        assert name.startswith("__") or any(anchor.endswith(f".{name}") for anchor in anchors), name
    assert "Return the resolved configuration" in page or "resolve_config" in page
