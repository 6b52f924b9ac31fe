"""The audit of an environment: rules over what was read of it, and a report."""

from __future__ import annotations

from secretsync.audit.report import AuditReport, Ignored, audit

__all__ = ["AuditReport", "Ignored", "audit"]
