"""`secretsync check-rotation` as a process: what it asks, says, writes, and ends with."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from secretsync.rotation.formats import FORMATS
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject, Project

AT = ("--at", "2026-11-24T08:00:00Z")
BINDINGS = """
[stores.docker]
dir = "secrets"
[secrets]
OLD_KEY   = { ref = "docker:old_key", rotated = 2026-06-01 }
DUE_KEY   = { ref = "docker:due_key", rotated = 2026-09-01 }
FRESH_KEY = { ref = "docker:fresh_key", rotated = 2026-11-20 }
"""


@pytest.fixture
def made(project: MakeProject, canary: CanaryFactory) -> Project:
    """`production` has an old, a due and a fresh secret, `staging` a fresh one, `development` one of unknown age."""
    return project(
        {
            "env/production/security.env": "OLD_KEY=$<OLD_KEY>\nDUE_KEY=$<DUE_KEY>\nFRESH_KEY=$<FRESH_KEY>\n",
            "env/staging/security.env": "FRESH_KEY=$<FRESH_KEY>\n",
            "env/development/security.env": "DEV_KEY=$<DEV_KEY>\nLOG_LEVEL=debug\n",
            "providers/production.toml": BINDINGS,
            "providers/staging.toml": BINDINGS,
            "providers/development.toml": '[stores.docker]\ndir = "secrets"\n',
            **{f"secrets/{name}": canary() for name in ("old_key", "due_key", "fresh_key", "dev_key")},
        }
    )


def states(text: str) -> dict[str, str]:
    """Return the state of each key in a JSON report."""
    return {row["keys"][0]: row["state"] for row in json.loads(text)["secrets"]}


def test_table(made: Project) -> None:
    """A table by default, the worst first; talk there is none."""
    done = made.cli("check-rotation", "-e", "production", *AT, expect=1)
    lines = done.stdout.split("\n")
    assert lines[0] == f"{made.root.name} production at 2026-11-24T08:00:00Z"
    assert [line.split()[0] for line in lines if "docker:" in line] == ["overdue", "due", "ok"]
    assert "176 days old" in done.stdout
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_json(made: Project) -> None:
    """The documented document, and nothing else on stdout."""
    done = made.cli("check-rotation", "-e", "production", "--format", "json", *AT, expect=1)
    assert states(done.stdout) == {"OLD_KEY": "overdue", "DUE_KEY": "due", "FRESH_KEY": "ok"}
    row = json.loads(done.stdout)["secrets"][2]
    assert json.loads(done.stdout)["project"] == made.root.name
    place = {"key": "OLD_KEY", "file": "env/production/security.env", "line": 1}
    assert row["places"] == row["findings"][0]["places"] == [place]
    assert {name: row[name] for name in list(row) if name not in ("places", "findings")} == {
        "keys": ["OLD_KEY"],
        "reference": "docker:old_key",
        "store": "docker",
        "provider": "docker",
        "version": None,
        "clock": "declared in the bindings",
        "created": "2026-06-01T00:00:00Z",
        "age_days": 176,
        "expires": None,
        "limit": "90d",
        "limit_from": "built-in default",
        "days_left": -86,
        "state": "overdue",
        "hint": "it is 176 days old, 86 days over its limit (90d, built-in default); rotate it: "
        "`secretsync set OLD_KEY -e production`, then change the date in its binding",
        "notes": [],
    }


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("-e", "staging"), 0),
        (("-e", "development"), 0),
        (("-e", "development", "--strict"), 1),
        (("-e", "staging", "--at", "2027-02-03"), 0),
        (("-e", "staging", "--at", "2027-02-04"), 0),
        (("-e", "staging", "--at", "2027-02-04", "--strict"), 1),
        (("-e", "staging", "--at", "2027-02-17T23:59:59Z"), 0),
        (("-e", "staging", "--at", "2027-02-18"), 1),
        (("-e", "staging", "--at", "2027-02-18T05:44:59+05:45"), 0),
        (("-e", "staging", "--at", "2027-02-18T05:45:00+05:45"), 1),
        (("-e", "staging", "--at", "2027-02-17T23:59:60Z"), 1),
        (("-e", "staging", "--at", "2026-11-01"), 1),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", ":bad"])
def test_status(made: Project, arguments: tuple[str, ...], status: int, zone: str) -> None:
    """Ages decide the exit status to the second, in any time zone."""
    rest = () if "--at" in arguments else AT
    made.cli("check-rotation", *arguments, *rest, env={"TZ": zone}, expect=status)


@pytest.mark.parametrize(
    "text", ["tomorrow", "2027-13-01", "2027-02-30", "2027-01-01T09:00:00", "2027-01-01T25:00:00Z", " "]
)
def test_bad_moment(made: Project, text: str) -> None:
    """`--at` accepts RFC 3339 dates and times only; a time without a zone is a usage error."""
    done = made.cli("check-rotation", "-e", "staging", "--at", text, expect=2)
    assert "2027-01-01T09:00:00Z" in done.stderr


def test_missing(made: Project) -> None:
    """A secret that is gone is 3, before any finding; the others are reported all the same."""
    made.write("env/production/security.env", "OLD_KEY=$<OLD_KEY>\nGONE_KEY=$<docker:gone_key>\n")
    done = made.cli("check-rotation", "-e", "production", "--format", "json", *AT, expect=3)
    assert states(done.stdout) == {"OLD_KEY": "overdue", "GONE_KEY": "missing"}


@pytest.mark.parametrize("folder", ["secrets", "nowhere"])
def test_a_declared_date_needs_no_file(made: Project, folder: str) -> None:
    """A report may run where the secrets files are not mounted: declared dates are judged there too."""
    made.write("providers/production.toml", BINDINGS.replace('"secrets"', f'"{folder}"'))
    for name in ("old_key", "due_key", "fresh_key"):
        (made.root / "secrets" / name).unlink()
    done = made.cli("check-rotation", "-e", "production", "--format", "json", *AT, expect=1)
    assert states(done.stdout) == {"OLD_KEY": "overdue", "DUE_KEY": "due", "FRESH_KEY": "ok"}
    assert "cannot be seen from here" in json.loads(done.stdout)["secrets"][1]["hint"]


@pytest.mark.parametrize("value", ["$<A_TOKEN>", "$<A_TOKEN:-none>", "$<A_TOKEN:?set it>", "x-${B_TOKEN}"])
def test_a_declared_date_needs_no_variable(made: Project, value: str) -> None:
    """The process environment of a report is not that of the application: a declared date is enough."""
    made.write("env/production/security.env", f"A_TOKEN={value}\nB_TOKEN=$<B_TOKEN>\n")
    bound = "[secrets]\n" + "".join(
        f'{name} = {{ ref = "env:{name}", rotated = 2026-06-01 }}\n' for name in ("A_TOKEN", "B_TOKEN")
    )
    made.write("providers/production.toml", bound)
    done = made.cli("check-rotation", "-e", "production", "--format", "json", *AT, expect=1)
    assert set(states(done.stdout).values()) == {"overdue"}
    assert {key for row in json.loads(done.stdout)["secrets"] for key in row["keys"]} == {"A_TOKEN", "B_TOKEN"}


def test_several(made: Project) -> None:
    """Several environments are one report, in the order they are named; --all takes each, by name."""
    done = made.cli("check-rotation", "-e", "staging", "-e", "production", "--format", "json", *AT, expect=1)
    assert [one["environment"] for one in json.loads(done.stdout)["environments"]] == ["staging", "production"]
    done = made.cli("check-rotation", "--all", "--format", "json", *AT, expect=1)
    document = json.loads(done.stdout)
    assert [one["environment"] for one in document["environments"]] == ["development", "production", "staging"]
    assert {state: count for state, count in document["summary"].items() if count} == {
        "overdue": 1,
        "due": 1,
        "ok": 2,
        "unknown": 1,
    }
    table = made.cli("check-rotation", "--all", *AT, expect=1).stdout
    assert [line.split()[1] for line in table.split("\n") if line.endswith(" at 2026-11-24T08:00:00Z")] == [
        "development",
        "production",
        "staging",
    ]


@pytest.mark.parametrize("source", [("-e", "production"), ("--env-file", "a.env", "--bindings", "b.toml"), ("--all",)])
def test_the_name_of_the_project(made: Project, source: tuple[str, ...]) -> None:
    """The bindings name the project in every format. Two projects never have one series or one SARIF category."""
    for file in ("providers/production.toml", "providers/staging.toml", "providers/development.toml", "b.toml"):
        made.write(file, f'project = "shop/eu"\n{BINDINGS}')
    made.write("a.env", "OLD_KEY=$<OLD_KEY>\n")
    texts = {name: made.cli("check-rotation", *source, *AT, "--format", name).stdout for name in FORMATS}
    assert all("shop/eu" in text for text in texts.values())
    series = [line for line in texts["prometheus"].splitlines() if line and line[0] != "#"]
    assert all('{project="shop/eu",' in line for line in series)
    (run,) = json.loads(texts["sarif"])["runs"]
    assert run["automationDetails"]["id"].startswith("secretsync-check-rotation/shop%2Feu/")
    assert all(row["properties"]["project"] == "shop/eu" for row in run["results"])


@pytest.mark.parametrize("command", ["check", "audit", "doctor", "explain", "track", "diff", "check-rotation"])
def test_every_json_document_names_the_project(made: Project, command: str) -> None:
    """The name is that of the bindings; without it, the root folder's, also if the bindings are broken."""
    made.cli("track", "-e", "staging", "--offline", expect=0)
    document = json.loads(made.cli(command, "-e", "staging", "--format", "json").stdout)
    assert document["project"] == made.root.name
    made.write("providers/staging.toml", f'project = "shop"\n{BINDINGS}')
    document = json.loads(made.cli(command, "-e", "staging", "--format", "json").stdout)
    assert (document["schema"], document["project"]) == (1, "shop")
    if command in ("check", "audit", "doctor", "check-rotation"):
        made.write("providers/production.toml", 'project = "shop"\nunknown = 1\n')
        done = made.cli(command, "-e", "staging", "-e", "production", "--format", "json", expect=2)
        both = json.loads(done.stdout)
        assert [both["project"], *(one["project"] for one in both["environments"])] == ["shop"] * 3


