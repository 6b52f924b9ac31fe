"""Reading policy.toml, judging values by it, and what `resolve_config` and `run` do about it."""

import contextlib
import logging
import pickle
import re
import sys
from collections.abc import Callable
from datetime import date

import pytest

from secretsync import ConfigurationError, ValidationError, resolve_config
from secretsync.policy.checks import BUILT_IN
from secretsync.policy.example_values import is_example
from secretsync.policy.findings import found
from secretsync.policy.policy import Policy
from secretsync.policy.policy_file import parse_policy
from secretsync.policy.rules import CHECK_RULES, RULES, Severity
from tests.support.canary import CanaryFactory
from tests.support.growth import AssertLinear
from tests.support.projects import MakeProject, Project

FILE = "env/production/policy.toml"
GOOD = "DEBUG=False\nFORCE_HTTPS=True\nSESSION_TIMEOUT=1800\n"


def policy(text: str) -> Policy:
    """Return the policy of a file with this text."""
    return parse_policy(text.encode(), FILE)


def problems(text: str) -> list[str]:
    """Return the problems of a policy, as they are printed."""
    return [str(problem).removeprefix(f"{FILE}:") for problem in policy(text).problems]


def test_a_policy_is_read() -> None:
    """All that it may say, in every form."""
    read = policy(
        'sensitive = ["*_PIN"]\n'
        "[required]\n"
        'SECRET_KEY = "signs"\n'
        'DATABASE_URL = { description = "where", service = "database", environment = true }\n'
        "[checks.PORT]\nmin = 1\nmax = 65535.5\nseverity = 'warning'\nmessage = 'a port'\n"
        "[[checks.NAME]]\nmatches = '[a-z]+'\n[[checks.NAME]]\nmax_length = 8\nservice = 'web'\n"
        "[[ignore]]\nrule = 'force-https'\nreason = 'behind a proxy'\nkey = 'FORCE_*'\nuntil = 2027-01-31\n"
    )
    assert read.problems == ()
    assert [(one.key, one.service, one.environment, one.line) for one in read.required] == [
        ("SECRET_KEY", None, False, 3),
        ("DATABASE_URL", "database", True, 4),
    ]
    assert [(one.key, one.kind, one.severity, one.service) for one in read.checks] == [
        ("PORT", "min", Severity.WARNING, None),
        ("PORT", "max", Severity.WARNING, None),
        ("NAME", "matches", Severity.ERROR, None),
        ("NAME", "max_length", Severity.ERROR, "web"),
    ]
    assert (read.ignores[0].until, read.ignores[0].line) == (date(2027, 1, 31), 15)
    assert read.is_sensitive("door_pin")
    assert read.is_sensitive("DB_PASSWORD")
    assert read.is_sensitive("PINS")
    assert not read.is_sensitive("LED_PINS")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("requird = 1\n", "1: requird: unknown key; did you mean required?"),
        ("required = 1\n", "1: required: it must be a table"),
        ("[required]\nA = 1\n", "2: required.A: it must be a description or a table"),
        ("[required]\n1A = ''\n", "2: required: a name is letters"),
        ("[required]\nA = { servce = 'x' }\n", "2: required.A.servce: unknown key; did you mean service?"),
        ("[required]\nA = { environment = 'x' }\n", "2: required.A.environment: it must be true or false"),
        ("[required]\nA = { service = '../x' }\n", "2: required.A.service: this is no service's name"),
        ("[checks.A]\nmin_lenght = 3\n", "2: checks.A.min_lenght: unknown key; did you mean min_length?"),
        ("[checks]\nA = 3\n", "2: checks.A: it must be a table [checks.NAME]"),
        ("[checks.A]\nmessage = 'x'\n", "1: checks.A: it checks nothing; add one of is_true"),
        ("[checks.A]\nis_true = false\n", "2: checks.A.is_true: it must be true; the opposite is is_false = true"),
        ("[checks.A]\nmin = '3'\n", "2: checks.A.min: it must be a number"),
        ("[checks.A]\nmin = true\n", "2: checks.A.min: it must be a number"),
        ("[checks.A]\nmin_length = -1\n", "2: checks.A.min_length: it must not be negative"),
        ("[checks.A]\none_of = []\n", "2: checks.A.one_of: it must be a list of strings"),
        ("[checks.A]\nmatches = '('\n", "2: checks.A.matches: this is no regular expression"),
        ("[checks.A]\nequals = 3\n", "2: checks.A.equals: it must be a string"),
        ("[checks.A]\nmin = 3\nseverity = 'fatal'\n", '3: checks.A.severity: it must be "error" or "warning"'),
        ("[checks.A]\nmin = 3\nmessage = ' '\n", "3: checks.A.message: it is empty"),
        ("[[checks.A]]\nmin = 3\n[[checks.A]]\nmax = ''\n", "4: checks.A.1.max: it must be a number"),
        (
            "[[ignore]]\nrule = 'debug-of'\nreason = 'x'\n",
            "2: ignore.0.rule: there is no rule 'debug-of'; did you mean",
        ),
        ("[[ignore]]\nrule = 'debug-off'\n", "1: ignore.0: it has no reason"),
        ("\n[[ignore]]\nreason = 'x'\n", "2: ignore.0: it names no rule"),
        ("[[ignore]]\nrule = 'debug-off'\nreason = 'x'\nuntil = '2027'\n", "4: ignore.0.until: it must be a date"),
        ("ignore = [1]\n", "1: ignore: it must be tables [[ignore]]"),
        ("sensitive = 3\n", "1: sensitive: it must be a list of strings"),
        ("[required\n", "1: this is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, expected: str) -> None:
    """One problem, where it is, with the nearest word."""
    (said,) = problems(text)
    assert said.startswith(expected)


def test_a_parameter_is_not_shown() -> None:
    """Nobody keeps people from writing a secret into `equals`."""
    (check,) = policy("[checks.A]\nequals = 'plain'\n").checks
    assert "plain" not in repr(check)


@pytest.fixture
def make(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a strict project without a fault and without a policy."""
    made = project({"env/production/common.env": GOOD, "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\n"})
    made.write("providers/production.toml", '[stores.docker]\ndir = ".secrets"\n')
    made.write(".secrets/secret_key", canary())
    return made


def failures(made: Project, **options: object) -> list[str]:
    """Return what a resolution refuses, by place and rule."""
    try:
        resolve_config("production", root=made.root, environ=options.pop("environ", {}), **options)  # type: ignore[arg-type]
    except ValidationError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_good_configuration_passes(make: Project) -> None:
    """Built-in rules judge what is there and ask for nothing."""
    assert failures(make) == []
    make.write("env/production/common.env", "A=1\n")
    assert failures(make) == []


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("DEBUG=True", "debug-off"),
        ("DEBUG=", "debug-off"),
        ("DEBUG=maybe", "debug-off"),
        ("FORCE_HTTPS=off", "force-https"),
        ("SECRET_KEY=short", "secret-key-length"),
        ("ANY=<SECRET>", "example-value"),
        ("ANY=changeme", "example-value"),
        ("ANY=TODO: ask Ann", "example-value"),
        ("ANY='$<UNRESOLVED>'", "example-value"),
        ("DB_PASSWORD=password", "example-value"),
    ],
)
def test_built_in_rules(make: Project, line: str, rule: str) -> None:
    """Each is found in the service that overrides the whole, at its line; where lenient none is asked."""
    make.write("env/production/web.env", f"# web\n{line}\n")
    (said,) = failures(make)
    assert said.startswith("env/production/web.env:2: ")
    assert f"({rule})" in said
    assert failures(make, validate=False) == []
    assert failures(make, services=[]) == []
    make.write("providers/production.toml", 'strict = false\n[stores.docker]\ndir = ".secrets"\n')
    assert failures(make) == []
    assert failures(make, validate=True) == []


def test_everything_is_said_at_once(make: Project) -> None:
    """One error with all that is wrong, in the order of the files; a ConfigurationError, status 2, that can be sent."""
    make.write("env/production/common.env", "DEBUG=1\nFORCE_HTTPS=0\nX=todo\n")
    with pytest.raises(ConfigurationError) as caught:
        resolve_config("production", root=make.root, environ={})
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]
    assert int(caught.value.exit_status) == 2
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ValidationError)


def test_a_secret_that_is_too_short_is_not_shown(make: Project) -> None:
    """The message shows neither the secret, nor a part of it, nor its length."""
    make.write(".secrets/secret_key", "Kx9")
    (said,) = failures(make)
    assert "SECRET_KEY" in said
    assert "Kx9" not in said
    assert re.findall(r"\d+", said.partition(": ")[2]) == ["32"]


def test_warnings_are_logged_and_do_not_fail(make: Project, caplog: pytest.LogCaptureFixture) -> None:
    """As `secretsync`, at the level of warnings."""
    make.write("env/production/common.env", GOOD.replace("1800", "7200"))
    with caplog.at_level(logging.WARNING, logger="secretsync"):
        assert failures(make) == []
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("secretsync", "WARNING")
    assert "env/production/common.env:3: SESSION_TIMEOUT" in record.getMessage()


REQUIRED = "[required]\nDATABASE_URL = { description = 'where', service = 'database', environment = true }\nA = 'a'\n"


def test_required_keys(make: Project, canary: CanaryFactory) -> None:
    """From the files, or from the process environment where the policy says so; an empty value is none."""
    make.write(FILE, REQUIRED)
    first, second = failures(make)
    assert first.startswith(f"{FILE}:2: DATABASE_URL: it is required in the service database, and it is not defined")
    assert "env/production/database.env, or export it" in first
    assert second.startswith(f"{FILE}:3: A: it is required, and it is not defined: a")
    exported = {"DATABASE_URL": canary("postgresql://u:", "@h/d"), "A": "1"}
    assert [said.split(": ")[1] for said in failures(make, environ=exported)] == ["A"]
    make.write("env/production/database.env", "DATABASE_URL=\nA=1\n")
    first, second = failures(make)
    assert first.startswith(
        "env/production/database.env:1: DATABASE_URL: it is required in the service database, and it is"
    )
    assert 'the service database has it: say service = "database"' in second
    make.write("env/production/database.env", "DATABASE_URL=postgresql://h/d\n")
    make.write("env/production/common.env", GOOD + "A=1\n")
    assert failures(make) == []
    # What is not selected is not resolved, and not required.
    make.write("env/production/database.env", "OTHER=1\n")
    assert failures(make, services=[]) == []


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("is_true = true", ["true", "1", "Yes", "on"], ["false", "", "maybe"]),
        ("is_false = true", ["false", "0", "No", "off"], ["true", "", "maybe"]),
        ("equals = 'a b'", ["a b"], ["a", "A b", ""]),
        ("not_equals = 'a'", ["b", ""], ["a"]),
        ("one_of = ['a', 'b']", ["a", "b"], ["c", "", "ab"]),
        ("matches = '[a-z]+\\d'", ["ab1"], ["ab", "ab12", "ab1\\n"]),
        ("min_length = 3", ["abc", "äöü"], ["ab", ""]),
        ("max_length = 3", ["abc", ""], ["abcd"]),
        ("min = 3", ["3", "3.5", "+4"], ["2", "x", "", "0x10", "1e999-"]),
        ("max = 3", ["3", "-7", "0"], ["4", "x", "", "inf", "nan"]),
        ("url_scheme = ['https', 'WSS']", ["https://h", "WSS://h"], ["http://h", "h", "", "https:h"]),
    ],
)
def test_checks(make: Project, check: str, good: list[str], bad: list[str]) -> None:
    """Each check takes and refuses these values."""
    make.write(FILE, f"[checks.KEY]\n{check}\n")
    kind = check.partition(" ")[0]
    for value in good:
        make.write("env/production/web.env", f'KEY="{value}"\n')
        assert failures(make) == [], value
    for value in bad:
        make.write("env/production/web.env", f'KEY="{value}"\n')
        (said,) = failures(make)
        assert said.startswith("env/production/web.env:1: KEY: "), value
        assert f"({CHECK_RULES[kind]})" in said, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[checks.DEBUGG]\nis_false = true\n", "1: checks.DEBUGG: there is no entry 'DEBUGG'; did you mean DEBUG?"),
        ("[[checks.NOPE]]\nmin = 1\n", "1: checks.NOPE: there is no entry of this name; define it in an env file"),
        (
            "[checks.DEBUG]\nis_false = true\nservice = 'wbe'\n",
            "3: checks.DEBUG: there is no service 'wbe'; did you mean",
        ),
        (
            "[required]\nDEBUG = { description = 'x', service = 'wbe' }\n",
            "2: required.DEBUG: there is no service 'wbe'",
        ),
        ("[checks.ghp_abcdEFGH1234abcdEFGH1234abcdEFGH1234]\nmin = 1\n", "1: checks: there is no entry of this name"),
    ],
)
def test_names_that_the_environment_does_not_have(make: Project, text: str, expected: str) -> None:
    """A check that could never apply is refused at its line by everything that validates."""
    make.write("env/production/web.env", "PORT=1\n")
    make.write(FILE, text)
    with pytest.raises(ConfigurationError, match=re.escape(f"{FILE}:{expected}")) as refused:
        resolve_config("production", root=make.root, environ={})
    assert "ghp_" not in str(refused.value)
    assert f"{FILE}:{expected}" in make.cli("audit", "-e", "production", expect=2).stderr
    assert f"{FILE}:{expected}" in make.cli("run", "-e", "production", "--", "true", expect=2).stderr


def test_names_of_services_that_are_not_selected(make: Project) -> None:
    """A check of a service that is not selected is no mistake, and neither is a check of a required key."""
    make.write("env/production/web.env", "PORT=1\n")
    keys = "[required]\nSECRET_KEY = 'x'\n[checks.SECRET_KEY]\nmin_length = 1\n"
    make.write(FILE, f"{keys}[checks.PORT]\nmin = 1\nservice = 'web'\n")
    assert failures(make, services=[]) == []


def test_a_message_of_ones_own_and_a_service(make: Project) -> None:
    """The policy's words stand in the message; a check of one service leaves the others alone."""
    make.write(FILE, "[checks.DEBUG]\nis_false = true\nmessage = 'nobody debugs here'\nservice = 'web'\n")
    make.write("env/production/web.env", "DEBUG=True\n")
    make.write("env/production/worker.env", "DEBUG=True\n")
    web, worker = failures(make)
    assert "web.env:1: DEBUG: nobody debugs here (policy-is-false)" in web  # and not debug-off too
    assert "worker.env:1: DEBUG: it must be off" in worker
    assert "(debug-off)" in worker


def test_a_parameter_under_a_sensitive_name_is_not_repeated(make: Project, canary: CanaryFactory) -> None:
    """Somebody may have written the secret itself there."""
    make.write(FILE, f"[checks.API_TOKEN]\nequals = '{canary()}'\none_of = ['{canary()}']\n")
    make.write("env/production/web.env", "API_TOKEN=$<env:T>\n")
    said = failures(make, environ={"T": canary()})
    assert len(said) == 2
    for line in said:
        assert "what the policy says" in line
        canary.assert_clean(line)


def test_a_rule_is_switched_off_with_a_reason(make: Project) -> None:
    """As a whole, or for a key, and no longer than the policy says."""
    make.write("env/production/common.env", "DEBUG=True\nFORCE_HTTPS=False\n")
    ignore = "[[ignore]]\nrule = '{}'\nreason = 'behind a proxy'\n"
    make.write(FILE, ignore.format("force-https") + ignore.format("debug-off") + "until = 2026-01-01\n")
    assert ["debug-off" in said for said in failures(make)] == [True]
    make.write(FILE, ignore.format("debug-off") + "file = '*/web.env'\n" + ignore.format("force-https"))
    assert ["debug-off" in said for said in failures(make)] == [True]


def test_a_bad_policy_stops_everything_before_a_store_is_asked(make: Project) -> None:
    """A ConfigurationError at its line, though the secret is missing too; without validation nobody reads it."""
    make.write(FILE, "[requird]\n")
    (make.root / ".secrets/secret_key").unlink()
    with pytest.raises(ConfigurationError, match=r"policy\.toml:1: requird: unknown key"):
        resolve_config("production", root=make.root, environ={})
    make.write(".secrets/secret_key", "x")
    assert resolve_config("production", root=make.root, environ={}, validate=False)["SECRET_KEY"] == "x"


def test_a_refreshed_configuration_is_judged_too(make: Project) -> None:
    """The old one stays where the new values are not allowed."""
    config = resolve_config("production", root=make.root, environ={})
    make.write(".secrets/secret_key", "short")
    with pytest.raises(ValidationError):
        config.refresh()


def test_run_validates_and_an_emergency_passes(make: Project) -> None:
    """Status 2 and nothing starts; --no-validate starts it, says so, and holds for the application too."""
    make.write("env/production/common.env", "DEBUG=True\nSESSION_TIMEOUT=7200\n")
    program = (
        f"from secretsync import resolve_config; print(resolve_config('production', root={str(make.root)!r})['DEBUG'])"
    )
    command = [sys.executable, "-c", program]

    command[0] = sys.executable
    refused = make.cli("run", "-e", "production", "--", *command, expect=2)
    assert refused.stdout == ""
    assert "common.env:1: DEBUG" in refused.stderr
    assert "warning: env/production/common.env:2: SESSION_TIMEOUT" in refused.stderr
    assert "--no-validate" in refused.stderr
    started = make.cli("run", "-e", "production", "--no-validate", "--", *command, expect=0)
    assert started.stdout == "True\n"
    assert "values are not validated" in started.stderr
    make.cli("render", "-e", "production", "--format", "json", expect=2)
    make.cli("render", "-e", "production", "--format", "json", "--no-validate", expect=0, reveals=True)


def test_what_init_writes_holds(project: MakeProject, canary: CanaryFactory) -> None:
    """Development works at once; production says what it lacks, and starts once that is there."""
    made = project()
    made.cli("init", expect=0)
    made.cli("run", "-e", "development", "--", "true", expect=0)
    environment = {"SECRET_KEY": canary()}
    lacking = made.cli("run", "-e", "production", "--", "true", env=environment, expect=2)
    assert "DATABASE_URL: it is required in the service app" in lacking.stderr
    assert "or export it" in lacking.stderr
    environment["DATABASE_URL"] = canary("postgresql://u:", "@h/d")
    assert made.cli("run", "-e", "production", "--", "true", env=environment, expect=0).stderr == ""
    made.cli("audit", "--all", expect=0)


@pytest.mark.parametrize(
    "text",
    [
        "ChangeMe",
        "change_me_please",
        "TODO",
        "xxxx",
        "<YOUR KEY>",
        "{{ secret }}",
        "${X}",
        "$<X>",
        "FIXME(ann)",
        "replace-me",
    ],
)
def test_stand_ins_of_any_name(text: str) -> None:
    """Values that only fill a place are found under any name."""
    assert is_example(text, is_sensitive=False)


@pytest.mark.parametrize(
    "text", ["password", "secret", "your-api-key-here", "admin", "***", "12345678", "my-secret-key"]
)
def test_stand_ins_of_secrets(text: str) -> None:
    """What may be meant under another name."""
    assert is_example(text, is_sensitive=True)
    assert not is_example(text, is_sensitive=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "production",
        "noreply <a@example.com>",
        "x",
        "%(asctime)s {{",
        "todos",
        "exchange me",
        "changer",
        "changement",
        "-",
        "todo_list",
        "<a@b.example>",
    ],
)
def test_values_that_are_none(text: str) -> None:
    """Real values that look a little like it."""
    assert not is_example(text, is_sensitive=False)


def test_built_in_rules_are_in_the_table() -> None:
    """One place for each fact: severities agree, and every id is kebab-case."""
    for check in BUILT_IN:
        assert RULES[check.rule].severity is check.severity, check.rule
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule), rule
        assert found(rule, "x").hint
    assert set(CHECK_RULES.values()) <= set(RULES)


