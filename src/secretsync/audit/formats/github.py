"""An audit as annotations of a GitHub workflow: one for each finding, at its line."""

from __future__ import annotations

from secretsync.audit.formats.shared import Reports, report_rows, total_line
from secretsync.core.reporting.github import write_annotations


def as_github(reports: Reports) -> str:
    """Return the annotations. The last one, a notice, counts the findings."""
    return write_annotations(report_rows(reports), title="Audit", summary=total_line(reports))
