"""The dashboard for Grafana reads the metrics that check-rotation writes, and its readers accept it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families

from secretsync.rotation.age_rules import State
from secretsync.rotation.formats import render
from secretsync.rotation.formats.prometheus import METRICS
from tests.rotation.formats.samples import document
from tests.support.processes import clean_environment, run_command
from tests.support.tools import needs_tool

PATH = Path(__file__).parents[2] / "docs" / "examples" / "rotation-dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
EXPRESSIONS = {
    f"{panel['type']} {panel['title']}": target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
}
SAMPLES = [
    sample
    for family in text_string_to_metric_families(render("prometheus", document("x")))
    for sample in family.samples
]
# Names in an expression that are not metrics.
FUNCTIONS = {"sum", "count", "topk", "bottomk", "time", "vector", "by", "or"}


def labels_of(metric: str) -> set[str]:
    """Return the labels of the series that the exporter writes for a metric."""
    return {label for sample in SAMPLES if sample.name == metric for label in sample.labels}


def selected(text: str) -> Iterator[tuple[str, str]]:
    """Yield each metric of an expression with the text of its selector."""
    for match in re.finditer(r"\b(secretsync_\w+)\b(?:\{([^}]*)\})?", text):
        yield match[1], match[2] or ""


def with_values(expression: str) -> str:
    """Return an expression with the value "All" in its variables, as Grafana sends it."""
    return re.sub(r"\$(project|environment)\b", ".*", expression)


def test_series_and_labels() -> None:
    """Each expression and each variable reads metrics and labels that the exporter writes, and nothing else."""
    queries = [one["query"]["query"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    for text in [*EXPRESSIONS.values(), *queries]:
        found = list(selected(text))
        assert found
        for metric, selector in found:
            assert metric in METRICS
            assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)) <= labels_of(metric), text
    for expression in EXPRESSIONS.values():
        for grouping in re.findall(r"by \(([^)]*)\)", expression):
            assert {one.strip() for one in grouping.split(",")} <= {"state"}
        rest = re.sub(r"\{[^}]*\}|by \([^)]*\)", "", expression)
        assert {word for word in re.findall(r"[a-z_]\w*", rest) if word not in METRICS} <= FUNCTIONS
    assert set(METRICS) - {metric for text in EXPRESSIONS.values() for metric, _ in selected(text)} == {
        "secretsync_secret_state"
    }
    assert re.findall(r"label_values\([^,]*?(?:\{[^}]*\})?, (\w+)\)", " ".join(queries)) == ["project", "environment"]


def test_every_panel_follows_the_variables() -> None:
    """Each panel shows only the chosen projects and environments, from the chosen data source."""
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "project", "environment"]
    for panel in DASHBOARD["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            for _, selector in selected(target["expr"]):
                assert selector.startswith('project=~"$project", environment=~"$environment"'), target["expr"]


def test_columns_of_tables() -> None:
    """A table shows labels of its metric, sorts by a column that it has, and colours a column that it has."""
    tables = [panel for panel in DASHBOARD["panels"] if panel["type"] == "table"]
    assert len(tables) == 3
    for panel in tables:
        ((metric, _), *_) = selected(panel["targets"][0]["expr"])
        columns = panel["transformations"][0]["options"]["renameByName"]
        assert set(columns) - {"Value"} <= labels_of(metric)
        assert {one["displayName"] for one in panel["options"]["sortBy"]} <= set(columns.values())
        assert {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]} <= set(columns.values())


def test_colours_of_states() -> None:
    """The panels by state have a colour for each state of the exporter."""
    states = {state.value for state in State}
    by_state = [panel for panel in DASHBOARD["panels"] if "{{state}}" in str(panel["targets"])]
    assert len(by_state) == 2
    for panel in by_state:
        assert {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]} == states


def test_expressions_by_promtool(tmp_path: Path) -> None:
    """Prometheus parses each expression."""
    promtool = needs_tool("promtool")
    rules = [
        {"record": f"panel:{number}", "expr": with_values(text)} for number, text in enumerate(EXPRESSIONS.values())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    environment = clean_environment(tmp_path)
    run_command([promtool, "check", "rules", "--lint=none", str(path)], cwd=tmp_path, env=environment, expect=0)


def test_values_by_promtool(tmp_path: Path) -> None:
    """Over the metrics of the exporter, each panel shows the numbers that the report has."""
    promtool = needs_tool("promtool")
    series = [
        line.rsplit(" ", 1) for line in render("prometheus", document("x")).split("\n") if line and line[0] != "#"
    ]
    inputs = [{"series": name, "values": f"{0 if 'timestamp' in name else value}+0x120"} for name, value in series]
    count = sum(sample.name == "secretsync_secret_state" for sample in SAMPLES)
    totals = {"stat Secrets": count, "stat Overdue or expired": 2, "stat Not judged": 4}
    tests: list[dict[str, Any]] = [
        {
            "expr": with_values(EXPRESSIONS[title]),
            "eval_time": "7h",
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        for title, value in totals.items()
    ]
    # The last panel is the table of reports. The time of the check is 0, because the clock of promtool begins there.
    table = with_values(DASHBOARD["panels"][-1]["targets"][0]["expr"])
    report = {"labels": '{project="shop", environment="production"}', "value": 7 * 3600}
    tests += [
        {"expr": table, "eval_time": "5h", "exp_samples": []},
        {"expr": table, "eval_time": "7h", "exp_samples": [report]},
    ]
    path = tmp_path / "test.yml"
    path.write_text(
        yaml.safe_dump(
            {"rule_files": [], "tests": [{"interval": "5m", "input_series": inputs, "promql_expr_test": tests}]}
        ),
        encoding="utf-8",
    )
    done = run_command([promtool, "test", "rules", str(path)], cwd=tmp_path, env=clean_environment(tmp_path))
    assert done.status == 0, done.stdout + done.stderr


def test_decoded_by_the_sdk_of_grafana() -> None:
    """The SDK of Grafana knows every field of the dashboard: encoded again, none is missing or has another value."""
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(DASHBOARD), cls=JSONEncoder))
    assert list(differences(DASHBOARD, again)) == []


def differences(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Yield the places at which `found` does not have what `wanted` has."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from differences(value, found.get(key), f"{place}/{key}")
    elif isinstance(wanted, list) and len(wanted) == len(found or []):
        for number, value in enumerate(wanted):
            yield from differences(value, found[number], f"{place}/{number}")
    elif wanted != found:
        yield place


@pytest.mark.parametrize("field", ["gridPoss", "fieldconfig"])
def test_a_misspelled_field_is_found(field: str) -> None:
    """The comparison finds a field that the SDK of Grafana does not know."""
    register_default_plugins()
    changed = {**DASHBOARD, "panels": [{**DASHBOARD["panels"][0], field: {"h": 1}}]}
    again = json.loads(json.dumps(Dashboard.from_json(changed), cls=JSONEncoder))
    assert f"/panels/0/{field}" in list(differences(changed, again))
