"""Match paths against the patterns of a .dockerignore, as Docker does."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable


class DockerIgnore:
    """The patterns of one file, in order. The last one that matches a path or one of its directories decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._patterns = [pattern for line in lines if (pattern := _pattern(line)) is not None]

    def excludes(self, path: str) -> bool:
        """Return True if the image does not get `path`, which is relative to the build context."""
        names = path.split("/")
        prefixes = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
        is_excluded = False
        for regex, excludes in self._patterns:
            if is_excluded is not excludes and any(regex.fullmatch(prefix) for prefix in prefixes):
                is_excluded = excludes
        return is_excluded


def matches(pattern: str, path: str) -> bool:
    """Return True if a pattern of COPY or of a .dockerignore matches exactly `path`."""
    return _regex(cleaned(pattern)).fullmatch(path) is not None


def _pattern(line: str) -> tuple[re.Pattern[str], bool] | None:
    """Return a line as a pattern, and True if the line excludes. None: a comment, or a line without a pattern."""
    if line.startswith("#"):
        return None
    text = line.strip()
    excludes = not text.startswith("!")
    text = text if excludes else text[1:].strip()
    return (_regex(cleaned(text)), excludes) if text else None


def cleaned(text: str) -> str:
    """Return a path without `.`, `..` and a slash at its ends. The whole context is an empty path."""
    return posixpath.normpath(f"/{text.strip()}").lstrip("/")


# As in Docker: ** crosses slashes, * and ? do not, [...] is a class, a backslash takes a character literally.
_TOKENS = re.compile(r"\*\*/?|\*|\?|\[\^?\]?[^\]]*\]|\\.|.", re.DOTALL)


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(map(_translated, _TOKENS.findall(pattern))), re.DOTALL)
    except re.error:  # such as [z-a]: Docker refuses to build, so nothing is excluded
        return re.compile(r"(?!)")


def _translated(token: str) -> str:
    if token.startswith("**"):
        return "(?:.*/)?" if token.endswith("/") else ".*"
    if token.startswith("[") and len(token) > 1:
        return token.replace("\\", "\\\\").replace("[[", "[\\[")
    return {"*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token[-1]))
