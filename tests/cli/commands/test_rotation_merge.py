"""`secretsync rotation merge` as a process: reports of many projects become one, in every format."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from secretsync.rotation.formats import FORMATS
from tests.rotation.formats.test_formats import Page
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

AT = "2026-11-24T08:00:00Z"
LATER = ("--at", "2026-11-25T08:00:00Z")
BINDINGS = """
project = "{name}"
[secrets]
OLD_KEY   = {{ ref = "docker:old_key", rotated = {old} }}
FRESH_KEY = {{ ref = "docker:fresh_key", rotated = 2026-11-20 }}
"""


def report(made: Project, name: str, *, at: str = AT, environment: str = "production", old: str = "2026-06-01") -> str:
    """Check a project of this name, and return the file of its report."""
    folder = Path("projects") / name
    made.write(str(folder / f"env/{environment}/security.env"), "OLD_KEY=$<OLD_KEY>\nFRESH_KEY=$<FRESH_KEY>\n")
    made.write(str(folder / f"providers/{environment}.toml"), BINDINGS.format(name=name, old=old))
    file = f"{name}-{environment}-{at[:10]}.json"
    arguments = ("--root", str(folder), "--at", at, "--format", "json", "--output", file)
    done = made.cli("check-rotation", "-e", environment, *arguments)
    assert done.status in (0, 1), done.stderr
    return file


@pytest.fixture
def made(project: MakeProject) -> Project:
    """Return a folder for projects and reports."""
    return project({})


def merged(made: Project, *arguments: str, expect: int) -> dict[str, Any]:
    """Return the merged JSON document."""
    done = made.cli("rotation", "merge", *arguments, "--format", "json", expect=expect)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def environments(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the reports of a document by project and environment."""
    rows = document["environments"]
    return {(row["project"], row["environment"]): row for row in rows}


def test_the_newest_of_each_project_and_environment(made: Project) -> None:
    """Projects and environments stay apart, and an older report does not replace a newer one in any order."""
    new, other = report(made, "shop", old="2026-11-01"), report(made, "shop", environment="staging")
    old, bank = report(made, "shop", at="2026-11-23T08:00:00Z"), report(made, "bank")
    for files in ((new, other, old, bank), (old, bank, new, other)):
        document = merged(made, *files, *LATER, expect=1)
        found = environments(document)
        assert list(found) == [("bank", "production"), ("shop", "production"), ("shop", "staging")]
        assert found["shop", "production"]["at"] == AT
        assert [row["state"] for row in found["shop", "production"]["secrets"]] == ["ok", "ok"]
        assert (document["project"], document["projects"], document["outdated"]) == (None, 2, 0)
        assert document["summary"]["overdue"] == 2
        assert document["summary"]["ok"] == 4
    done = made.cli("rotation", "merge", new, old, *LATER, expect=0)
    assert f"1 file with an older report of the same project and environment: {old}; " in done.stderr
    assert made.cli("rotation", "merge", new, old, "-q", *LATER, expect=0).stderr == ""


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(made: Project, name: str) -> None:
    """Every format names each project, counts first, and marks what is out of date with its age."""
    files = [report(made, "shop"), report(made, "bank", at="2026-11-01T08:00:00Z")]
    arguments = ("rotation", "merge", *files, "--format", name, *LATER)
    text = made.cli(*arguments, expect=1).stdout
    made.cli(*arguments, "--output", "merged", expect=1)
    assert made.read("merged") == text
    assert "shop" in text
    assert "bank" in text
    if name != "prometheus":  # a number, and the time of the check
        assert "24 days old" in text
    if name == "table":
        assert text.startswith("2 projects, 2 environments, 5 secrets, 1 report out of date: 2 overdue, 2 unknown")
    if name == "prometheus":
        assert re.search(r'secret_state{project="bank",.*reference="production".*state="unknown"} 1', text)


