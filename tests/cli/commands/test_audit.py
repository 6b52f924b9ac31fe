"""`secretsync audit`: ten planted faults, the reports, the log, the stores, the hook."""

import json
import os
import re
import stat
import string
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from secretsync.audit.formats import FORMATS
from secretsync.policy.rules import RULES
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command, run_secretsync
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs_tool

ROOT = Path(__file__).parents[3]
COMMON, SECURITY, WEB = "env/production/common.env", "env/production/security.env", "env/production/web.env"
POLICY, BINDINGS = "env/production/policy.toml", "providers/production.toml"

# The token is of a known shape without being written here: letters in their order.
TOKEN = "gh" + "p_" + string.ascii_letters[:36]
MENDED = {
    COMMON: "ENVIRONMENT=production\nDEBUG=False\nFORCE_HTTPS=True\nSESSION_TIMEOUT=1800\nADMIN_MAIL=ops@example.com\n",
    SECURITY: "SECRET_KEY=$<SECRET_KEY>\nDB_PASSWORD=$<DB_PASSWORD>\nTRACKER=$<TRACKER>\n",
    WEB: "BROKER_URL=amqp://app:$<DB_PASSWORD?as=url>@mq.internal/\nPORT=8000\n",
    POLICY: "[required]\nSECRET_KEY = 'signs'\n[checks.PORT]\nmin = 1024\n",
    BINDINGS: (
        "[stores.docker]\ndir = '/run/secrets'\n"
        "[secrets]\n"
        "SECRET_KEY = { ref = 'docker:secret_key', max_age = 'never', reason = 'tests' }\n"
        "DB_PASSWORD = { ref = 'docker:db_password', max_age = 'never', reason = 'tests' }\n"
        "TRACKER = { ref = 'docker:tracker', max_age = 'never', reason = 'the vendor keeps it' }\n"
    ),
    ".gitignore": "/.secrets/\n/.env\n",
}


def make_all(project: MakeProject, files: dict[str, str]) -> Project:
    """Return the project in a git repository, everything added, modes as git gives them."""
    made = project(files)
    for path in made.root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    env = clean_environment(made.home)
    for arguments in (["init", "--quiet"], ["add", "--all", "--force"]):
        run_command([needs_tool("git"), *arguments], cwd=made.root, env=env, expect=0)
    return made


@pytest.fixture
def faulty(project: MakeProject, canary: CanaryFactory) -> Project:
    """Ten faults; every secret in plain text is a canary, or it is no secret at all."""
    files = {
        **MENDED,
        COMMON: "ENVIRONMENT=production\nDEBUG=True\nFORCE_HTTPS=False\nSESSION_TIMEOUT=1800\nADMIN_MAIL=changeme\n",
        SECURITY: f"SECRET_KEY=$<SECRET_KEY:-fallback>\nDB_PASSWORD={canary()}\nTRACKER={TOKEN}\n",
        WEB: f"BROKER_URL=amqp://app:{canary()}@mq.internal/\nPORT=80\n",
        ".env": f"DB_PASSWORD={canary()}\n",
        BINDINGS: MENDED[BINDINGS].replace("/run/secrets", ".secrets/dev"),
    }
    return make_all(project, files)


# Rule, file, line: in the order of the report.
TEN = {
    ("debug-off", COMMON, 2),
    ("force-https", COMMON, 3),
    ("example-value", COMMON, 5),
    ("default-on-secret", SECURITY, 1),
    ("plaintext-name", SECURITY, 2),
    ("plaintext-token", SECURITY, 3),
    ("plaintext-url", WEB, 1),
    ("policy-min", WEB, 2),
    ("git-tracked", ".env", None),
    ("development-store", BINDINGS, 2),
}
# What follows from plain secrets: everybody may read these files.
CONSEQUENCES = {("file-readable", SECURITY, 2), ("file-readable", WEB, 1)}


def test_ten_planted_faults(faulty: Project) -> None:
    """All at their file and line, no value printed (the fixture sees to canaries), status 1."""
    ran = faulty.cli("audit", "-e", "production", "--format", "json", expect=1)
    document = json.loads(ran.stdout)
    found = {(one["id"], one["file"], one["line"]) for one in document["errors"]}
    assert found == TEN | CONSEQUENCES
    assert TOKEN not in ran.stdout
    assert "fallback" not in ran.stdout
    assert "changeme" not in ran.stdout
    warnings = {(one["id"], one["key"]) for one in document["warnings"]}
    assert warnings == {("unused-binding", "DB_PASSWORD"), ("unused-binding", "TRACKER")}


