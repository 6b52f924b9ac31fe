"""JUnit XML: a suite for each environment, a test case for each secret."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from secretsync.core.errors import printable
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import RotationReport, SecretAge

__all__ = ["render"]


def render(document: Document) -> str:
    """What counts is a failure, what a store did not answer an error; the rest passes, with what is said about it."""
    root = ET.Element("testsuites", name="secretsync check-rotation")
    for report in document.reports:
        _suite(root, report)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, report: RotationReport) -> None:
    suite = ET.SubElement(root, "testsuite", name=printable(report.environment))
    failures = errors = 0
    for secret in report.secrets:
        case = _case(suite, report, secret)
        failures += case.find("failure") is not None
        errors += case.find("error") is not None
    suite.set("tests", str(len(report.secrets)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    suite.set("skipped", "0")
    suite.set("timestamp", format_timestamp(report.at).removesuffix("Z"))  # the schema knows no zone; it is UTC


def _case(suite: ET.Element, report: RotationReport, secret: SecretAge) -> ET.Element:
    names = ", ".join(dict.fromkeys(key.name for key in secret.keys))
    case = ET.SubElement(
        suite,
        "testcase",
        classname=printable(f"{report.environment}.{secret.store}"),
        name=printable(f"{secret.reference} ({names})"),
        time="0",
    )
    if secret.keys:
        case.set("file", printable(secret.keys[0].file))
        case.set("line", str(secret.keys[0].line))
    counting = [finding for finding in secret.findings if finding.counts]
    if counting:
        # One test case fails once: as an error where the store gave no usable answer.
        failed = [finding for finding in counting if finding.kind is not None]
        kind = "error" if failed else "failure"
        first = (failed or counting)[0]
        result = ET.SubElement(case, kind, type=first.state.value, message=printable(first.cause))
        places = [f"{key.file}:{key.line}: {key.name}" for key in secret.keys]
        result.text = "\n".join(printable(line) for line in (*places, secret.hint or ""))
    elif secret.hint:
        ET.SubElement(case, "system-out").text = printable(f"{secret.state.value}: {secret.hint}")
    return case
