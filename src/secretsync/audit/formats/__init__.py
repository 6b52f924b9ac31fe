"""The formats of `audit`: the same reports give the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from secretsync.audit.formats.json_ import as_json
from secretsync.audit.formats.markdown import as_markdown
from secretsync.audit.formats.sarif import as_sarif
from secretsync.audit.formats.shared import Reports
from secretsync.audit.formats.text import as_text

FORMATS: dict[str, Callable[[Reports], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "markdown": as_markdown,
}
