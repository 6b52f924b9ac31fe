"""JUnit XML, which CI systems show as tests (the schema of Jenkins' xUnit plug-in)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.etree import ElementTree as ET

from secretsync.core.records import Record
from secretsync.core.reporting.rows import Place
from secretsync.core.text import printable
from secretsync.core.timestamps import format_timestamp


class Failure(Record, kw_only=True):
    """The reason why a test case did not pass."""

    type: str
    message: str
    lines: tuple[str, ...] = ()
    is_error: bool = False  # True: the case could not be tested, so that it neither passed nor failed


class TestCase(Record, kw_only=True):
    """One thing that was checked."""

    __test__ = False  # pytest collects classes by the name

    suite: str
    name: str
    place: Place | None = None
    failure: Failure | None = None  # None: it passed
    output: str | None = None  # a note on a case that passed


class TestSuite(Record, kw_only=True):
    """The cases of one environment."""

    __test__ = False

    name: str
    at: datetime
    cases: tuple[TestCase, ...]


def write_junit(command: str, suites: Iterable[TestSuite]) -> str:
    """Return the suites of one run of `command` as XML."""
    root = ET.Element("testsuites", name=f"secretsync {command}")
    for suite in suites:
        failures = [case.failure for case in suite.cases if case.failure is not None]
        errors = sum(failure.is_error for failure in failures)
        attributes = {
            "name": printable(suite.name),
            "tests": str(len(suite.cases)),
            "failures": str(len(failures) - errors),
            "errors": str(errors),
            "skipped": "0",
            "timestamp": format_timestamp(suite.at).removesuffix("Z"),  # the schema allows no zone; it is UTC
        }
        element = ET.SubElement(root, "testsuite", attributes)
        for case in suite.cases:
            _add_case(element, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_case(suite: ET.Element, case: TestCase) -> None:
    element = ET.SubElement(suite, "testcase", classname=printable(case.suite), name=printable(case.name), time="0")
    if case.place is not None and case.place.file is not None:
        element.set("file", printable(case.place.file))
        if case.place.line is not None:
            element.set("line", str(case.place.line))
    if case.failure is not None:
        failure = case.failure
        kind = "error" if failure.is_error else "failure"
        result = ET.SubElement(element, kind, type=failure.type, message=printable(failure.message))
        result.text = "\n".join(printable(line) for line in failure.lines)
    elif case.output:
        ET.SubElement(element, "system-out").text = printable(case.output)
