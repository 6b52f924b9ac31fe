"""Ages of secrets as JUnit XML: a suite for each environment, a test case for each secret."""

from __future__ import annotations

from secretsync.core.reporting.junit import Failure, TestCase, TestSuite, write_junit
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import RotationReport, SecretAge


def render(document: Document) -> str:
    """Return the suites. A finding that counts is a failure, or an error if the store gave no usable answer."""
    suites = [
        TestSuite(
            name=f"{report.project}.{report.environment}",
            at=report.at,
            cases=tuple(_case(document, report, secret) for secret in report.secrets),
        )
        for report in document.reports
    ]
    return write_junit("check-rotation", suites)


def _case(document: Document, report: RotationReport, secret: SecretAge) -> TestCase:
    first = secret.keys[0] if secret.keys else None
    return TestCase(
        suite=f"{report.project}.{report.environment}.{secret.store}",
        name=f"{secret.reference} ({secret.key_names})",
        place=None if first is None else document.place(report, first),
        failure=_failure(secret),
        output=f"{secret.state.value}: {secret.hint}" if secret.hint else None,
    )


def _failure(secret: SecretAge) -> Failure | None:
    counting = [finding for finding in secret.findings if finding.counts]
    if not counting:
        return None
    # A test case fails once, so the failure of a store is preferred to the age.
    store_failures = [finding for finding in counting if finding.kind is not None]
    first = (store_failures or counting)[0]
    places = [f"{key.file}:{key.line}: {key.name}" for key in secret.keys]
    return Failure(
        type=first.state.value,
        message=first.cause,
        lines=(*places, secret.hint or ""),
        is_error=bool(store_failures),
    )
