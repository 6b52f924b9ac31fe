"""Each format is read by a real reader of it, whatever the names in it try."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from secretsync.core.records import replace
from secretsync.core.reporting.terminal import Look
from secretsync.core.text import printable
from secretsync.project.bindings import Limit
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats import FORMATS, render
from secretsync.rotation.formats.document import Document
from secretsync.rotation.formats.html_ import _MEANINGS
from secretsync.rotation.formats.prometheus import METRICS
from secretsync.rotation.report import Key, RotationReport, SecretAge
from tests.rotation.formats.samples import DATED, HOSTILE, NOW, QUIET, document, secret
from tests.support.cases import check_each
from tests.support.processes import clean_environment, run_command
from tests.support.tools import needs_tool

DAY = 86400


# All formats


@pytest.mark.parametrize("name", FORMATS)
def test_names_add_nothing(name: str) -> None:
    """A name adds no line and no control character to a report, and the text is UTF-8."""
    plain = render(name, document("plain", environments=("plain",)))

    def check(hostile: str) -> None:
        text = render(name, document(hostile, environments=(hostile,)))
        assert text.count("\n") == plain.count("\n")
        assert all(char == "\n" or char.isprintable() for char in text)
        assert text.encode("utf-8").endswith(b"\n")

    check_each(HOSTILE, check, ascii)


@pytest.mark.parametrize("name", FORMATS)
def test_deterministic(name: str) -> None:
    """Equal reports are equal texts, and each text has the time it is for."""
    assert render(name, document("a", "b")) == render(name, document("a", "b"))


@pytest.mark.parametrize("name", FORMATS)
def test_no_secret(name: str) -> None:
    """An environment without secrets has a report too."""
    assert render(name, document()).endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_colour_is_the_table_s_alone(name: str) -> None:
    """Escapes for a terminal come only where a terminal reads, and only in the table."""
    assert ("\x1b[" in render(name, document("a", colour=True))) == (name == "table")
    assert "\x1b[" not in render(name, document("a"))


# JSON


PLACES = [
    {"key": "A_KEY", "file": "env/x/security.env", "line": 1},
    {"key": "B_URL", "file": "env/x/web.env", "line": 2},
]


def test_json() -> None:
    """The JSON document of one environment has exactly the documented members."""
    read = json.loads(render("json", document("x")))
    assert list(read) == ["schema", "project", "environment", "at", "forecast", "summary", "secrets"]
    assert (read["project"], read["forecast"]) == ("shop", False)
    assert (read["schema"], read["environment"], read["at"]) == (1, "production", "2026-11-24T08:00:00Z")
    assert read["summary"] == {state.value: 1 for state in State}
    assert [row["reference"] for row in read["secrets"]] == sorted(row["reference"] for row in read["secrets"])
    overdue = next(row for row in read["secrets"] if row["state"] == "overdue")
    assert overdue == {
        "keys": ["A_KEY", "B_URL"],
        "reference": "aws:overdue/x",
        "store": "aws",
        "provider": "aws",
        "version": "version x",
        "clock": "version created",
        "created": "2026-08-16T08:00:00Z",
        "age_days": 100,
        "expires": None,
        "limit": "90d",
        "limit_from": "pattern x",
        "days_left": -10,
        "state": "overdue",
        "hint": "cause x after 100 days; hint x; note x",
        "places": PLACES,
        "findings": [
            {
                "state": "overdue",
                "counts": True,
                "cause": "cause x after 100 days",
                "hint": "hint x",
                "kind": None,
                "places": PLACES,
            }
        ],
        "notes": ["note x"],
    }


def test_json_of_several() -> None:
    """Several environments are a list of the same documents."""
    read = json.loads(render("json", document("x", environments=("production", "staging"))))
    assert list(read) == ["schema", "project", "at", "summary", "environments"]
    assert read["summary"]["overdue"] == 2
    assert [one["environment"] for one in read["environments"]] == ["production", "staging"]
    assert {tuple(one) for one in read["environments"]} == {
        ("project", "environment", "at", "forecast", "summary", "secrets")
    }


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_json_keeps_names(hostile: str) -> None:
    """A program gets each name as it is."""
    read = json.loads(render("json", document(hostile)))
    assert {row["version"] for row in read["secrets"]} == {f"version {hostile}"}


# JUnit


def test_junit() -> None:
    """A test case a secret; what counts is a failure, what a store did not answer an error; the sums are right."""
    suites = list(ET.fromstring(render("junit", document(*HOSTILE, environments=("production", "a<b")))))
    assert [suite.get("name") for suite in suites] == ["shop.production", "shop.a<b"]
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases) == len(HOSTILE) * len(State)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) == 4 * len(HOSTILE)
        assert int(suite.get("errors", "")) == len(suite.findall("testcase/error")) == 3 * len(HOSTILE)
        assert {case.get("name") for case in cases} >= {
            f"aws:overdue/{printable(name)} (A_KEY, B_URL)" for name in HOSTILE
        }
    overdue = next(case for case in suites[0] if "overdue" in case.get("name", ""))
    assert overdue.find("failure[@type='overdue']") is not None
    assert overdue.get("line", "").isdigit()


def test_junit_by_xmllint(tmp_path: Path) -> None:
    """Another XML parser reads it too."""
    path = tmp_path / "junit.xml"
    path.write_text(render("junit", document(*HOSTILE)), encoding="utf-8")
    xmllint = needs_tool("xmllint")
    run_command([xmllint, "--noout", str(path)], cwd=tmp_path, env=clean_environment(tmp_path), expect=0)


# SARIF


def test_sarif() -> None:
    """A result for each finding, with what section 3 of SARIF 2.1.0 requires, at the line of the env file."""
    log = json.loads(render("sarif", document(*HOSTILE)))
    assert log["runs"][0]["automationDetails"] == {"id": "secretsync-check-rotation/shop/production/"}
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    assert len(run["results"]) == len(HOSTILE) * (len(State) - len(QUIET))
    fingerprints = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] == ("warning" if result["ruleId"] == "rotation/due" else "error")
        assert result["message"]["text"]
        for location in [*result["locations"], *result["relatedLocations"]]:
            place = location["physicalLocation"]
            # Of RFC 3986 a relative reference: nothing but what a path may hold unencoded.
            assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", place["artifactLocation"]["uri"])
            assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
            assert place["region"]["startLine"] >= 1
        fingerprints.add(result["partialFingerprints"]["secretsyncRotation/v2"])
    assert len(fingerprints) == len(run["results"])


def test_sarif_fingerprints_last() -> None:
    """The next day's report finds the same alerts again."""

    def fingerprints(text: str) -> list[str]:
        return [one["partialFingerprints"]["secretsyncRotation/v2"] for one in json.loads(text)["runs"][0]["results"]]

    today, tomorrow = render("sarif", document("x")), render("sarif", document("x", days=101))
    assert today != tomorrow
    assert fingerprints(today) == fingerprints(tomorrow)
    assert fingerprints(today) != fingerprints(render("sarif", document("y")))


