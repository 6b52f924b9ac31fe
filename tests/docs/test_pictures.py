"""The pictures of README.md show what the commands print, and can be read on light and dark pages."""

import re
import struct
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.docs.pictures import COLUMNS, FOLDER, SESSION, rotation_page, session, session_svg
from tests.support.tools import needs_tool

SVG = "{http://www.w3.org/2000/svg}"
README = Path(__file__).parents[2] / "README.md"


def test_the_session_is_what_the_commands_print() -> None:
    """The picture has the bytes that `make docs-pictures` draws now."""
    needs_tool("bash")
    lines = session()
    assert [line[2:] for line in lines if line.startswith("$ ")] == list(SESSION)
    assert max(map(len, lines)) <= COLUMNS
    assert (FOLDER / "session.svg").read_text(encoding="utf-8") == session_svg(lines), "make docs-pictures"


def test_the_session_is_an_image_by_itself() -> None:
    """The file is SVG with a description, without scripts and without addresses of other files."""
    text = (FOLDER / "session.svg").read_text(encoding="utf-8")
    image = ET.fromstring(text)
    assert image.tag == f"{SVG}svg"
    assert image.get("aria-label")
    assert {element.tag.removeprefix(SVG) for element in image.iter()} == {"svg", "style", "rect", "text", "tspan"}
    assert not re.search(r"href|url\(|@import|<script", text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_enough_contrast(scheme: str) -> None:
    """Each colour of text has the contrast 4.5 with the background, as WCAG 2.2 asks."""
    style = (FOLDER / "session.svg").read_text(encoding="utf-8").partition("</style>")[0]
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", light if scheme == "light" else dark))
    back = luminance(colours.pop("back"))
    colours.pop("edge")
    assert len(colours) == 8
    for name, colour in colours.items():
        dark_one, light_one = sorted((back, luminance(colour)))
        assert (light_one + 0.05) / (dark_one + 0.05) >= 4.5, name


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, by WCAG."""
    parts = (int(colour[at:end], 16) / 255 for at, end in pairwise((1, 3, 5, 7)))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_page_of_rotation(tmp_path: Path) -> None:
    """The page of the screenshot has one secret in each state that the alternative text of the picture names."""
    text = rotation_page(tmp_path / "shop").read_text(encoding="utf-8")
    for word in ("overdue", "due", "ok", "DATABASE_PASSWORD", "SMTP_PASSWORD"):
        assert word in text
    assert "not-a-secret" not in text


@pytest.mark.parametrize("name", ["rotation.png", "rotation-dark.png"])
def test_the_screenshots_are_small(name: str) -> None:
    """Each screenshot is a PNG of 900 pixels in width, and below 120 kB."""
    data = (FOLDER / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", data[16:20]) == (900,)
    assert len(data) < 120_000


def test_the_readme_shows_the_pictures() -> None:
    """Each picture is in README.md, and each image there has an alternative text."""
    text = README.read_text(encoding="utf-8")
    for picture in FOLDER.iterdir():
        assert f"docs/pictures/{picture.name}" in text
    assert all(re.search(r'alt="[^"]{20,}"', tag) for tag in re.findall(r"<img [^>]*>", text))
