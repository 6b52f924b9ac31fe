"""The formats of `audit`: the same reports give the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from secretsync.audit.formats.github import as_github
from secretsync.audit.formats.json_ import as_json
from secretsync.audit.formats.junit import as_junit
from secretsync.audit.formats.markdown import as_markdown
from secretsync.audit.formats.sarif import as_sarif
from secretsync.audit.formats.shared import Reports
from secretsync.audit.formats.text import as_text

FORMATS: dict[str, Callable[[Reports], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "sarif": as_sarif,
    "github": as_github,
    "markdown": as_markdown,
}