# Prometheus


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_prometheus(hostile: str) -> None:
    """Prometheus's own Python parser gets every metric and each label as it was."""
    families = {one.name: one for one in text_string_to_metric_families(render("prometheus", document(hostile)))}
    assert set(families) == set(METRICS)
    assert {family.type for family in families.values()} == {"gauge"}
    states = families["secretsync_secret_state"].samples
    assert {sample.labels["state"] for sample in states} == {state.value for state in State}
    for sample in states:
        assert sample.value == 1
        assert sample.labels["reference"] == f"aws:{sample.labels['state']}/{printable(hostile)}"
        assert sample.labels["keys"] == "A_KEY,B_URL"
    ages = families["secretsync_secret_age_seconds"].samples
    assert [sample.value for sample in ages] == [100 * DAY] * len(DATED)
    assert {sample.value for sample in families["secretsync_secret_left_seconds"].samples} == {-10 * DAY}
    assert {sample.value for sample in families["secretsync_secret_limit_seconds"].samples} == {90 * DAY}
    (checked,) = families["secretsync_rotation_checked_timestamp_seconds"].samples
    assert checked.value == NOW.timestamp()


def test_prometheus_by_promtool(tmp_path: Path) -> None:
    """Promtool finds nothing wrong with the metrics."""
    promtool = needs_tool("promtool")
    text = render("prometheus", document(*HOSTILE, environments=("production", "staging")))
    environment = clean_environment(tmp_path)
    done = run_command([promtool, "check", "metrics"], cwd=tmp_path, env=environment, stdin=text, expect=0)
    assert done.stderr == ""


