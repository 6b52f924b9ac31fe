"""Every rule of the audit: a project that breaks it, and one like it that does not."""

import os
import secrets
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secretsync.audit import state
from secretsync.audit.checks import CHECKS
from secretsync.audit.collect import audit_plan
from secretsync.audit.report import AuditReport
from secretsync.core.errors import ConfigurationError
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.policy.checks import BUILT_IN
from secretsync.policy.rules import CHECK_RULES, RULES, Severity
from secretsync.resolving.stores import StoreAccess
from tests.support.canary import make_canary
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs, needs_tool

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
COMMON, SECURITY, WEB = "env/production/common.env", "env/production/security.env", "env/production/web.env"
POLICY, BINDINGS = "env/production/policy.toml", "providers/production.toml"

Files = Mapping[str, str]


def audited(made: Project, environment: str = "production", *, is_online: bool = False) -> AuditReport:
    """Return the report on a project as it is."""
    environ = Environ(clean_environment(made.home))
    known = environ if is_online else AnyEnviron(environ)
    plan = load_plan(ConfigRequest(environment=environment, root=str(made.root)), known)
    return audit_plan(plan, environ, at=AT, access=StoreAccess(environ) if is_online else None)


def places(report: AuditReport, rule: str) -> list[str]:
    """Return the places of the findings of a rule."""
    return [f"{one.file}:{one.line}" for one in report.findings if one.rule == rule]