def test_ten_faults_as_text(faulty: Project) -> None:
    """For people: place, key, rule, next step; a summary first."""
    said = faulty.cli("audit", "-e", "production", expect=1).stdout
    assert "\nproduction: 12 errors, 2 warnings; " in said
    for rule, file, line in TEN:
        place = f"{file}:{line}: " if line else f"{file}: "
        assert re.search(rf"  error    {re.escape(place)}.* \[{rule}\]\n +\S", said), rule
    assert TOKEN not in said


def test_the_mended_project_is_clean(project: MakeProject) -> None:
    """Status 0, with --strict too."""
    made = make_all(project, MENDED)
    ran = made.cli("audit", "-e", "production", "--strict", "--format", "json", expect=0)
    document = json.loads(ran.stdout)
    assert (document["errors"], document["warnings"]) == ([], [])
    assert document["not_checked"]
    asked = {one["id"] for one in document["checks"]}
    assert {rule for rule, _, _ in TEN} <= asked


def test_warnings_count_only_when_asked(project: MakeProject) -> None:
    """With --strict they are status 1."""
    made = make_all(project, {**MENDED, COMMON: MENDED[COMMON].replace("1800", "7200")})
    made.cli("audit", "-e", "production", expect=0)
    made.cli("audit", "-e", "production", "--strict", expect=1)


def test_the_contract_of_json(faulty: Project) -> None:
    """The JSON report has the documented members and UTC times."""
    document = json.loads(faulty.cli("audit", "-e", "production", "--format", "json", expect=1).stdout)
    assert document["schema"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["timestamp"])
    assert {"environment", "checks", "warnings", "errors", "not_checked"} <= set(document)
    for one in document["checks"]:
        assert {"id", "name", "passed", "severity", "message", "hint", "file", "line"} <= set(one)
        assert one["id"] in RULES
        assert one["passed"] is (one["message"] is None)
    failed = [one for one in document["checks"] if not one["passed"]]
    assert failed == document["errors"] + document["warnings"]
    keys = [(one["file"] or "", one["line"] or 0) for one in document["errors"]]
    assert keys == sorted(keys)


def test_sarif(faulty: Project) -> None:
    """The SARIF report has what readers rely on: rules by index, places, levels, and what was not checked."""
    faulty.write(POLICY, MENDED[POLICY] + "[[ignore]]\nrule = 'debug-off'\nreason = 'until <Monday>'\n")
    first = faulty.cli("audit", "-e", "production", "--format", "sarif", expect=1).stdout
    log = json.loads(first)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    places = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        assert re.fullmatch("[0-9a-f]{64}", result["partialFingerprints"]["secretsyncAudit/v1"])
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert not physical["artifactLocation"]["uri"].startswith("/")
            places.add(
                (result["ruleId"], physical["artifactLocation"]["uri"], physical.get("region", {}).get("startLine"))
            )
    assert places >= TEN
    (suppressed,) = [result for result in run["results"] if "suppressions" in result]
    assert suppressed["ruleId"] == "debug-off"
    assert suppressed["suppressions"] == [{"kind": "external", "justification": "until <Monday>"}]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    assert any("not checked" in note["message"]["text"] for note in invocation["toolExecutionNotifications"])
    assert TOKEN not in first


def test_markdown_is_escaped(project: MakeProject) -> None:
    """A name or a message of somebody else's stays text: no link, no HTML, no new cell."""
    policy = "[checks.PORT]\nmin = 1024\nmessage = 'see [x](http://evil) | <script> `a` **b**'\n"
    made = make_all(project, {**MENDED, WEB: "PORT=80\nB=${DB_PASSWORD}\n", POLICY: policy})
    said = made.cli("audit", "-e", "production", "--format", "markdown", expect=1).stdout
    (row,) = [line for line in said.split("\n") if "policy-min" in line]
    assert r"see \[x\]\(http://evil\) \| \<script\> \`a\` \*\*b\*\*" in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert f"## Audit of {made.root.name} production" in said
    assert "Not checked:" in said


@pytest.mark.parametrize("form", FORMATS)
def test_reports_are_deterministic(faulty: Project, form: str) -> None:
    """Twice the same but for the time, and never a line that others could forge."""
    first, second = (
        re.sub(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?", "TIME", faulty.cli("audit", "--all", "--format", form, expect=1).stdout
        )
        for _ in range(2)
    )
    assert first == second
    assert "\x1b" not in first


@pytest.mark.parametrize("form", FORMATS)
def test_a_name_cannot_forge_a_line(project: MakeProject, form: str) -> None:
    """Control characters in the name of a tracked file are shown as escapes."""
    made = make_all(project, {**MENDED, ".secrets/a\n  error    forged\x1b[31m \u202eb": "x"})
    said = made.cli("audit", "-e", "production", "--format", form, expect=1).stdout
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert not any(line.startswith("  error    forged") for line in said.split("\n"))