@pytest.mark.parametrize("text", ['""', '" shop"', '"a\\nb"', "7", '"' + "x" * 101 + '"'])
def test_a_bad_name_of_a_project(made: Project, text: str) -> None:
    """A name that a report cannot show on a line is an error with its place."""
    made.write("providers/staging.toml", f"project = {text}\n{BINDINGS}")
    done = made.cli("check-rotation", "-e", "staging", *AT, expect=2)
    assert "providers/staging.toml:1" in done.stderr
    assert "project" in done.stderr


def test_errors_of_all_environments(made: Project) -> None:
    """Errors in the files of all environments are printed, and the report has a row for each environment."""
    made.write("env/staging/security.env", "A=$<nowhere:a>\n")
    made.write("env/production/security.env", "B=$<\n")
    done = made.cli("check-rotation", "--all", *AT, expect=2)
    assert "env/staging/security.env:1" in done.stderr
    assert "env/production/security.env:1" in done.stderr
    assert done.stdout.count("\nerror ") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--all", "-e", "staging"),
        ("--all", "--env-file", "a.env"),
        ("-e", "staging", "--env-file", "a.env"),
        ("-e", "nowhere"),
        ("-e", "../staging"),
        ("-e", "staging", "--format", "xml"),
    ],
)
def test_usage(made: Project, arguments: tuple[str, ...]) -> None:
    """Options that exclude each other are a usage error."""
    done = made.cli("check-rotation", *arguments, expect=2)
    assert done.stdout == ""
    assert done.stderr.startswith(("secretsync check-rotation", "usage"))


