"""The page on rotation says what is there, and its examples are what their readers accept."""

import json
import re
import shlex
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from secretsync import check_rotation
from secretsync.cli.commands import check_rotation as command
from secretsync.cli.parser import build_parser
from secretsync.core.model import Clock
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats import render
from secretsync.testing import MemoryProvider
from tests.rotation.formats.samples import document
from tests.support.processes import clean_environment, run_command
from tests.support.tools import needs_tool

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rotation.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "docs" / "examples"


def section(title: str) -> str:
    """Return the text under a heading."""
    _, _, rest = PAGE.partition(f"# {title}\n")
    assert rest, title
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """Return the texts in backticks in the first column of a table."""
    rows = [line.split("|")[1] for line in text.split("\n") if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


# What is documented


def test_json() -> None:
    """The example and the table have the members that the report has, in its order. `stale` is only with --running."""
    example = json.loads(section("JSON").split("```json\n")[1].split("```")[0])
    real = json.loads(render("json", document("x")))
    assert list(example) == list(real)
    assert list(real["summary"]) == [state.value for state in State]
    assert list(example["summary"]) == [state.value for state in State if state is not State.STALE]
    assert list(example["secrets"][0]) == list(real["secrets"][0])
    assert first_cells(section("JSON")) == [*example["secrets"][0], "running"]
    assert all(f"`{clock.value}`" in section("JSON") for clock in Clock)


def test_policy(tmp_path: Path) -> None:
    """The bindings of the page are read, and mean what it says."""
    text = section("Policy").split("```toml\n")[1].split("```")[0]
    names = tomllib.loads(text)["secrets"]
    (tmp_path / "env/production").mkdir(parents=True)
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers/production.toml").write_text(text)
    (tmp_path / "env/production/security.env").write_text("".join(f"{name}=$<{name}>\n" for name in names))
    stores = {name: MemoryProvider() for name in ("aws", "azure", "vault")}
    report = check_rotation("production", root=tmp_path, environ={}, stores=stores)
    assert {row.limit_from for row in report.secrets} == {"binding DB_PASSWORD", "binding LEGACY_KEY"}


def test_commands() -> None:
    """Every command of the page and of the examples is one that the command line takes."""
    texts = [PAGE, *(path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.iterdir()))]
    found = [
        match[1] for text in texts for match in re.finditer(r"secretsync check-rotation ([^`\n|{]*)(?=[`\n|])", text)
    ]
    parser = build_parser("check-rotation", command)
    for line in found:
        parser.parse_args(shlex.split(line))
    assert len(found) >= 5


def test_every_example_is_named() -> None:
    """The page leads to each example."""
    assert sorted(re.findall(r"\(examples/([^)]+)\)", PAGE)) == sorted(path.name for path in EXAMPLES.glob("rotation*"))


# What the examples' readers say