def test_a_log_is_saved_and_none_is_written_over(faulty: Project, canary: CanaryFactory) -> None:
    """Dated, JSON, 0600, the folder made for its owner; two in one second are two files."""
    canary.watch(faulty.root / "logs")
    for _ in range(3):
        ran = faulty.cli("audit", "-e", "production", "--save", "logs", expect=1)
        assert "saved logs/audit-production-" in ran.stderr
        assert ran.stdout.startswith("production\n")
    logs = sorted((faulty.root / "logs").iterdir())
    assert len(logs) == 3
    for log in logs:
        assert re.fullmatch(r"audit-production-\d{8}T\d{6}Z(-\d+)?\.json", log.name)
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert len(json.loads(log.read_text())["errors"]) == 12
    assert stat.S_IMODE((faulty.root / "logs").stat().st_mode) == 0o700
    faulty.cli("audit", "-e", "production", "--quiet", "--save", "--format", "json", expect=1)
    assert list(faulty.root.glob("audit-production-*.json"))


def test_a_log_that_cannot_be_written(faulty: Project) -> None:
    """Status 6, after the report was printed."""
    faulty.write("file", "x")
    ran = faulty.cli("audit", "-e", "production", "--save", "file/logs", expect=6)
    assert ran.stdout.startswith("production\n")
    assert "the report cannot be saved there" in ran.stderr


def test_all_environments(project: MakeProject) -> None:
    """Each in the document, each with its own strictness; what they share is told once."""
    made = make_all(project, {**MENDED, "env/development/common.env": "DEBUG=True\n", ".env": "A=1\n"})
    document = json.loads(made.cli("audit", "--all", "--format", "json", expect=1).stdout)
    assert [one["environment"] for one in document["environments"]] == ["development", "production"]
    assert all([error["id"] for error in one["errors"]] == ["git-tracked"] for one in document["environments"])
    assert made.cli("audit", "--all", expect=1).stdout.count("[git-tracked]") == 1
    made.cli("audit", "--all", "-e", "production", expect=2)


@pytest.fixture
def online(project: MakeProject, canary: CanaryFactory) -> Callable[[str], Project]:
    """Return a project whose one secret is what a test says, in a secrets file outside of it."""

    def make(secret: str) -> Project:
        stores = project({"secret_key": secret})
        bindings = f"[stores.docker]\ndir = '{stores.root}'\n[rotation]\nmax_age = 'never'\nreason = 'tests'\n"
        bindings += "[secrets]\nSECRET_KEY = 'docker:secret_key'\n"
        return make_all(
            project,
            {
                COMMON: MENDED[COMMON],
                SECURITY: "SECRET_KEY=$<SECRET_KEY>\n",
                POLICY: "[required]\nSECRET_KEY = 'signs'\n",
                BINDINGS: bindings,
            },
        )

    return make


def test_online_judges_values(online: Callable[[str], Project], canary: CanaryFactory) -> None:
    """`--online` judges the values in the stores; offline the report says that they were not checked."""
    for secret, rules in (
        (canary(), set()),
        ("Zq7short", {"secret-key-length"}),
        ("changeme", {"secret-key-length", "example-value"}),
    ):
        made = online(secret)
        offline = json.loads(made.cli("audit", "-e", "production", "--format", "json", expect=0).stdout)
        assert any("secret-key-length: SECRET_KEY" in line for line in offline["not_checked"])
        ran = made.cli("audit", "-e", "production", "--online", "--format", "json", expect=1 if rules else 0)
        document = json.loads(ran.stdout)
        assert {one["id"] for one in document["errors"]} == rules
        assert secret not in ran.stdout
        assert not any("secret-key-length" in line for line in document["not_checked"])


def test_verbose_says_what_the_stores_did(online: Callable[[str], Project], canary: CanaryFactory) -> None:
    """Values and metadata, each in a round of its own; offline none is asked."""
    made = online(canary())
    said = made.cli("audit", "-e", "production", "--online", "-v", expect=0).stderr
    assert "secretsync: docker: 1 secret, " in said
    assert "secretsync: docker: metadata of 1 secret, " in said
    assert "secretsync: docker: " not in made.cli("audit", "-e", "production", "-v", expect=0).stderr