# HTML


class Page(HTMLParser):
    """Reads a page, and that every element that was opened is closed."""

    VOID = ("meta", "img", "br", "hr", "input", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag, which must be the one that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)


def test_html() -> None:
    """The page has no script, asks for nothing from elsewhere, and shows every name as text."""
    page = Page(render("html", document(*HOSTILE, environments=(*HOSTILE[:2], "production"))))
    assert page.open == []
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "h1",
        "h2",
        "p",
        "time",
        "strong",
        "ul",
        "ol",
    }
    allowed |= {"li", "b", "i", "em", "div", "span", "code", "section", "small", "footer"}
    assert {tag for tag, _ in page.elements} <= allowed
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("href", "src", "action") for name in attributes)
    policy = [one["content"] for tag, one in page.elements if tag == "meta" and "http-equiv" in one]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert "url(" not in "".join(page.texts)
    assert "@import" not in "".join(page.texts)
    shown = set(page.texts)
    assert {f"aws:overdue/{printable(name)}" for name in HOSTILE} <= shown


def test_html_places() -> None:
    """Each mark on the axis lies within it, and the worst rows come first."""
    page = Page(render("html", document("x")))
    for _, attributes in page.elements:
        for number in re.findall(r"(?:left|width):([0-9.e+-]+)%", attributes.get("style") or ""):
            assert 0 <= float(number) <= 100
    rows = [
        (one["class"] or "").split()[1] for tag, one in page.elements if tag == "li" and "row" in (one["class"] or "")
    ]
    assert rows == [state.value for state in State]


def test_html_explains_itself() -> None:
    """The page has the name of the project, a legend with each mark and state, and dates that phones show as text."""
    page = Page(render("html", document("x", environments=("production", "staging"))))
    text = "".join(page.texts)
    assert "Secret rotation: shop, production, staging" in text
    classes = [one.get("class") or "" for _, one in page.elements]
    assert [name for name in classes if name.startswith("key ")] == [
        "key past",
        "key future",
        "key over",
        "key limit",
        "key expiry",
    ]
    for state, meaning in _MEANINGS.items():
        assert state.value in text
        assert meaning in text
    assert "created 16 August 2026, limit 90d: 14 November 2026" in text
    assert re.search(r"max-width: 720px[^@]*\.dates { display: block", text)


def test_html_names_are_whole() -> None:
    """A long list of names is broken and not cut, and so is the head of the page."""
    name = "x" * 500
    page = Page(render("html", document(name)))
    tips = [one["title"] for _, one in page.elements if one.get("class") == "who"]
    assert f"aws:ok/{name}; A_KEY at env/{name}/security.env:1; B_URL at env/{name}/web.env:2" in tips
    style = "".join(page.texts)
    assert re.search(r"\.headline {[^}]*overflow-wrap: anywhere", style)
    assert re.search(r"\.who b, \.who code {[^}]*overflow-wrap: anywhere", style)
    assert "ellipsis" not in style


@pytest.mark.parametrize(
    ("environments", "days", "words"),
    [
        (("production",), 80, "Next is A_KEY, B_URL, in 10 days, on 4 December 2026."),
        (("production", "staging"), 80, "Next is A_KEY, B_URL of shop production, in 10 days, on 4 December 2026."),
        (("production",), 90, "6 of 11 secrets"),
    ],
)
def test_html_headline(environments: tuple[str, ...], days: int, words: str) -> None:
    """The headline has what is wrong and whose limit comes next, with the environment if there are several."""
    page = Page(render("html", document("x", environments=environments, days=days)))
    assert words in "".join(page.texts)


def one_secret(at: datetime, seconds: float) -> Document:
    """Return a secret that was made at `at`, and is good for so many seconds."""
    limit = Limit(seconds=seconds, written="a limit")
    made = SecretAge(
        reference="aws:x",
        store="aws",
        provider="aws",
        keys=(Key("A_KEY", "env/production/security.env", 1),),
        state=State.OK,
        limit=limit,
        limit_from="default",
        created=at,
        age=0,
    )
    return Document(at=at, reports=(RotationReport(project="shop", environment="production", at=at, secrets=(made,)),))


