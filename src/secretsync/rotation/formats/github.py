"""Ages of secrets as annotations of a GitHub workflow: one for each finding, at the line of the env file."""

from __future__ import annotations

from secretsync.core.reporting.github import write_annotations
from secretsync.core.text import count_of
from secretsync.rotation.formats.document import Document, count_states


def render(document: Document) -> str:
    """Return the annotations. The last one, a notice, counts the secrets."""
    counts = count_states(document.summary)
    total = sum(document.summary.values())
    summary = f"{document.names}: " + (f"{count_of(total, 'secret')}: {counts}" if counts else "no secrets")
    return write_annotations(document.rows, title="Secret rotation", summary=summary)
