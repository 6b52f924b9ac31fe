"""Each writer of a report accepts rows of every command: with and without a key, a file, a line or a hint."""

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from secretsync.core.reporting.github import write_annotations
from secretsync.core.reporting.junit import Failure, TestCase, TestSuite, write_junit
from secretsync.core.reporting.markdown import escape_markdown, markdown_list, markdown_table
from secretsync.core.reporting.rows import Place, ReportRow, ReportRule
from secretsync.core.reporting.sarif import Invocation, write_sarif

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
RULES = (ReportRule(id="a", text="A is so"), ReportRule(id="b", text="B is so", is_error=False, hint="fix b"))


def row(*places: Place, rule: str = "b", ignored_because: str | None = None, hint: str | None = "fix it") -> ReportRow:
    """Return a row at some places."""
    return ReportRow(
        rule=rule,
        is_error=rule == "a",
        message="it is wrong",
        hint=hint,
        title="KEY is wrong",
        places=places,
        identity=("production", rule),
        ignored_because=ignored_because,
    )


def results(*rows: ReportRow) -> list[dict[str, object]]:
    """Return the results of a SARIF run."""
    (run,) = json.loads(write_sarif("check", RULES, rows, fingerprint="test/v1"))["runs"]
    found: list[dict[str, object]] = run["results"]
    return found


def test_sarif_of_a_row_without_a_file() -> None:
    """A row that only has a key has no location, and its key is in the message."""
    (result,) = results(row(Place("KEY")))
    assert result["message"] == {"text": "KEY: it is wrong; fix it"}
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("b", 1, "warning")
    assert "locations" not in result


def test_sarif_of_a_row_without_a_line() -> None:
    """A file without a line is a location without a region; a row without a key or hint has only its message."""
    (result,) = results(row(Place(None, "env/a b.env"), rule="a", hint=None))
    assert result["message"] == {"text": "it is wrong"}
    location = {"artifactLocation": {"uri": "env/a%20b.env", "uriBaseId": "%SRCROOT%"}}
    assert result["locations"] == [{"physicalLocation": location}]


def test_sarif_of_several_places() -> None:
    """The first place is the location, and the other places are related locations."""
    (result,) = results(row(Place("A", "a.env", 1), Place("B", "/b.env", 2)))
    assert result["message"] == {"text": "A, B: it is wrong; fix it"}
    assert len(result["locations"]) == len(result["relatedLocations"]) == 1  # type: ignore[arg-type]


def test_sarif_fingerprint_is_of_the_identity() -> None:
    """Another line, message or key is the same result; another identity is another result."""
    first, second, third = results(row(Place("A", "a.env", 1)), row(Place("A", "a.env", 9)), row(rule="a"))
    assert first["partialFingerprints"] == second["partialFingerprints"] != third["partialFingerprints"]


def test_sarif_of_an_ignored_row() -> None:
    """An ignored row is a suppressed result with the reason."""
    (result,) = results(row(ignored_because="accepted"))
    assert result["suppressions"] == [{"kind": "external", "justification": "accepted"}]


def test_sarif_invocation() -> None:
    """An incomplete run is not successful, and its notes are notifications."""
    invocation = Invocation(is_complete=False, at=AT, notes=("not checked: a",))
    (run,) = json.loads(write_sarif("check", RULES, (), fingerprint="test/v1", invocation=invocation))["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["endTimeUtc"] == "2026-11-24T09:30:00Z"
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "not checked: a"


@pytest.mark.parametrize(
    ("place", "properties"),
    [
        (Place("KEY", "a.env", 3), "file=a.env,line=3,title=KEY is wrong"),
        (Place("KEY", "a,b.env"), "file=a%2Cb.env,title=KEY is wrong"),
        (Place("KEY"), "title=KEY is wrong"),
    ],
)
def test_annotation(place: Place, properties: str) -> None:
    """An annotation has the known parts of its place; an ignored row has no annotation."""
    text = write_annotations([row(place), row(ignored_because="accepted")], title="Check", summary="1 finding")
    assert text == f"::warning {properties}::it is wrong; fix it\n::notice title=Check::1 finding\n"


def test_junit() -> None:
    """A case passes, fails or could not be tested, and the suite counts the three."""
    cases = (
        TestCase(suite="production.policy", name="a"),
        TestCase(suite="production.policy", name="b", place=Place("B", "b.env", 2), output="a note"),
        TestCase(suite="production.policy", name="c", failure=Failure(type="rule", message="wrong", lines=("d", "e"))),
        TestCase(suite="production.policy", name="f", failure=Failure(type="store", message="down", is_error=True)),
    )
    (suite,) = ET.fromstring(write_junit("check", [TestSuite(name="production", at=AT, cases=cases)]))
    assert suite.attrib == {
        "name": "production",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "0",
        "timestamp": "2026-11-24T09:30:00",
    }
    first, second, third, fourth = suite
    assert list(first) == []
    assert (second.get("file"), second.get("line"), second.findtext("system-out")) == ("b.env", "2", "a note")
    assert third.findtext("failure") == "d\ne"
    assert fourth.find("error[@message='down']") is not None


def test_markdown() -> None:
    """Text cannot end a cell or begin markup, and an empty list has no title."""
    assert escape_markdown("a|b <i>`c`\n") == "a\\|b \\<i\\>\\`c\\`\\\\n"
    assert markdown_table(("", "B"), [("a", "b")]) == ["| | B |", "|---|---|", "| a | b |"]
    assert markdown_list("Empty", ()) == []