def test_html_of_one() -> None:
    """One secret is no plural, and the first month of each year that is named has the year."""
    page = Page(render("html", one_secret(NOW, 365 * 86400)))
    assert "The one secret is not overdue." in page.texts
    assert [text for text in page.texts if re.fullmatch(r"[A-Z][a-z]{2} \d{4}", text)] == ["Mar 2027"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("at", [NOW, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=str)
def test_edges_of_the_calendar(name: str, at: datetime) -> None:
    """The first moment that there is, the last, and a limit that reaches beyond it, have a report like any other."""
    text = render(name, one_secret(at, 999_999_999 * 7 * 86400.0))
    assert "A_KEY" in text.replace("\\_", "_") or name in ("github", "sarif")  # which name nothing but what is wrong


def test_html_on_paper() -> None:
    """Browsers leave backgrounds out when they print, and the bars are backgrounds; paper is never dark."""
    style = "".join(Page(render("html", document("x"))).texts)
    (_, printed) = style.split("@media print")
    assert re.search(r"\.track i[^}]*print-color-adjust: exact", printed)
    assert "@media screen and (prefers-color-scheme: dark)" in style


# GitHub


def commands(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Workflow commands as the runner reads them: `::name key=value,key=value::data`, percent-decoded."""
    for line in text.removesuffix("\n").split("\n"):
        match = re.fullmatch(r"::([a-z]+) ?(.*?)::(.*)", line)
        assert match, line
        pairs = dict(pair.split("=", 1) for pair in match[2].split(",") if pair)
        yield match[1], {key: _decode(value, is_property=True) for key, value in pairs.items()}, _decode(match[3])


def _decode(text: str, *, is_property: bool = False) -> str:
    for escape, char in (
        *((("%3A", ":"), ("%2C", ",")) if is_property else ()),
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%25", "%"),
    ):
        text = text.replace(escape, char)
    return text


def test_github() -> None:
    """An annotation for each finding, at the file and line of its first key, and a notice with the sum."""
    *found, notice = commands(render("github", document(*HOSTILE, environments=("a:b,c",))))
    assert len(found) == len(HOSTILE) * (len(State) - len(QUIET))
    files = {printable(f"env/{name}/security.env") for name in HOSTILE}
    for level, properties, message in found:
        assert set(properties) == {"file", "line", "title"}
        assert properties["file"] in files
        assert properties["line"].isdigit()
        state = properties["title"].removeprefix("A_KEY is ").removesuffix(" (shop, a:b,c)")
        assert level == ("warning" if state == "due" else "error")
        assert message.startswith(f"aws:{state}/")
        assert message.endswith("(also: B_URL)")
    assert notice[0] == "notice"
    assert notice[2].startswith(f"shop, a:b,c: {len(HOSTILE) * len(State)} secrets: ")


# Table


def test_table() -> None:
    """The worst comes first; each row's bar is as long as its age's share of the limit."""
    lines = render("table", document("x")).split("\n")
    states = [
        line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in [state.value for state in State]
    ]
    assert states == [state.value for state in State]
    overdue = next(line for line in lines if line.startswith("overdue"))
    assert "▕" + "█" * 12 + "▏▶" in overdue
    assert overdue.split()[1:3] == ["100", "d"]
    assert lines[-2] == f"{len(State)} secrets: " + ", ".join(f"1 {state.value}" for state in State)


def test_one_failure_of_a_store_is_one_row() -> None:
    """A store that is down is one row with the count; with -v each secret has its row."""
    failed = [
        replace(
            one,
            reference=f"aws:app/{number}",
            findings=(replace(one.findings[0], cause=f"no answer for app/{number}"),),
        )
        for number in range(1000)
        for one in [secret(State.ERROR)]
    ]
    report = RotationReport(project="shop", environment="production", at=NOW, secrets=(*failed, secret(State.OK)))
    text = render("table", Document(at=NOW, reports=(report,)))
    assert "aws: 1000 secrets" in text
    assert "1001 secrets: 1000 error, 1 ok" in text
    assert text.count("\n") < 12
    every = render("table", Document(at=NOW, reports=(report,), look=Look(is_verbose=True)))
    assert every.count("no answer for") == 1000