def test_a_page(made: Project) -> None:
    """The page begins with the totals, and each line of its overview leads to a section. It asks for nothing."""
    files = [report(made, f"<b>{number}", old="2026-11-01" if number else "2026-06-01") for number in range(3)]
    page = Page(made.cli("rotation", "merge", *files, "--format", "html", *LATER, expect=1).stdout)
    assert page.open == []
    targets = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert targets == [f"#{name}" for name in sections] == ["#r0", "#r1", "#r2"]
    assert page.texts.index("3 projects, 3 environments, 6 secrets") < page.texts.index("<b>0 production ")
    assert not any("src" in attributes for _, attributes in page.elements)


def test_out_of_date(made: Project) -> None:
    """A report is out of date after four days, or after --outdated-after, and that is a finding."""
    file = report(made, "shop", old="2026-11-01")
    assert merged(made, file, "--at", "2026-11-28T08:00:00Z", expect=0)["outdated"] == 0
    document = merged(made, file, "--at", "2026-11-28T08:00:01Z", expect=1)
    assert document["outdated"] == 1
    (row,) = [row for row in environments(document)["shop", "production"]["secrets"] if row["state"] == "unknown"]
    assert "this report is out of date: it is 4 days old; run check-rotation there again" in row["hint"]
    assert merged(made, file, "--outdated-after", "12h", *LATER, expect=1)["outdated"] == 1
    assert merged(made, file, "--outdated-after", "52w", "--at", "2027-02-01", expect=0)["outdated"] == 0
    assert merged(made, file, "--outdated-after", "999999999w", *LATER, expect=0)["outdated"] == 0


def test_a_merge_of_merges(made: Project) -> None:
    """Merging in two steps gives the same document, and a report is not marked twice."""
    files = [report(made, "shop"), report(made, "bank", at="2026-11-01T08:00:00Z")]
    once = merged(made, *files, *LATER, expect=1)
    for number, file in enumerate(files):
        made.cli("rotation", "merge", file, "--format", "json", "--output", f"{number}.json", *LATER, expect=1)
    assert merged(made, "0.json", "1.json", *LATER, expect=1) == once


def test_a_merge_loses_nothing(made: Project) -> None:
    """The merged report on one project has the rows of its own report, with the findings and the places."""
    file = report(made, "shop")
    own = json.loads(made.read(file))
    assert environments(merged(made, file, *LATER, expect=1))["shop", "production"]["secrets"] == own["secrets"]
    sarif = made.cli("rotation", "merge", file, "--format", "sarif", *LATER, expect=1).stdout
    uris = re.findall(r'"uri": "([^"]+)"', sarif)
    assert uris == ["shop/env/production/security.env"]


def test_an_environment_that_could_not_be_judged(made: Project) -> None:
    """The error row of a report stays an error in the merged one, with its status."""
    made.write("p/env/production/security.env", "A=$<\n")
    made.write("p/env/staging/security.env", "B=1\n")
    made.write("p/providers/production.toml", 'project = "shop"\n')
    made.cli("check-rotation", "--all", "--root", "p", "--format", "json", "--output", "r.json", "--at", AT, expect=2)
    document = merged(made, "r.json", *LATER, expect=2)
    (row,) = environments(document)["shop", "production"]["secrets"]
    assert row["state"] == "error"
    assert row["findings"][0]["places"] == [{"key": "A", "file": "env/production/security.env", "line": 1}]