def test_env_file(made: Project) -> None:
    """Files can be named in place of an environment; they are strict."""
    made.write("a.env", "A_TOKEN=$<env:A_TOKEN>\n")
    done = made.cli("check-rotation", "--env-file", "a.env", "--format", "json", env={"A_TOKEN": "x"}, expect=1)
    assert states(done.stdout) == {"A_TOKEN": "unknown"}
    assert json.loads(done.stdout)["environment"] == "a.env"


@pytest.mark.parametrize("name", FORMATS)
def test_formats(made: Project, name: str) -> None:
    """Every format comes from the command, to stdout and to a file alike."""
    shown = made.cli("check-rotation", "--all", "--format", name, *AT, expect=1).stdout
    made.cli("check-rotation", "--all", "--format", name, "--output", "report", *AT, expect=1)
    assert made.read("report") == shown
    assert "old_key" in shown.replace("\\", "")


def test_output(made: Project) -> None:
    """A report is written for whoever may read files here, in one step; a mode that it has is kept."""
    path = made.root / "report.xml"
    done = made.cli("check-rotation", "-e", "staging", "--format", "junit", "--output", str(path), *AT, expect=0)
    assert done.stdout == ""
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert ET.parse(path).getroot().tag == "testsuites"
    before = path.stat()
    path.chmod(0o600)
    made.cli("check-rotation", "-e", "production", "--format", "junit", "--output", str(path), *AT, expect=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_ino != before.st_ino
    assert sorted(os.listdir(made.root)) == ["env", "providers", "report.xml", "secrets"]


def test_output_through_a_link(made: Project) -> None:
    """Nothing is written through a link, and the status says that there is no report."""
    target = made.write("target", "as it was")
    (made.root / "link").symlink_to(target)
    done = made.cli("check-rotation", "-e", "staging", "--output", "link", *AT, expect=6)
    assert "symbolic link" in done.stderr
    assert target.read_text() == "as it was"


def test_verbose_and_quiet(made: Project) -> None:
    """-v says on stderr what is looked at."""
    done = made.cli("check-rotation", "--all", "-v", *AT, expect=1)
    assert re.search(r"production: strict, \d+ entries, 3 references", done.stderr)
    assert made.cli("check-rotation", "--all", "-q", *AT, expect=1).stderr == ""


def test_help(made: Project) -> None:
    """The help shows an example, and the overview knows the command."""
    assert "secretsync check-rotation -e production" in made.cli("check-rotation", "--help", expect=0).stdout
    assert "check-rotation" in made.cli("--help", expect=0).stdout


# On a terminal


def on_terminal(made: Project, *arguments: str, env: dict[str, str] | None = None) -> tuple[str, str]:
    """Return the output of the command on a terminal: stdout and stderr, each a terminal of its own."""
    ends = [pty.openpty(), pty.openpty()]
    child = subprocess.Popen(
        secretsync_argv(arguments),
        cwd=made.root,
        env=clean_environment(made.home, {"TERM": "xterm", **(env or {})}),
        stdin=subprocess.DEVNULL,
        stdout=ends[0][1],
        stderr=ends[1][1],
    )
    for _, inner in ends:
        os.close(inner)
    texts = []
    for outer, _ in ends:
        data = b""
        try:
            while part := os.read(outer, 65536):
                data += part
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(outer)
        texts.append(data.decode())
    child.wait(HANG)
    return texts[0], texts[1]


def test_colour(made: Project) -> None:
    """A terminal gets colour, unless NO_COLOR says no."""
    shown, _ = on_terminal(made, "check-rotation", "-e", "production", *AT)
    assert "\x1b[31moverdue" in shown
    shown, _ = on_terminal(made, "check-rotation", "-e", "production", *AT, env={"NO_COLOR": "1"})
    assert "\x1b" not in shown
    shown, _ = on_terminal(made, "check-rotation", "-e", "production", "--format", "json", *AT)
    assert "\x1b" not in shown


def test_progress(project: MakeProject) -> None:
    """Many secrets have a progress bar on a terminal, which goes away; pipes and --quiet have none."""
    count = 300
    many = project(
        {
            "env/test/security.env": "".join(f"KEY_{number}=$<docker:{number}>\n" for number in range(count)),
            "providers/test.toml": '[stores.docker]\ndir = "secrets"\n',
        }
    )
    arguments = ("check-rotation", "-e", "test")
    _, talk = on_terminal(many, *arguments)
    assert f"100 % of {count}" in talk
    assert talk.endswith("\r\x1b[K")
    assert talk.count("\r") < count // 2  # drawn anew only where it looks different
    assert on_terminal(many, *arguments, "-q")[1] == ""
    assert many.cli(*arguments, expect=3).stderr == ""


def test_no_interpreter_of_a_store(made: Project) -> None:
    """No SDK is imported where no reference leads to its store, and resolving imports nothing of the reports."""
    code = (
        "import sys, secretsync; secretsync.check_rotation('staging', root='.');"
        "print([m for m in ('boto3', 'hvac', 'azure', 'rich', 'secretsync.rotation.formats') if m in sys.modules])"
    )
    argv = [sys.executable, "-I", "-c", code]
    done = subprocess.run(argv, cwd=made.root, env=clean_environment(made.home), capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_output_is_a_folder(made: Project) -> None:
    """A report that cannot be written is 6, and says why."""
    done = made.cli("check-rotation", "-e", "staging", "--output", str(Path("env")), *AT, expect=6)
    assert "folder" in done.stderr