def drawn(alphabet: str, length: int) -> str:
    """Random characters, made anew in each run: no token stands in this file."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


LETTERS = string.ascii_letters + string.digits
CAPITALS = string.ascii_uppercase + "234567"
PEM = f"-----BEGIN RSA {'PRIVATE'} KEY-----\\n{drawn(LETTERS, 60)}\\n-----END RSA {'PRIVATE'} KEY-----"
JWT = f"ey{'J'}{drawn(LETTERS, 20)}.ey{'J'}{drawn(LETTERS, 20)}.{drawn(LETTERS, 30)}"


def check(line: str) -> str:
    """Return a policy with one check."""
    return f"[checks.KEY]\n{line}\n"


# Rule: what breaks it, where, and what does not.
CASES: dict[str, tuple[Files, str, Files]] = {
    "policy-required": (
        {POLICY: "[required]\nKEY = 'x'\n"},
        f"{POLICY}:2",
        {POLICY: "[required]\nKEY = 'x'\n", WEB: ""},
    ),
    "policy-is-true": ({POLICY: check("is_true = true"), WEB: "KEY=no"}, f"{WEB}:1", {WEB: "KEY=yes"}),
    "policy-is-false": ({POLICY: check("is_false = true"), WEB: "KEY=yes"}, f"{WEB}:1", {WEB: "KEY=no"}),
    "policy-equals": ({POLICY: check("equals = 'a'"), WEB: "KEY=b"}, f"{WEB}:1", {WEB: "KEY=a"}),
    "policy-not-equals": ({POLICY: check("not_equals = 'a'"), WEB: "KEY=a"}, f"{WEB}:1", {WEB: "KEY=b"}),
    "policy-one-of": ({POLICY: check("one_of = ['a']"), WEB: "KEY=b"}, f"{WEB}:1", {WEB: "KEY=a"}),
    "policy-matches": ({POLICY: check("matches = 'a+'"), WEB: "KEY=b"}, f"{WEB}:1", {WEB: "KEY=aa"}),
    "policy-min-length": ({POLICY: check("min_length = 2"), WEB: "KEY=b"}, f"{WEB}:1", {WEB: "KEY=aa"}),
    "policy-max-length": ({POLICY: check("max_length = 1"), WEB: "KEY=bb"}, f"{WEB}:1", {WEB: "KEY=a"}),
    "policy-min": ({POLICY: check("min = 2"), WEB: "KEY=1"}, f"{WEB}:1", {WEB: "KEY=2"}),
    "policy-max": ({POLICY: check("max = 2"), WEB: "KEY=3"}, f"{WEB}:1", {WEB: "KEY=2"}),
    "policy-url-scheme": (
        {POLICY: check("url_scheme = 'https'"), WEB: "KEY=http://h"},
        f"{WEB}:1",
        {WEB: "H=h\nKEY=https://${H}"},
    ),
    "debug-off": ({COMMON: "A=1\nDEBUG=True"}, f"{COMMON}:2", {COMMON: "DEBUG=False"}),
    "secret-key-length": ({COMMON: "SECRET_KEY=short"}, f"{COMMON}:1", {COMMON: "SECRET_KEY=$<docker:key>"}),
    "force-https": ({COMMON: "FORCE_HTTPS=0"}, f"{COMMON}:1", {COMMON: "FORCE_HTTPS=1"}),
    "session-timeout": ({COMMON: "SESSION_TIMEOUT=3601"}, f"{COMMON}:1", {COMMON: "SESSION_TIMEOUT=3600"}),
    "example-value": ({WEB: "# a\nKEY=<SECRET>"}, f"{WEB}:2", {WEB: "KEY=real"}),
    "url-encoding": (
        {WEB: "A=1\nU=amqp://u:$<docker:p>@mq"},
        f"{WEB}:2",
        {WEB: "A=1\nU=amqp://u:$<docker:p?as=url>@mq\nV=amqp://u:$<docker:p?as=text>@mq"},
    ),
    "plaintext-name": (
        {SECURITY: f"DB_PASSWORD={make_canary()}"},
        f"{SECURITY}:1",
        {SECURITY: "DB_PASSWORD=$<docker:p>\nTOKEN_TTL=3600\nAPI_KEY_HEADER=X-Key\nUSE_TOKEN=true\nMAIL_PASSWORD="},
    ),
    "inline-comment": (
        {SECURITY: "A=1\nMAIL_PASSWORD=Sm!tp pass #1"},
        f"{SECURITY}:2",
        {
            SECURITY: "A_PASSWORD='Sm!tp pass #1'\nB_PASSWORD=a#1\nC_PASSWORD=$<docker:p> # note\nD_PASSWORD= # note\n"
            "E_PASSWORD='a' # note\nCOLOUR=red #1"
        },
    ),
    "plaintext-key": ({WEB: f'CA="{PEM}"'}, f"{WEB}:1", {WEB: 'CA="-----BEGIN CERTIFICATE-----\\nMIIB\\n"'}),
    "plaintext-token": (
        {WEB: f"A=1\nTRACKER={'gh' + 'p_'}{drawn(LETTERS, 36)}"},
        f"{WEB}:2",
        {WEB: "TRACKER=ghp_docs\nAWS_ACCESS_KEY_ID=$<env:ID>"},
    ),
    "plaintext-url": (
        {WEB: f"BROKER=amqp://app:{make_canary()}@mq/"},
        f"{WEB}:1",
        {
            WEB: "BROKER=amqp://app:$<docker:p>@mq/\nA=http://h:80/a@b\nB=redis://${U:-x}@h\nC=jdbc:x?password=$<docker:p>"
        },
    ),
    "plaintext-entropy": (
        {WEB: "SEASONING=q7Rt2Zx9Lp4Vb8Nw3Ks6Hj1Dy5"},
        f"{WEB}:1",
        {WEB: "HANDLER=com.example.MyLongHandlerName2Factory\nHOST=ip-10-0-12-34.eu-west-1.compute.internal"},
    ),
    "default-on-secret": (
        {SECURITY: "A=1\nSMTP_PASSWORD=$<docker:smtp:-none-yet>"},
        f"{SECURITY}:2",
        {
            SECURITY: "SMTP_PASSWORD=$<docker:smtp:->\nL=$<LEVEL:->",
            WEB: "LOG_LEVEL=$<env:LOG_LEVEL:-INFO>\nU=${NAME:-y}",
        },
    ),
    "image-context": (
        {"Dockerfile": "FROM scratch\nCOPY . .\n"},
        "Dockerfile:2",
        {".dockerignore": ".git\n.env\n"},
    ),
    "unknown-variable": (
        {WEB: "A=1\nPOD=pod-${POD_NAME}"},
        f"{WEB}:2",
        {WEB: "A=1\nPOD=${POD_NAME:-x}${A}${HOME}"},
    ),
    "shared-secret": (
        {
            SECURITY: "A=$<one:secret#a>",
            BINDINGS: "[stores.one]\nprovider = 'test-remote'\naddress = 'https://v'\n",
            "env/staging/common.env": "B=$<two:secret#a>",
            "providers/staging.toml": "[stores.two]\nprovider = 'test-remote'\naddress = 'https://v'\n",
        },
        f"{SECURITY}:1",
        {"env/staging/common.env": "B=$<two:secret#b>"},
    ),
    "development-store": (
        {SECURITY: "A=$<docker:a>", BINDINGS: "[stores.docker]\ndir = '.secrets/development'\n"},
        f"{BINDINGS}:2",
        {BINDINGS: "[stores.docker]\ndir = '/run/secrets'\n"},
    ),
    "plain-http": (
        {BINDINGS: "[stores.v]\nprovider = 'test-remote'\naddress = 'http://vault.internal:8200'\n"},
        f"{BINDINGS}:3",
        {BINDINGS: "[stores.v]\nprovider = 'test-remote'\naddress = 'http://127.0.0.1:8100'\n"},
    ),
    "unused-binding": (
        {SECURITY: "A=$<A>", BINDINGS: "[secrets]\nA = 'docker:a'\nB = 'docker:b'\n"},
        f"{BINDINGS}:3",
        {SECURITY: "A=$<A>\nB=${B}"},
    ),
    "rotation-overdue": (
        {BINDINGS: "[rotation]\nmax_age = '90d'\n[secrets]\nA = { ref = 'docker:a', rotated = 2026-08-26 }\n"},
        f"{BINDINGS}:4",
        {BINDINGS: "[rotation]\nmax_age = '90d'\n[secrets]\nA = { ref = 'docker:a', rotated = 2026-08-27 }\n"},
    ),
    "rotation-expired": (
        {BINDINGS: "[secrets]\nA = { ref = 'docker:a', max_age = 'never', reason = 'x', until = 2026-11-23 }\n"},
        f"{BINDINGS}:2",
        {BINDINGS: "[secrets]\nA = { ref = 'docker:a', max_age = 'never', reason = 'x', until = 2026-11-24 }\n"},
    ),
    "rotation-undated": (
        {SECURITY: "A=$<A>", BINDINGS: "[secrets]\nA = 'docker:a'\n"},
        f"{BINDINGS}:2",
        {BINDINGS: "[secrets]\nA = { ref = 'docker:a', rotated = 2026-11-01 }\n"},
    ),
    "unused-ignore": (
        {POLICY: "[[ignore]]\nrule = 'plain-http'\nreason = 'x'\n"},
        f"{POLICY}:1",
        {BINDINGS: "[stores.v]\nprovider = 'test-remote'\naddress = 'http://v'\n"},
    ),
}
# These need modes, owners or git, and have tests of their own below.
ELSEWHERE = {"file-readable", "file-writable", "file-owner", "git-tracked", "git-not-ignored", "git-ignores-env"}
ELSEWHERE |= {"git-failed"}  # see test_git.py
ELSEWHERE |= {"rotation-due"}  # asked online only: see test_online_ages.py
ELSEWHERE |= {"lease-ends"}  # asked online only: see test_online_leases.py
ELSEWHERE |= {"empty-secret"}  # asked online only: see test_values.py


@pytest.fixture(autouse=True)
def remote_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a provider `test-remote` with an address. It needs no SDK, and gets no request."""
    from secretsync.providers import registry

    monkeypatch.setitem(registry.BUILT_IN, "test-remote", "tests.audit.remote:RemoteProvider")