def damaged(text: str, canary: str) -> dict[str, tuple[bytes, str]]:
    """Files that are not reports, each with the words of its error."""
    good = json.loads(text)
    row = good["secrets"][0]

    def changed(**members: object) -> bytes:
        return json.dumps({**good, **members}).encode()

    def row_changed(**members: object) -> bytes:
        return changed(secrets=[{**row, **members}])

    without = {name: value for name, value in good.items() if name != "project"}
    foreign, malformed = "is not a report of check-rotation", "does not have the member"
    return {
        "empty": (b"", "is not JSON"),
        "text": (f"PASSWORD={canary}\n".encode(), "is not JSON"),
        "cut": (text.encode()[:-20], "is not JSON"),
        "twice": (b'{"schema": 1, "schema": 1}', "this file "),
        "binary": (b"\xff\xfe" + canary.encode(), "is not UTF-8"),
        "deep": (b"[" * 200_000, "is nested too deeply"),
        "list": (json.dumps([canary]).encode(), foreign),
        "sarif": (b'{"version": "2.1.0", "runs": []}', foreign),
        "audit": (json.dumps({"schema": 1, "project": "x", "environment": canary, "checks": []}).encode(), foreign),
        "several audits": (b'{"schema": 1, "environments": [{"environment": "x", "checks": []}]}', foreign),
        "newer": (changed(schema=2), "newer schema"),
        "schema as text": (changed(schema="1"), foreign),
        "schema true": (changed(schema=True), foreign),
        "long number": (changed(schema=1).replace(b'"schema": 1', b'"schema": ' + b"9" * 5000), foreign),
        "no project": (json.dumps(without).encode(), f"{malformed} project"),
        "project": (changed(project=7), f"{malformed} project"),
        "at": (changed(at=canary), f"{malformed} at"),
        "future": (changed(at="2031-01-01T00:00:00Z"), "in the future"),
        "forecast": (changed(forecast=True), "is a forecast"),
        "secrets": (changed(secrets={}), f"{malformed} secrets"),
        "row": (changed(secrets=[canary]), f"{malformed} secrets"),
        "state": (row_changed(state=canary), f"{malformed} state"),
        "clock": (row_changed(clock=canary), f"{malformed} clock"),
        "limit": (row_changed(limit=canary), f"{malformed} limit"),
        "created": (row_changed(created=canary), f"{malformed} created"),
        "age": (row_changed(age_days="1"), f"{malformed} age_days"),
        "places": (row_changed(places=[canary]), f"{malformed} places"),
        "line": (row_changed(places=[{"key": "A", "file": "f", "line": True}]), f"{malformed} line"),
        "findings": (row_changed(findings=[{"state": "overdue"}]), malformed),
        "kind": (row_changed(findings=[{**row["findings"][0], "kind": canary}]), f"{malformed} kind"),
        "notes": (row_changed(notes=[1]), f"{malformed} notes"),
    }


def test_files_that_are_not_reports(made: Project, canary: CanaryFactory) -> None:
    """Each is a named error without a word of the file, and an error row; the others are merged; the status is 2."""
    secret, good = canary(), report(made, "shop", old="2026-06-01")
    text = json.loads(made.read(good))
    text["secrets"].sort(key=lambda row: row["state"] != "overdue")
    cases = damaged(json.dumps(text), secret)
    names = []
    for number, (content, _) in enumerate(cases.values()):
        names.append(f"bad-{number}.json")
        made.write(names[-1], content)
    done = made.cli("rotation", "merge", *names, good, "absent.json", ".", "--format", "json", *LATER, expect=2)
    for name, (case, (_, words)) in zip(names, cases.items(), strict=True):
        (line,) = [line for line in done.stderr.splitlines() if f"{name}: " in line]
        assert words in line, case
        assert "; " in line, case
    assert "absent.json: it cannot be read: No such file or directory; name a readable file" in done.stderr
    assert ".: it is not a regular file but a folder" in done.stderr
    assert secret not in done.stderr + done.stdout
    found = environments(json.loads(done.stdout))
    assert len(found) == len(cases) + 3
    assert ("shop", "production") in found
    assert found["unknown", "bad-0.json"]["secrets"][0]["state"] == "error"


def test_the_group(made: Project) -> None:
    """The group lists its commands, and a wrong or missing one is a usage error."""
    assert "merge" in made.cli("rotation", "--help", expect=0).stdout
    for arguments in ((), ("--verbose",)):
        done = made.cli("rotation", *arguments, expect=2)
        assert done.stdout == ""
        assert "merge" in done.stderr
    unknown = made.cli("rotation", "nothing", expect=2).stderr
    advice = "`secretsync rotation --help` lists the commands"
    assert unknown == f"secretsync: rotation: there is no command of this name; {advice}\n"
    misspelt = "secretsync: rotation: there is no command 'merg'; did you mean merge?\n"
    assert made.cli("rotation", "merg", expect=2).stderr == misspelt
    assert made.cli("rotation", "merge", "--help", expect=0).stdout.startswith("usage: secretsync rotation merge ")
    assert "REPORT.json" in made.cli("rotation", "merge", expect=2).stderr