def test_a_store_that_does_not_answer_is_no_all_clear(online: Callable[[str], Project], canary: CanaryFactory) -> None:
    """The report comes all the same, says what is missing, and the status is the store's."""
    made = online(canary())
    made.write(BINDINGS, (made.root / BINDINGS).read_text().replace("docker:secret_key", "docker:other"))
    ran = made.cli("audit", "-e", "production", "--online", "--format", "json", expect=3)
    document = json.loads(ran.stdout)
    assert document["errors"] == []
    assert any("SECRET_KEY: its store gave no value" in line for line in document["not_checked"])
    assert any("docker:other" in line for line in document["failures"])
    assert "secret-key-length" not in {one["id"] for one in document["checks"] if one["passed"]}


def test_env_files_by_name(project: MakeProject) -> None:
    """Without folders: strict, no policy, everything else is the same."""
    made = project({"my.env": "DEBUG=True\n"})
    said = made.cli("audit", "--env-file", "my.env", expect=1).stdout
    assert "my.env:1: DEBUG" in said


def test_rules_are_listed(project: MakeProject) -> None:
    """With id, severity, title and where each applies."""
    said = project().cli("audit", "--rules", expect=0).stdout
    assert [line.split()[0] for line in said.rstrip("\n").split("\n")[1:]] == list(RULES)


def test_the_hook(faulty: Project, project: MakeProject) -> None:
    """The pre-commit definition names our command, and that command stops a commit with plain secrets."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    name, *arguments = hook["entry"].split()
    assert name == "secretsync"
    faulty.cli(*arguments, expect=1)
    make_all(project, MENDED).cli(*arguments, expect=0)
    for path in ("env/production/common.env", "providers/a.toml", ".env", "deploy/.env.local", "a/.secrets/x", "x.env"):
        assert re.search(hook["files"], path), path
    assert not re.search(hook["files"], "src/environment.py")


def test_this_repository_is_clean(tmp_path: Path) -> None:
    """The repository's own env/ and providers/ pass the audit."""
    pytest.importorskip("secretsync.providers.vault.provider", reason="needs the provider vault, which is not here")
    pytest.importorskip("secretsync.providers.azure.provider", reason="needs the provider azure, which is not here")
    pytest.importorskip("secretsync.providers.aws.provider", reason="needs the provider aws, which is not here")
    run_secretsync(["audit", "--all", "--strict"], cwd=ROOT, home=tmp_path, expect=0)


def test_several_environments_by_name(project: MakeProject) -> None:
    """Several environments are one document, whose log is named after none of them."""
    made = make_all(project, {**MENDED, "env/development/common.env": "A=1\n", "env/test/common.env": "A=1\n"})
    ran = made.cli("audit", "-e", "test", "-e", "development", "--format", "json", "--save", "logs", expect=0)
    document = json.loads(ran.stdout)
    assert [one["environment"] for one in document["environments"]] == ["test", "development"]
    (log,) = (made.root / "logs").iterdir()
    assert log.name.startswith("audit-several-")


def test_online_names_the_values_that_were_read(online: Callable[[str], Project], canary: CanaryFactory) -> None:
    """The report says whose values were read, and says that no value was read only if that is true."""
    made = online(canary())
    for name in ("text", "markdown", "sarif"):
        shown = made.cli("audit", "-e", "production", "--online", "--format", name).stdout
        assert "no value of a secret was read" not in shown
        assert "no value was read" not in shown
        assert "docker:secret" in shown
    document = json.loads(made.cli("audit", "-e", "production", "--online", "--format", "json").stdout)
    assert document["values_read"] == ["docker:secret_key"]
    offline = made.cli("audit", "-e", "production", expect=0).stdout
    assert "  read     no value of a secret was read\n" in offline


def test_git_that_refuses_the_repository(project: MakeProject) -> None:
    """A repository of another user is an error in a strict environment, with the command that is the way out."""
    git = needs_tool("git")
    made = make_all(project, {**MENDED, ".env": "A=1\n"})
    environ = {"PATH": os.environ["PATH"], "HOME": str(made.home)}
    subprocess.run([git, "init", "-q", str(made.root)], check=True, capture_output=True, env=environ)
    folder = made.root / "bin"
    folder.mkdir()
    fake = folder / "git"
    fake.write_text("#!/bin/sh\necho \"fatal: detected dubious ownership in repository at 'x'\" >&2\nexit 128\n")
    fake.chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    failed = made.cli("audit", "-e", "production", env=path, expect=1).stdout
    assert "[git-failed]" in failed
    assert f"git config --global --add safe.directory {made.root}\n" in failed
    without = made.cli("audit", "-e", "production", env={"PATH": str(made.root / "env")}, expect=1).stdout
    assert "git is not installed" in without
    (made.root / ".git/HEAD").unlink()
    broken = made.cli("audit", "-e", "production", expect=1).stdout
    assert "git does not accept" in broken