@pytest.fixture
def make(project: MakeProject) -> Callable[[Files], Project]:
    """Return a project of these files, whose folders and files have modes that do not depend on the caller's umask."""

    def made(files: Files) -> Project:
        folder = project({COMMON: "A=1\n", **files})
        for path in folder.root.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return folder

    return made


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_what_breaks_it_and_nothing_else(rule: str, make: Callable[[Files], Project]) -> None:
    """At the file and line, with the rule's severity; the mended project has no such finding, and the rule passed."""
    broken, place, mended = CASES[rule]
    report = audited(make(broken))
    assert places(report, rule) == [place]
    (finding,) = [one for one in report.findings if one.rule == rule]
    assert finding.severity is RULES[rule].severity
    assert int(report.exit_status()) == (1 if report.errors else 0)
    assert int(report.exit_status(is_strict=True)) == 1
    files = {**broken, **mended}
    if rule == "policy-required":
        files[COMMON] = "KEY=1\n"
    clean = audited(make(files))
    assert places(clean, rule) == []
    if rule != "secret-key-length":  # what is mended by a placeholder is not known offline
        assert rule in clean.passed


def test_every_rule_is_tested() -> None:
    """A rule without a broken and a mended project is no rule."""
    assert set(CASES) | ELSEWHERE == set(RULES)
    assert not set(CASES) & ELSEWHERE


