"""Bindings: every key, its shape, its line, and what may not be written there."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.durations import parse_duration
from secretsync.project.bindings import Bindings
from secretsync.project.bindings_file import parse_bindings, read_bindings
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory
from tests.support.growth import AssertLinear

FULL = """\
strict  = true
lookup  = ["docker", "vault", "env"]
timeout = "10s"

[stores.vault]
provider  = "vault"
address   = "https://vault.internal:8200"
auth      = { method = "kubernetes", role = "app" }
key       = "secret/{environment}#{name}"
max_age   = "90d"

[stores.aws-eu]
provider = "aws"
region   = "eu-west-1"

[secrets]
SECRET_KEY  = "aws-eu:prod/app#secret_key"
DB_PASSWORD = { ref = "vault:database/static-creds/app#password", max_age = "30d" }
SMTP_TOKEN  = { ref = "docker:smtp_token", rotated = 2026-10-01 }
LEGACY_KEY  = { ref = "aws-eu:legacy", max_age = "never", reason = "frozen, ticket 4711", until = 2027-03-01 }

[secrets.TABLE]
ref = "env:X"
rotated = 2026-10-01T12:00:00+02:00

[rotation]
max_age     = "26w"
warn_before = "14d"
on_unknown  = "fail"
[rotation.patterns]
"*_SIGNING_KEY" = "P365D"
"OLD_*" = { max_age = "never", reason = "gone soon" }
"""


def parse(text: str | bytes) -> Bindings:
    """Return the bindings of a file of this text."""
    return parse_bindings(text.encode() if isinstance(text, str) else text, "providers/test.toml")


def test_every_key() -> None:
    """A file with all that can be said is read whole, and as it was meant."""
    bindings = parse(FULL)
    assert bindings.problems == ()
    assert (bindings.strict, bindings.lookup, bindings.timeout) == (True, ("docker", "vault", "env"), 10.0)
    vault = bindings.stores["vault"]
    assert (vault.provider, vault.key, vault.line) == ("vault", "secret/{environment}#{name}", 5)
    assert vault.settings == {
        "address": "https://vault.internal:8200",
        "auth": {"method": "kubernetes", "role": "app"},
    }
    assert vault.max_age is not None
    assert (vault.max_age.seconds, vault.max_age.written) == (90 * 86400, "90d")
    assert (bindings.stores["aws-eu"].provider, bindings.stores["aws-eu"].key) == ("aws", None)
    secrets = bindings.secrets
    assert secrets["SECRET_KEY"].reference == "aws-eu:prod/app#secret_key"
    assert [binding.line for binding in secrets.values()] == [17, 18, 19, 20, 22]
    assert secrets["DB_PASSWORD"].max_age is not None
    assert secrets["DB_PASSWORD"].max_age.seconds == 30 * 86400
    assert secrets["SMTP_TOKEN"].rotated == datetime(2026, 10, 1, tzinfo=UTC)
    assert secrets["TABLE"].rotated == datetime(2026, 10, 1, 10, tzinfo=UTC)
    legacy = secrets["LEGACY_KEY"].max_age
    assert legacy is not None
    assert (legacy.seconds, legacy.reason, legacy.until) == (None, "frozen, ticket 4711", date(2027, 3, 1))
    rotation = bindings.rotation
    assert rotation.max_age is not None
    assert (rotation.max_age.seconds, rotation.warn_before, rotation.on_unknown) == (26 * 604800, 14 * 86400, "fail")
    assert [(pattern, limit.seconds) for pattern, limit in rotation.patterns] == [
        ("*_SIGNING_KEY", 365 * 86400),
        ("OLD_*", None),
    ]


def test_what_holds_without_a_file() -> None:
    """An empty file says what no file says."""
    bindings = parse("")
    assert bindings.problems == ()
    assert (bindings.strict, bindings.lookup, bindings.timeout) == (None, ("docker", "env"), 30.0)
    assert not bindings.stores
    assert not bindings.secrets
    assert bindings.rotation == Bindings().rotation


ERRORS = [
    # unknown keys, with the nearest one
    ("strickt = true", 1, "strickt: unknown key; did you mean strict?"),
    ("\n\ntimeut = '3s'", 3, "timeut: unknown key; did you mean timeout?"),
    ("[secret]\nX = 'env:Y'", 1, "secret: unknown key; did you mean secrets?"),
    ("[secrets]\nX = { reff = 'env:Y' }", 2, "secrets.X.reff: unknown key; did you mean ref?"),
    ("[secrets]\nX = { ref = 'env:Y', maxage = '9d' }", 2, "secrets.X.maxage: unknown key; did you mean max_age?"),
    ("[rotation]\n\nwarnbefore = '9d'", 3, "rotation.warnbefore: unknown key; did you mean warn_before?"),
    (
        "[rotation.patterns]\n'A*' = { max_age = '9d', untill = 2027-01-01 }",
        2,
        "untill: unknown key; did you mean until?",
    ),
    (
        "zzz = 1",
        1,
        "providers/test.toml:1: unknown key; one of project, strict, lookup, timeout, stores, secrets, rotation",
    ),
    # wrong types
    ("strict = 'yes'", 1, "strict: it must be true or false"),
    ("strict = 1", 1, "strict: it must be true or false"),
    ("lookup = 'env'", 1, "lookup: it must be a list of stores"),
    ("lookup = []", 1, "lookup: it must be a list of at least one"),
    ("lookup = ['env', 1]", 1, "lookup: it must be a list of at least one"),
    ("timeout = 30", 1, "timeout: it must be a length of time"),
    ("timeout = true", 1, "timeout: it must be a length of time"),
    ("stores = 1", 1, "stores: it must be a table"),
    ("[[stores]]\nx = 1", 1, "stores: it must be a table"),
    ("stores.vault = 'x'", 1, "stores.vault: it must be a table"),
    ("[[stores.vault]]\nx = 1", 1, "stores.vault: it must be a table"),
    ("[stores.vault]\nkey = 1", 2, "stores.vault.key: it must be a string"),
    ("[stores.vault]\nprovider = ['x']", 2, "stores.vault.provider: it must be a provider's name"),
    ("[stores.vault]\nmax_age = 90", 2, "stores.vault.max_age: it must be a limit such as"),
    ("secrets = ['X']", 1, "secrets: it must be a table"),
    ("[secrets]\nX = 1", 2, 'secrets.X: it must be "store:path" or a table'),
    ("[secrets]\nX = ['env:Y']", 2, 'secrets.X: it must be "store:path" or a table'),
    ("[secrets]\nX = { ref = 1 }", 2, "secrets.X.ref: it must be a string"),
    ("[secrets]\nX = {}", 2, "secrets.X: it has no ref"),
    ("[secrets]\nX = { ref = 'env:Y', rotated = '2026-10-01' }", 2, "secrets.X.rotated: it must be a date such as"),
    ("[secrets]\nX = { ref = 'env:Y', rotated = 10:00:00 }", 2, "secrets.X.rotated: it must be a date such as"),
    ("[secrets]\nX = { ref = 'env:Y', rotated = 20261001 }", 2, "secrets.X.rotated: it must be a date such as"),
    ("[secrets]\nX = { ref = 'env:Y', rotated = 0001-01-01T00:00:00+14:00 }", 2, "before the year 1"),
    ("[secrets]\nX = { ref = 'env:Y', rotated = 9999-12-31T23:59:59-12:00 }", 2, "after the year 9999"),
    ("rotation = 1", 1, "rotation: it must be a table"),
    ("[rotation]\non_unknown = 'ignore'", 2, 'rotation.on_unknown: it must be "fail" or "warn"'),
    ("[rotation]\non_unknown = true", 2, 'rotation.on_unknown: it must be "fail" or "warn"'),
    ("[rotation]\nwarn_before = 14", 2, "rotation.warn_before: it must be a length of time"),
    ("[rotation]\npatterns = ['x']", 2, "rotation.patterns: it must be a table"),
    ("[rotation.patterns]\n'A*' = 9", 2, "rotation.patterns.A*: this is no limit above zero"),
    # lengths of time
    ("timeout = '0s'", 1, "timeout: this is no length of time above zero"),
    ("timeout = '30'", 1, "timeout: this is no length of time above zero"),
    ("timeout = '-3s'", 1, "timeout: this is no length of time above zero"),
    ("[rotation]\nmax_age = '3 days'", 2, "rotation.max_age: this is no limit above zero"),
    ("[rotation]\nmax_age = '0d'", 2, "rotation.max_age: this is no limit above zero"),
    ("[rotation.patterns]\n'A*' = 'x'", 2, "this is no limit above zero"),
    # exemptions
    ("[secrets]\nX = { ref = 'env:Y', max_age = 'never' }", 2, 'secrets.X.max_age: "never" needs a reason'),
    ("[secrets]\nX = { ref = 'env:Y', max_age = 'never', reason = ' ' }", 2, '"never" needs a reason'),
    ("[stores.vault]\nmax_age = 'never'", 2, 'stores.vault.max_age: "never" needs a reason'),
    ("[rotation]\nmax_age = 'never'", 2, 'rotation.max_age: "never" needs a reason'),
    ("[rotation.patterns]\n'A*' = 'never'", 2, "this is no limit above zero"),
    ("[rotation.patterns]\n'A*' = { max_age = 'never' }", 2, '"never" needs a reason'),
    ("[secrets]\nX = { ref = 'env:Y', reason = 'r' }", 2, "secrets.X.reason: it belongs to a max_age"),
    ("[secrets]\nX = { ref = 'env:Y', until = 2027-01-01 }", 2, "secrets.X.until: it belongs to a max_age"),
    ("[secrets]\nX = { ref = 'env:Y', max_age = '9d', until = 2027-01-01 }", 2, "an end belongs to an exemption"),
    # names
    ("[stores.Vault]\nx = 1", 1, "stores: a store's name is small letters"),
    ("[stores.'a b']\nx = 1", 1, "a store's name is small letters"),
    ("[stores.x]\nprovider = 'os.path:join'", 2, "stores.x.provider: a provider is named by its name alone"),
    ("[stores.x]\nprovider = 'package.module'", 2, "a provider is named by its name alone"),
    ("[secrets]\nA-B = 'env:Y'", 2, "secrets: a name is letters, digits and '_'"),
    ("[secrets]\n'1A' = 'env:Y'", 2, "secrets: a name is letters, digits and '_'"),
    ("[secrets]\na.b = 'env:Y'", 2, "secrets.a: unknown key"),
    # not TOML
    ("a = \n", 1, "this is not TOML: "),
    ("strict = true\n\nlookup = [\n", None, "this is not TOML: "),
    ("strict = true\nstrict = false\n", 2, "this is not TOML: "),
    ("[secrets]\n[secrets]", 2, "this is not TOML: "),
    ("a = 'x\0'", 1, "this is not TOML: "),
    ("[secrets]\nA = docker:a\n", 2, "put a text in quotes"),
    ("strict = True\n", 1, "true and false in small letters"),
    ('x = "C:\\users"\n', 1, "for a backslash"),
    ('x = "C:\\dir"\n', 1, "for a backslash"),
    ("strict = true\nX: y", 2, "this is not TOML: "),
    ("timeout = " + "1" * 5000, None, "this is not TOML: a number is too long"),
    ("x = " + "[" * 5000, None, "nested too deeply"),
    ("x = " + "{a=" * 5000, None, "nested too deeply"),
    (b"\xff = 1", None, "this file is not UTF-8"),
    ("a = 1".encode("utf-16"), None, "this file is not UTF-8"),
]


@pytest.mark.parametrize(("text", "line", "expected"), ERRORS, ids=[str(text)[:40] for text, _, _ in ERRORS])
def test_errors(text: str | bytes, line: int | None, expected: str) -> None:
    """Each mistake names its key and its line, says what is right, and nothing else is wrong because of it."""
    problems = parse(text).problems
    where = "providers/test.toml:" if line is None else f"providers/test.toml:{line}: "
    matching = [problem for problem in problems if expected in str(problem)]
    assert len(matching) == 1, [str(problem) for problem in problems]
    assert str(matching[0]).startswith(where)
    assert len(problems) <= 2


def test_a_mark_at_the_start_is_dropped() -> None:
    """As of env files: editors on Windows write one."""
    assert parse("\ufeffstrict = true\n").strict is True


def test_all_errors_at_once() -> None:
    """One mistake hides no other."""
    text = "strict = 1\ntimeout = 2\nfoo = 3\n[stores.A]\n[secrets]\nX = 4\n'5' = 'a:b'\n"
    text += "[rotation]\nbar = 6\nmax_age = 7\n"
    assert sorted(problem.line or 0 for problem in parse(text).problems) == [1, 2, 3, 4, 6, 7, 9, 10]


def test_lines_of_what_is_not_written_plainly() -> None:
    """Dotted keys, quoted keys, comments and inline tables have their lines too."""
    text = (
        "# strict = 1\n"
        "rotation.max_age = 1 # rotation.warn_before = 2\n"
        'secrets."X" = 2\n'
        "secrets.Y.ref = 3\n"
        "[ stores . vault ] # [stores.aws]\n"
        "key = 4\n"
        "  max_age = 5\n"
    )
    found = {problem.key: problem.line for problem in parse(text).problems}
    assert found == {
        "rotation.max_age": 2,
        "secrets.X": 3,
        "secrets.Y.ref": 4,
        "stores.vault.key": 6,
        "stores.vault.max_age": 7,
    }


def test_a_missing_key_has_the_line_of_its_table() -> None:
    """What is not written stands where it would have to."""
    bindings = parse("strict = true\n[stores.vault]\nkey = 'x'\n")
    assert bindings.problem(("stores", "vault", "provider"), "x").line == 2
    assert bindings.problem(("nothing",), "x").line is None


def test_no_message_repeats_a_value(canary: CanaryFactory) -> None:
    """A secret that someone wrote into the file by mistake is not shown."""
    secret = canary()
    lines = [
        f'strict = "{secret}"',
        f'timeout = "{secret}"',
        f'lookup = ["{secret}", 1]',
        f'[stores.vault]\ntoken = "{secret}"\nmax_age = "{secret}"\nprovider = "{secret}!"',
        f'[secrets]\nX = "{secret}"',
        f'[secrets]\nX = {{ ref = "{secret}", rotated = "{secret}", max_age = "{secret}" }}',
        f'[rotation]\non_unknown = "{secret}"\nwarn_before = "{secret}"',
        f"X = {secret}",
        f'X = "{secret}',
        f"X = '{secret}' '{secret}'",
        f'X = "{secret}\\x"',
    ]
    for text in lines:
        canary.assert_clean(repr(parse(text).problems))


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder, a FIFO and nothing at all are problems, and hang nowhere."""
    os.mkfifo(tmp_path / "fifo")
    causes = {
        tmp_path: "it is not a regular file but a folder",
        tmp_path / "fifo": "it is not a regular file but a named pipe",
        tmp_path / "no": "it cannot be read: No such file or directory",
    }
    for path, cause in causes.items():
        (problem,) = read_bindings(str(path), "x.toml").problems
        assert str(problem) == f"x.toml: {cause}"
    (tmp_path / "good.toml").write_bytes(b"strict = true\r\n# \xc3\xa9\r\n")
    assert read_bindings(str(tmp_path / "good.toml"), "x.toml").strict is True


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(
            ("500ms", 0.5),
            ("30s", 30),
            ("2m", 120),
            ("12h", 43200),
            ("90d", 7776000),
            ("26w", 15724800),
            ("007d", 604800),
        ),
        *(("P90D", 7776000), ("P26W", 15724800), ("PT12H", 43200), ("P1DT2H3M4S", 93784), ("PT90S", 90)),
        *(
            (bad, None)
            for bad in ("", "0s", "0d", "P0D", "PT0S", "P", "PT", "P1DT", "P1M", "P1Y", "P1H", "PT1D", "90", "d")
        ),
        *(
            (bad, None)
            for bad in ("-1d", "+1d", "1.5d", "1 d", " 1d", "1d ", "1d\n", "1D", "90days", "1d2h", "p90d", "१d")
        ),
        *(
            (bad, None)
            for bad in ("never", "1e3s", "infs", "nan", "9" * 10 + "d", "1" * 5000 + "s", "P" + "1" * 7 + "D")
        ),
    ],
)
def test_lengths_of_time(text: str, seconds: float | None) -> None:
    """These durations are taken, and texts near to them are refused."""
    assert parse_duration(text) == seconds


_scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "90d", "never", "env:X", "a b", "1"])
_keys = st.sampled_from(
    ["strict", "lookup", "timeout", "stores", "secrets", "rotation", "vault", "X", "ref", "max_age", "reason", "until"]
)
_documents: st.SearchStrategy[Any] = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12
)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if value is None:
        return "2027-03-01"
    return str(value).lower() if isinstance(value, bool) else repr(value).replace('"', "'")


@given(st.dictionaries(_keys, _documents, max_size=4))
@examples(200)
def test_no_shape_raises(document: dict[str, Any]) -> None:
    """Whatever stands where, it is read or it is a problem."""
    bindings = parse("\n".join(f"{key} = {_toml(value)}" for key, value in document.items()))
    assert all(problem.file == "providers/test.toml" for problem in bindings.problems)
    assert all(problem.line for problem in bindings.problems)


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_no_text_raises(text: str | bytes) -> None:
    """Whatever the file holds."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    assert parse_bindings(data, "x.toml").file == "x.toml"


def test_time_grows_with_the_length_of_a_document(assert_linear: AssertLinear) -> None:
    """Time grows linearly with the number of keys, comments and mistakes, and with the length of a string."""
    forms = ["# c [x\n", "[stores.s@]\nprovider = 'docker'\n", "a@ = 1\n", "a = 1\n", "\n", "[[x]]\n", "a.b@ = 1\n"]
    for form in forms:
        assert_linear(
            lambda size, form=form: lambda: parse("".join(form.replace("@", str(index)) for index in range(size))),  # type: ignore[misc]
            100,
        )
    wraps = [
        "[{}",
        "[{}]",
        'project = "{}"',
        'project = "{}',
        "project = '''{}",
        "project = [{}]",
        "project{}= 1",
        "{} = 1",
    ]
    for wrap in wraps:
        for unit in ("x", " ", "x, ", "'x', ", "[", "{a = ", "x.", '\\"', "\\\\", '""'):
            assert_linear(
                lambda size, wrap=wrap, unit=unit: lambda: parse(wrap.replace("{}", unit * (size // len(unit)))),  # type: ignore[misc]
                500,
            )