def test_workflow() -> None:
    """The workflow is YAML of the shape that GitHub takes: events, permissions, steps that run or use something."""
    text = (EXAMPLES / "rotation-workflow.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    events = workflow[True]  # YAML 1.1 reads `on` as a boolean
    assert all(re.fullmatch(r"(\S+ ){4}\S+", one["cron"]) for one in events["schedule"])
    assert set(workflow["permissions"].values()) <= {"read", "write"}
    (job,) = workflow["jobs"].values()
    assert job["timeout-minutes"] <= 60
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert "uses" not in step or re.fullmatch(r"[\w.-]+/[\w./-]+@\S+", step["uses"])
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    sh = needs_tool("sh")
    for script in scripts:
        run_command([sh, "-n", "-c", script], cwd=ROOT, env=clean_environment(ROOT), expect=0)


def test_crontab(tmp_path: Path) -> None:
    """Lines of cron.d: settings, or five fields of time, a user and a command for sh without a bare percent sign."""
    lines = (EXAMPLES / "rotation.cron").read_text(encoding="utf-8").split("\n")
    jobs = [line for line in lines if line and not line.startswith("#") and not re.match(r"[A-Z]+=", line)]
    assert len(jobs) == 2
    for job in jobs:
        *times, user, script = job.split(maxsplit=6)
        assert all(re.fullmatch(r"\*|[0-9]+(?:-[0-9]+)?", one) for one in times)
        assert user == "secretsync"
        assert "%" not in script  # cron takes it for a line end
        run_command([needs_tool("sh"), "-n", "-c", script], cwd=tmp_path, env=clean_environment(tmp_path), expect=0)


def test_alert_rules_by_promtool(tmp_path: Path) -> None:
    """Promtool takes the rules."""
    promtool, rules = needs_tool("promtool"), str(EXAMPLES / "rotation-alerts.yml")
    run_command([promtool, "check", "rules", rules], cwd=tmp_path, env=clean_environment(tmp_path), expect=0)


def test_alerts_by_promtool(tmp_path: Path) -> None:
    """Over the metrics that we write, Prometheus raises the alerts that the page promises, and no other."""
    promtool = needs_tool("promtool")
    series = [
        line.rsplit(" ", 1) for line in render("prometheus", document("x")).split("\n") if line and line[0] != "#"
    ]
    due = next(name for name, _ in series if "left_seconds" in name and "due" in name)
    values = {due: str(3 * 86400)}
    test = {
        "rule_files": [str(EXAMPLES / "rotation-alerts.yml")],
        "evaluation_interval": "10m",
        "tests": [
            {
                "interval": "10m",
                # The moment of the check is 0 here, as the clock of the test begins there.
                "input_series": [
                    {"series": name, "values": f"{0 if 'timestamp' in name else values.get(name, value)}+0x60"}
                    for name, value in series
                ],
                "promql_expr_test": [],
                "alert_rule_test": [
                    *(_expected(name, states) for name, states in ALERTS.items()),
                    {"eval_time": "3h", "alertname": "SecretDueSoon", "exp_alerts": [_due_soon()]},
                    {"eval_time": "5h", "alertname": "SecretRotationNotChecked", "exp_alerts": []},
                ],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(test), encoding="utf-8")
    done = run_command([promtool, "test", "rules", str(path)], cwd=tmp_path, env=clean_environment(tmp_path))
    assert done.status == 0, done.stdout + done.stderr


ALERTS = {"SecretOverdue": ("expired", "overdue"), "SecretNotJudged": ("missing", "denied", "error", "unknown")}


def _expected(name: str, states: tuple[str, ...]) -> dict[str, object]:
    """Return the alerts of one rule, three hours after the first metrics."""
    said = {
        "SecretOverdue": "shop production: A_KEY,B_URL is {state}",
        "SecretNotJudged": "shop production: the age of A_KEY,B_URL is not known ({state})",
    }
    rotate = "Rotate {reference} of shop. `secretsync check-rotation -e production` says more."
    alerts = []
    for state in states:
        labels = {
            "project": "shop",
            "environment": "production",
            "store": "aws",
            "reference": f"aws:{state}/x",
            "keys": "A_KEY,B_URL",
        }
        annotations = {"summary": said[name].format(state=state)}
        if name == "SecretOverdue":
            annotations["description"] = rotate.format(reference=labels["reference"])
        alerts.append({"exp_labels": {**labels, "state": state, "severity": "warning"}, "exp_annotations": annotations})
    return {"eval_time": "3h", "alertname": name, "exp_alerts": alerts}


def _due_soon() -> dict[str, object]:
    """Return the alert of a secret that has three days left."""
    labels = {"project": "shop", "environment": "production", "store": "aws"} | {
        "reference": "aws:due/x",
        "keys": "A_KEY,B_URL",
    }
    summary = "shop production: A_KEY,B_URL is overdue in 3d 0h 0m 0s"
    return {"exp_labels": {**labels, "severity": "info"}, "exp_annotations": {"summary": summary}}


@pytest.mark.parametrize(("hours", "is_raised"), [(6, False), (7, True)])
def test_nobody_checks_any_more(tmp_path: Path, hours: int, is_raised: bool) -> None:
    """Metrics that are not renewed raise an alert of their own."""
    alert = {
        "exp_labels": {"project": "shop", "environment": "production", "severity": "warning"},
        "exp_annotations": {"summary": "shop production: nobody looks at the ages of the secrets"},
    }
    test = {
        "rule_files": [str(EXAMPLES / "rotation-alerts.yml")],
        "evaluation_interval": "10m",
        "tests": [
            {
                "interval": "10m",
                "input_series": [
                    {
                        "series": "secretsync_rotation_checked_timestamp_seconds"
                        '{project="shop",environment="production"}',
                        "values": "0+0x100",
                    }
                ],
                "alert_rule_test": [
                    {
                        "eval_time": f"{timedelta(hours=hours) // timedelta(minutes=1)}m",
                        "alertname": "SecretRotationNotChecked",
                        "exp_alerts": [alert] if is_raised else [],
                    }
                ],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(test), encoding="utf-8")
    argv = [needs_tool("promtool"), "test", "rules", str(path)]
    done = run_command(argv, cwd=tmp_path, env=clean_environment(tmp_path))
    assert done.status == 0, done.stdout + done.stderr