def test_what_only_strict_environments_must_keep(make: Callable[[Files], Project]) -> None:
    """In a lenient environment plain text is a warning; a known kind of token is an error all the same."""
    files = {
        "env/development/common.env": (
            f"DEBUG=True\nSECRET_KEY=dev-only\nK=changeme\nDB=pg://a:b@h/d\nS=$<docker:s:-x>\nT={JWT}\n"
        ),
        "providers/development.toml": "[stores.v]\nprovider = 'test-remote'\naddress = 'http://vault:8200'\n",
    }
    report = audited(make(files), "development")
    found = {one.rule: one.severity for one in report.findings}
    assert found == {
        "plaintext-name": Severity.WARNING,
        "plaintext-url": Severity.WARNING,
        "plain-http": Severity.WARNING,
        "plaintext-token": Severity.ERROR,
        "file-readable": Severity.ERROR,
    }


@pytest.mark.parametrize(("mode", "who"), [(0o640, "its group"), (0o644, "everybody"), (0o604, "everybody")])
def test_a_file_with_plain_secrets_that_others_may_read(make: Callable[[Files], Project], mode: int, who: str) -> None:
    """An error with the mode; 0600 passes, and so does any reader of placeholders alone."""
    made = make({SECURITY: f"A=1\nDB_PASSWORD={make_canary()}\n", WEB: "B=$<docker:b>\n"})
    (made.root / SECURITY).chmod(mode)
    report = audited(made)
    assert places(report, "file-readable") == [f"{SECURITY}:2"]
    assert any(f"{who} may open" in one.message for one in report.findings)
    (made.root / SECURITY).chmod(0o600)
    assert places(audited(made), "file-readable") == []
    assert "file-readable" in audited(made).passed


@pytest.mark.parametrize("name", [COMMON, POLICY, BINDINGS, "env/production", "env", "providers", "."])
def test_what_everybody_may_write(make: Callable[[Files], Project], name: str) -> None:
    """Files and folders; the group may write, as with a umask of 002, and a sticky folder is no danger."""
    made = make({POLICY: "", BINDINGS: ""})
    path = made.root / name
    before = path.stat().st_mode & 0o777
    path.chmod(before | 0o022)
    assert [one.file for one in audited(made).errors] == [name]
    path.chmod(before | 0o020)
    assert audited(made).errors == ()
    if path.is_dir():
        path.chmod(0o1777)
        assert audited(made).errors == ()


def test_a_file_of_a_stranger(make: Callable[[Files], Project]) -> None:
    """A file of another owner is reported, because its owner can change it."""
    needs(os.geteuid() == 0, "root")
    made = make({WEB: "A=1\n"})
    os.chown(made.root / WEB, 12345, -1)
    assert places(audited(made), "file-owner") == [f"{WEB}:None"]
    os.chown(made.root, 12345, -1)
    assert places(audited(made), "file-owner") == []


class Repository:
    """A project in a git repository of its own."""

    def __init__(self, made: Project) -> None:
        self.made, self.tool, self.env = made, needs_tool("git"), clean_environment(made.home)
        self("init", "--quiet")

    def __call__(self, *arguments: str) -> None:
        """Run git."""
        run_command([self.tool, *arguments], cwd=self.made.root, env=self.env, expect=0)


def test_what_git_tracks_and_should_not(make: Callable[[Files], Project]) -> None:
    """Secrets files, .env and rendered ones; .env.example and env/ belong there."""
    made = make(
        {
            ".env": "A=1\n",
            ".env.example": "DB_PASSWORD=postgres\n",
            ".env.sample": f"KEY={'AK' + 'IA'}{drawn(CAPITALS, 16)}\n",
            "deploy/rendered.env": f"# made\nDB_PASSWORD={make_canary()}\n",
            "deploy/settings.env": "PORT=1\n",
            "mounted/key": make_canary(),
            ".secrets/development/key": make_canary(),
            BINDINGS: "[stores.docker]\ndir = 'mounted'\n",
        }
    )
    git = Repository(made)
    assert places(audited(made), "git-tracked") == []
    git("add", "--all")
    assert sorted(places(audited(made), "git-tracked")) == [
        ".env.sample:1",
        ".env:None",
        ".secrets/development/key:None",
        "deploy/rendered.env:2",
        "mounted/key:None",
    ]
    git("rm", "--quiet", "--cached", ".env", ".env.sample", "deploy/rendered.env", "-r", ".secrets", "mounted")
    report = audited(made)
    assert places(report, "git-tracked") == []
    assert "git-tracked" in report.passed


