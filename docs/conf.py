"""The settings of the site. `make docs` builds it.

Sphinx reads the docstrings of the library, its search works without a server, and pages stay the Markdown that the
repository shows. The theme Furo loads nothing from another host.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

import secretsync

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = "SecretSync"
author = "The SecretSync authors"
version = release = secretsync.__version__
language = "en"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["examples"]
suppress_warnings = ["misc.highlighting_failure"]  # Pygments does not know policies of Vault.

myst_heading_anchors = 4

add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "SecretSync"
html_show_copyright = False

# Files at the top of the repository that are pages of the site too.
_PAGES = {"../SECURITY.md": "security.md", "../CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]+)((?:#[^)]*)?)\)")


def _links_of_the_site(_: Sphinx, page: str, source: list[str]) -> None:
    """Lead links to a file of the repository to its page, and leave out links to a folder."""
    folder = (HERE / page).parent

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match.groups()
        if target in _PAGES:
            return f"[{text}]({_PAGES[target]}{anchor})"
        return text if (folder / target).is_dir() else match[0]

    source[0] = _LINK.sub(link, source[0])


def _write_index_for_models(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt: each page with its title and its first sentence, for programs that read the site."""
    if error is not None or app.builder.name != "html":
        return
    lines = [f"# {project}", ""]
    for page in sorted(app.env.found_docs):
        title, sentence = app.env.titles[page].astext(), _first_sentence(app.env.get_doctree(page))
        lines.append(f"- [{title}](_sources/{page}.md.txt){f': {sentence}' if sentence else ''}")
    Path(app.outdir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _first_sentence(page: nodes.document) -> str:
    """Return the first sentence in the text of a page, without tables and lists of links."""
    for paragraph in page.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        sentence, end, _ = f"{text} ".partition(". ")
        if isinstance(paragraph.parent, nodes.section) and end and " · " not in sentence:
            return f"{sentence}."
    return ""


def setup(app: Sphinx) -> None:
    """Connect the functions of this file to the build."""
    app.connect("source-read", _links_of_the_site)
    app.connect("build-finished", _write_index_for_models)
