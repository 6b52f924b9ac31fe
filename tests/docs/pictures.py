"""Draw the pictures of README.md from real output: a session in a terminal, and the page of `check-rotation`.

`make docs-pictures` runs this module. The session is an SVG with the same bytes each time, which a test compares. The
page is a screenshot by chromium, which is skipped if chromium is not installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from html import escape
from pathlib import Path

from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.terminals import run_program_in_terminal

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
COLUMNS = 88
SESSION = (
    "grep SECRET env/development/security.env",
    "secretsync check -e development",
    "secretsync run -e development -- python demo/app.py",
    "rm .secrets/development/jwt_secret",
    "secretsync run -e development -- python demo/app.py",
    "echo $?",
)
# Escape sequences that SecretSync writes, by the class of the style sheet.
_CLASSES = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "35": "magenta", "36": "cyan"}
_STYLE = """
  svg { --back: #ffffff; --edge: #d0d7de; --text: #1f2328; --dim: #59636e; --prompt: #0550ae;
        --red: #b3261e; --green: #116329; --yellow: #7d4e00; --magenta: #8250df; --cyan: #0b5c7a }
  @media (prefers-color-scheme: dark) {
    svg { --back: #161b22; --edge: #3d444d; --text: #e6edf3; --dim: #9198a1; --prompt: #79c0ff;
          --red: #ff7b72; --green: #7ee787; --yellow: #e3b341; --magenta: #d2a8ff; --cyan: #76e3ea }
  }
  rect { fill: var(--back); stroke: var(--edge) }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
         fill: var(--text); white-space: pre }
  .bold { font-weight: bold }
"""
_TODAY = date(2027, 1, 15)
# Days since each secret was made, and its limit.
_AGES = {
    "database_password": (49, "30d"),
    "smtp_password": (81, "90d"),
    "jwt_secret": (20, "60d"),
    "api_token": (5, "30d"),
}
_LINE, _CHARACTER, _MARGIN = 19, 7.8, 18


def session(columns: int = COLUMNS) -> list[str]:
    """Run the commands of the session on a copy of this project; return the lines of the terminal, with escapes."""
    with tempfile.TemporaryDirectory(prefix="secretsync-picture-") as temporary:
        folder = Path(temporary)
        secrets = folder / ".secrets" / "development"
        secrets.mkdir(parents=True)
        for name in ("secret_key", "jwt_secret", "database_password"):
            (secrets / name).write_text("not-a-secret-" * 4)
        for name in ("env", "providers", "demo"):
            shutil.copytree(ROOT / name, folder / name)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        variables = {"PATH": path, "SMTP_PASSWORD": "not-a-secret", "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        env = clean_environment(folder, variables)
        lines: list[str] = []
        status = 0
        for command in SESSION:
            argv = ["bash", "--noprofile", "--norc", "-c", f"(exit {status}); {command}"]
            status, shown = run_program_in_terminal(argv, columns=columns, cwd=folder, env=env)
            lines += [f"$ {command}", *(shown[:-1] if shown[-1] == "" else shown)]
        return lines


def session_svg(lines: list[str]) -> str:
    """Return the lines as an SVG that is readable on a light and on a dark page."""
    width = round(COLUMNS * _CHARACTER) + 2 * _MARGIN
    height = len(lines) * _LINE + 2 * _MARGIN
    rules = "".join(
        f"  .{name} {{ fill: var(--{name}) }}\n" for name in ("prompt", *_CLASSES.values()) if name != "bold"
    )
    drawn = "\n".join(_text(line, _MARGIN + (number + 1) * _LINE - 5) for number, line in enumerate(lines) if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="A session in a terminal: check, run, and what a missing secret prints">\n'
        f"<style>{_STYLE}{rules}</style>\n"
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{drawn}\n</svg>\n'
    )


def _text(line: str, y: int) -> str:
    is_command = line.startswith("$ ")
    spans = [("bold", line[2:])] if is_command else list(_spans(line))
    if is_command:
        spans.insert(0, ("prompt", "$ "))
    x = float(_MARGIN)
    drawn = []
    for name, text in spans:
        # The length is fixed, so that columns stay in line with every font.
        length = round(len(text) * _CHARACTER, 1)
        chosen = f' class="{name}"' if name else ""
        drawn.append(f'<tspan x="{x:.1f}" textLength="{length}"{chosen}>{escape(text, quote=False)}</tspan>')
        x += length
    return f'<text y="{y}" xml:space="preserve">{"".join(drawn)}</text>'


def _spans(line: str) -> Iterator[tuple[str, str]]:
    """Split a line at its escape sequences into parts with a class of the style sheet."""
    name = ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b"):
            name = _CLASSES.get(part[2:-1], "")
        elif part:
            yield name, part


def rotation_page(folder: Path) -> Path:
    """Write the page of `check-rotation` for secrets with fixed dates into `folder`, and return its path."""
    (folder / "files").mkdir(parents=True)
    lines = []
    for name, (days, limit) in _AGES.items():
        (folder / "files" / name).write_text("not-a-secret")
        rotated = _TODAY - timedelta(days=days)
        lines.append(f'{name.upper()} = {{ ref = "docker:{name}", max_age = "{limit}", rotated = {rotated} }}')
    bindings = "\n".join(["[stores.docker]", 'dir = "files"', "[secrets]", *lines, ""])
    for path, text in (
        ("providers/production.toml", bindings),
        ("env/production/security.env", "".join(f"{name.upper()}=$<{name.upper()}>\n" for name in _AGES)),
    ):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(text)
    page = folder / "rotation.html"
    argv = secretsync_argv(
        ["check-rotation", "-e", "production", "--at", str(_TODAY), "--format", "html", "--output", str(page)]
    )
    run_command(argv, cwd=folder, env=clean_environment(folder), expect=1)
    return page


def screenshot(chromium: str, page: Path, picture: Path, *, is_dark: bool) -> None:
    """Save a picture of a page."""
    scheme = ["--blink-settings=preferredColorScheme=0"] if is_dark else ["--blink-settings=preferredColorScheme=1"]
    argv = [chromium, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--window-size=900,700"]
    argv += [*scheme, f"--user-data-dir={page.parent / 'profile'}", f"--screenshot={picture}", page.as_uri()]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)


def main() -> None:
    """Draw all pictures."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "session.svg").write_text(session_svg(session()), encoding="utf-8")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("chromium is not installed: the pictures of the page stay as they are\n")
        return
    with tempfile.TemporaryDirectory(prefix="secretsync-picture-") as temporary:
        page = rotation_page(Path(temporary) / "shop")
        for name, is_dark in (("rotation.png", False), ("rotation-dark.png", True)):
            screenshot(chromium, page, FOLDER / name, is_dark=is_dark)


if __name__ == "__main__":
    main()