@pytest.mark.parametrize(
    ("head", "form"),
    [
        ("[required]\n", "A@ = 'x'\n"),
        ("", "[checks.A@]\nmin_length = 1\n"),
        ("", "[checks.A@]\npattern = '['\n"),
        ("", "requird@ = 1\n"),
        ("", "[[ignore]]\nrule = 'empty-secret'\nkey = 'A@'\nreason = 'x'\n"),
        ("", "[[ignore]]\nrule = 'empty-secrt'\nkey = 'A@'\nreason = 'x'\n"),
        ("sensitive = [\n", "'*B@',\n"),
        ("", "# comment\n"),
    ],
)
def test_time_grows_with_the_number_of_rules(assert_linear: AssertLinear, head: str, form: str) -> None:
    """Time grows linearly with the number of rules and mistakes."""
    end = "]\n" if head.endswith("[\n") else ""

    def prepare(size: int) -> Callable[[], object]:
        data = (head + "".join(form.replace("@", str(index)) for index in range(size)) + end).encode()
        return lambda: parse_policy(data, "policy.toml").ignores

    def read(size: int) -> Callable[[], object]:
        action = prepare(size)

        def tolerant() -> None:
            with contextlib.suppress(ConfigurationError):
                action()

        return tolerant

    assert_linear(read, 30)