def test_an_env_file_of_placeholders_may_be_committed(make: Callable[[Files], Project]) -> None:
    """A .env that was named itself is judged by its content, and other files by their names."""
    made = make({".env": "KEY=$<KEY>\n", ".env.local": "A=1\n"})
    git = Repository(made)

    def judged() -> AuditReport:
        environ = Environ(clean_environment(made.home))
        plan = load_plan(ConfigRequest(files=(str(made.root / ".env"),), root=str(made.root)), AnyEnviron(environ))
        return audit_plan(plan, environ, at=AT, access=None)

    assert places(judged(), "git-not-ignored") == [".env.local:None"]
    git("add", "--all")
    assert places(judged(), "git-tracked") == [".env.local:None"]
    made.write(".env", f"DB_PASSWORD={make_canary()}\n")
    assert set(places(judged(), "git-tracked")) == {".env.local:None", ".env:None"}
    assert set(places(audited(made), "git-tracked")) == {".env.local:None", ".env:None"}


def test_what_git_tracks_and_cannot_be_read(make: Callable[[Files], Project], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line in another program's form, a file that is gone, and more files than are looked into: it is said."""
    made = make({"a.env": "A=1\nset B 2\n", "b.env": "B=1\n", "c.env": f"DB_PASSWORD={make_canary()}\n"})
    Repository(made)("add", "--all")
    (made.root / "b.env").unlink()
    report = audited(made)
    assert places(report, "git-tracked") == ["c.env:1"]
    said = [line for line in report.not_checked if line.startswith("git-tracked")]
    assert [line.split(":")[:3] for line in said] == [
        ["git-tracked", " a.env", "2"],
        ["git-tracked", " b.env", " it cannot be read"],
    ]
    monkeypatch.setattr(state, "_MOST_RENDERED", 2)
    assert "git-tracked: further files in the form of an env file: 1" in audited(made).not_checked


def test_secrets_in_comments(make: Callable[[Files], Project]) -> None:
    """Keys and tokens, on a line of their own and behind a value; the file is one with plain secrets then."""
    token = f"gl{'pat'}-{drawn(LETTERS, 20)}"
    made = make({WEB: f"# PORT=1\n\n# was: {token}\nA=1\nB='2' # {token}\n# {PEM}\n# DB_PASSWORD=ask the team\n"})
    report = audited(made)
    assert places(report, "plaintext-token") == [f"{WEB}:3", f"{WEB}:5"]
    assert places(report, "plaintext-key") == [f"{WEB}:6"]
    assert places(report, "file-readable") == [f"{WEB}:3"]
    assert [one.file for one in report.findings] == [WEB] * 4
    assert token not in str(report)


def test_what_git_would_take_and_what_it_ignores(make: Callable[[Files], Project]) -> None:
    """A file with plain secrets that .gitignore lacks; env/ that it has."""
    made = make({".env": "A=1\n", ".secrets/key": make_canary(), BINDINGS: ""})
    Repository(made)
    assert places(audited(made), "git-not-ignored") == [".env:None", ".secrets/key:None"]
    made.write(".gitignore", "/.env\n.secrets/\nenv/\n")
    report = audited(made)
    assert places(report, "git-not-ignored") == []
    assert places(report, "git-ignores-env") == [f"{COMMON}:None"]
    assert ".gitignore:3:env/" in next(one.message for one in report.findings if one.rule == "git-ignores-env")
    made.write(".gitignore", "/.env\n.secrets/\nenv/\n!/env/\n")
    assert places(audited(made), "git-ignores-env") == []


def test_without_git_it_is_said(make: Callable[[Files], Project]) -> None:
    """No repository, or no git: not checked, and none of its rules passed."""
    report = audited(make({}))
    assert any("git-tracked" in line and "no git repository" in line for line in report.not_checked)
    assert not any(rule.startswith("git-") for rule in report.passed)


def test_a_hook_of_git_is_not_led_astray(make: Callable[[Files], Project], monkeypatch: pytest.MonkeyPatch) -> None:
    """Git runs hooks with GIT_DIR set; the project's own repository is asked all the same."""
    made = make({".env": "A=1\n"})
    git = Repository(made)
    git("add", "--force", ".env")
    environ = Environ({**clean_environment(made.home), "GIT_DIR": "/nonexistent", "GIT_WORK_TREE": "/"})
    plan = load_plan(ConfigRequest(environment="production", root=str(made.root)), environ)
    assert places(audit_plan(plan, environ, at=AT), "git-tracked") == [".env:None"]


def test_ignored_with_a_reason(make: Callable[[Files], Project]) -> None:
    """An ignored finding is listed with its reason, and counts again after its end date."""
    ignore = "[[ignore]]\nrule = 'plaintext-name'\nkey = 'DB_*'\nreason = 'a public demo'\n"
    files = {SECURITY: f"DB_PASSWORD={make_canary()}\n", POLICY: ignore}
    report = audited(make(files))
    assert report.findings == ()
    assert [(one.finding.rule, one.reason) for one in report.ignored] == [("plaintext-name", "a public demo")]
    over = audited(make({**files, POLICY: ignore + "until = 2026-11-23\n"}))
    assert {one.rule for one in over.findings} == {"plaintext-name", "file-readable", "unused-ignore"}


def test_sensitive_names_can_be_added(make: Callable[[Files], Project]) -> None:
    """Patterns of the policy extend the sensitive names of every rule."""
    files = {WEB: "DOOR_CODE=4711\nGATE_CODE=$<env:GATE:-1234>\n"}
    assert audited(make(files)).findings == ()
    found = audited(make({**files, POLICY: 'sensitive = ["*_CODE"]\n'})).findings
    assert {one.rule for one in found} == {"plaintext-name", "default-on-secret", "file-readable"}


def test_a_bad_policy_is_an_error(make: Callable[[Files], Project]) -> None:
    """Nobody audits by half a policy."""
    with pytest.raises(ConfigurationError, match=r"policy\.toml:1"):
        audited(make({POLICY: "[chekcs]\n"}))


def test_offline_says_what_it_did_not_look_at(make: Callable[[Files], Project]) -> None:
    """Values in stores, rule by rule; settings made of settings are judged."""
    files = {
        SECURITY: "SECRET_KEY=$<docker:key>\n",
        WEB: "H=h\nU=http://${H}\n",
        POLICY: "[checks.U]\nurl_scheme = 'https'\n[checks.SECRET_KEY]\nmin_length = 64\n"
        "[required]\nSECRET_KEY = ''\nX = { environment = true }\n",
    }
    report = audited(make(files))
    assert places(report, "policy-url-scheme") == [f"{WEB}:2"]
    for rule in ("policy-min-length", "secret-key-length", "policy-required", "example-value"):
        assert any(line.startswith(f"{rule}: SECRET_KEY") for line in report.not_checked), rule
    assert any(line.startswith("policy-required: X") for line in report.not_checked)
    assert "secret-key-length" not in report.passed


def test_another_environment_that_cannot_be_read_is_said(make: Callable[[Files], Project]) -> None:
    """The report says that shared secrets were not checked if another environment cannot be read."""
    report = audited(make({"env/staging/common.env": "A=$<\n"}))
    assert any("staging" in line and "cannot be read" in line for line in report.not_checked)


def test_a_secret_is_shared_by_two_identities(make: Callable[[Files], Project]) -> None:
    """Settings that identify the environment at the store do not make it another secret; an address does."""
    files = CASES["shared-secret"][0]
    theirs = str(files["providers/staging.toml"])
    same = audited(make({**files, "providers/staging.toml": f"{theirs}user = 'staging'\n"}))
    assert "shared-secret" in {one.rule for one in same.errors}
    other = audited(make({**files, "providers/staging.toml": theirs.replace("https://v", "https://w")}))
    assert "shared-secret" not in {one.rule for one in other.errors}


def test_the_same_evidence_gives_the_same_report(make: Callable[[Files], Project]) -> None:
    """Order and content depend on nothing else."""
    made = make({**CASES["plaintext-url"][0], **CASES["unused-binding"][0], **CASES["shared-secret"][0]})
    assert audited(made) == audited(made)


def test_env_files_without_an_environment_are_strict(tmp_path: Path) -> None:
    """Files named one by one are strict if the caller judges them; a policy and git's view of env/ do not apply."""
    (tmp_path / ".env").write_text("DEBUG=True\n")
    environ = Environ({})
    request = ConfigRequest(files=(str(tmp_path / ".env"),), root=str(tmp_path), is_judged=True)
    report = audit_plan(load_plan(request, environ), environ, at=AT)
    assert [one.rule for one in report.errors] == ["debug-off"]


def test_every_rule_has_its_check() -> None:
    """A function of the audit checks each rule that is neither on values nor on unused ignores."""
    on_values = {"policy-required", *CHECK_RULES.values(), *(check.rule for check in BUILT_IN), "example-value"}
    assert set(CHECKS) == set(RULES) - on_values - {"unused-ignore"}
