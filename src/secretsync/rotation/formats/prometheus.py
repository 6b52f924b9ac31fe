"""Ages of secrets in the text format of Prometheus, for the textfile collector of node_exporter."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.core.text import printable
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import RotationReport, SecretAge

# Each metric with its help text; all are gauges.
METRICS = {
    "secretsync_secret_age_seconds": "Age of the secret by its store's clock; absent where it is not known.",
    "secretsync_secret_limit_seconds": "Age at which the secret is overdue; absent where it is exempt.",
    "secretsync_secret_left_seconds": "Time until the limit, negative after it.",
    "secretsync_secret_state": "1 for the state that the secret is in.",
    "secretsync_secrets": "How many secrets of the environment are in each state.",
    "secretsync_rotation_checked_timestamp_seconds": "The moment that the ages were counted for.",
}


def render(document: Document) -> str:
    """Return every metric with its series, sorted."""
    lines: dict[str, list[str]] = {metric: [] for metric in METRICS}
    for report in document.reports:
        for metric, labels, value in _series(report):
            text = ",".join(f'{name}="{_escape(label)}"' for name, label in labels.items())
            lines[metric].append(f"{metric}{{{text}}} {value}")
    written = []
    for metric, text in METRICS.items():
        written += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", *sorted(lines[metric])]
    return "\n".join(written) + "\n"


def _series(report: RotationReport) -> Iterator[tuple[str, dict[str, str], int]]:
    environment = {"project": report.project, "environment": report.environment}
    for secret in report.secrets:
        labels = {**environment, **_labels(secret)}
        if secret.age is not None:
            yield "secretsync_secret_age_seconds", labels, secret.age
        if secret.limit.seconds is not None:
            yield "secretsync_secret_limit_seconds", labels, int(secret.limit.seconds)
        if secret.seconds_left is not None:
            yield "secretsync_secret_left_seconds", labels, secret.seconds_left
        yield "secretsync_secret_state", {**labels, "state": secret.state.value}, 1
    for state, count in report.summary.items():
        yield "secretsync_secrets", {**environment, "state": state.value}, count
    yield "secretsync_rotation_checked_timestamp_seconds", environment, int(report.at.timestamp())


def _labels(secret: SecretAge) -> dict[str, str]:
    keys = ",".join(sorted({key.name for key in secret.keys}))
    return {"store": secret.store, "reference": secret.reference, "keys": keys}


def _escape(label: str) -> str:
    """Return the value of a label by the exposition format: backslash, quote and line end are escaped."""
    return printable(label).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
