"""Report words that make the text of this project hard to read. `make lint` runs this module."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Use the common word: fix, again, who, no one, is not, missing.
_WORDS = (
    *("mend", "mends", "mended", "mending", "anew", "whoever", "nobody", "told"),
    *("is none", "are none", "needs none", "of ours", "be had", "stands in", "stands there"),
    *("who keeps", "as it would be", "in need", "on wish"),
)
# A capital may begin a sentence. `None` of Python is another word than `none`.
_PATTERN = re.compile(rf"\b(?:{'|'.join(f'[{word[0].upper()}{word[0]}]{word[1:]}' for word in _WORDS)})\b")


def found_in(text: str) -> list[tuple[int, str]]:
    """Return the line and the word of each finding."""
    return [(text.count("\n", 0, match.start()) + 1, match[0]) for match in _PATTERN.finditer(text)]


def main() -> int:
    """Print each finding; return 1 if there is one. The docs have the help texts."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    findings = [
        f"{path.relative_to(ROOT)}:{line}: {word!r} is hard to read; use a common word"
        for path in sorted(pages)
        for line, word in found_in(path.read_text(encoding="utf-8"))
    ]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
