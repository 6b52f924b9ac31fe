"""Ages of secrets in the text format of Prometheus, for the textfile collector of node_exporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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
# Written only if processes were asked about.
PROCESS_METRICS = {
    "secretsync_process_started_timestamp_seconds": "The moment that the secrets of the process had been read.",
    "secretsync_process_stale_secrets": "How many secrets of the process have another version in their stores.",
    "secretsync_process_stale_since_timestamp_seconds": "The earliest moment from which on a secret of it was stale.",
}

Series = tuple[str, Mapping[str, str], int]  # metric, labels, value


def render(document: Document) -> str:
    """Return every metric with its series, sorted."""
    series = [one for report in document.reports for one in _series(report)]
    processes = [one for report in document.reports for one in process_series(report)]
    return write_metrics(METRICS, series) + (write_metrics(PROCESS_METRICS, processes) if processes else "")


def write_metrics(metrics: Mapping[str, str], series: Iterable[Series]) -> str:
    """Return the text of `metrics`, names with their help, and of their series."""
    lines: dict[str, list[str]] = {metric: [] for metric in metrics}
    for metric, labels, value in series:
        text = ",".join(f'{name}="{_escape(label)}"' for name, label in labels.items())
        lines[metric].append(f"{metric}{{{text}}} {value}")
    written = []
    for metric, text in metrics.items():
        written += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", *sorted(lines[metric])]
    return "\n".join(written) + "\n"


def process_series(report: RotationReport) -> Iterator[Series]:
    """Yield the series of the processes of a report."""
    for state in report.processes:
        labels = {"project": report.project, "environment": report.environment, "process": state.process}
        if state.started is not None:
            yield "secretsync_process_started_timestamp_seconds", labels, int(state.started.timestamp())
        yield "secretsync_process_stale_secrets", labels, state.stale
        if state.since is not None:
            yield "secretsync_process_stale_since_timestamp_seconds", labels, int(state.since.timestamp())


def _series(report: RotationReport) -> Iterator[Series]:
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
