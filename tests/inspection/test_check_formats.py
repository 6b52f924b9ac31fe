"""The formats of `check` for other programs."""

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from secretsync.core.errors import Problem, ProblemKind
from secretsync.inspection.check_formats import FORMATS, CheckReport

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
HOSTILE = "KEY\n::error::|<x>"


def report(*kinds: ProblemKind) -> CheckReport:
    """Return a report with a problem of each kind, in the file and at the line that a review shows."""
    return CheckReport(
        project="shop",
        environment="production",
        at=AT,
        problems=tuple(
            Problem(
                kind=kind,
                key=HOSTILE,
                file="env/production/security.env",
                line=3,
                reference="aws:app",
                store="aws",
                cause="the cause",
                hint="the hint",
            )
            for kind in kinds
        ),
        not_checked=("the right to read values: aws",),
        secrets=2,
    )


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_problem(name: str) -> None:
    """Place, cause and next step are there, and no name forges a line."""
    text = FORMATS[name]([report(ProblemKind.MISSING)])
    for part in ("env/production/security.env", "the cause", "the hint", "aws:app"):
        assert part in text
    assert "\n::error::" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_result(name: str) -> None:
    """Without a problem, the report says how many secrets were found."""
    text = FORMATS[name]([report()])
    assert "2 secrets found" in text or name == "sarif"


def test_junit() -> None:
    """A missing secret is a failure; a store that did not answer is an error, because nobody knows."""
    root = ET.fromstring(FORMATS["junit"]([report(ProblemKind.MISSING, ProblemKind.UNAVAILABLE)]))
    (suite,) = root
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == ("2", "1", "1")


def test_sarif() -> None:
    """The run is not complete if a store failed, and it has a note on what was not checked."""
    (run,) = json.loads(FORMATS["sarif"]([report(ProblemKind.DENIED)]))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "the right to read values: aws" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    (result,) = run["results"]
    assert result["ruleId"] == "check/denied"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
