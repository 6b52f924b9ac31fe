"""What is recorded of an entry: its text where that can be no secret, and nothing that tells of a secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretInfo
from secretsync.core.names import SensitiveNames
from secretsync.resolving.stores import Answers
from secretsync.tracking.compare import compare
from secretsync.tracking.history import (
    EntryState,
    EnvironmentState,
    HistoryRecord,
    RecordedPlaceholder,
    StoreSetup,
    history_as_json,
    parse_history,
)
from secretsync.tracking.snapshot import observe
from tests.support.canary import find_leaks, make_canary
from tests.support.growth import Action, AssertLinear
from tests.support.plans import good_plan
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
PEM = "-----BEGIN PRIVATE KEY-----"
DIR = "[stores.docker]\ndir = 'secrets'\n"
BINDINGS = "[secrets]\nBOUND = 'docker:bound'\n"


def value_of(text: str, *, key: str = "SETTING", more: str = "", names: SensitiveNames | None = None) -> str | None:
    """Return the record of the entry `KEY=text`."""
    plan = good_plan({"common": f"{key}={text}\n{more}"}, bindings=BINDINGS, names=names)
    state, problems = observe(plan, None)
    assert not problems
    return {entry.key: entry.value for entry in state.entries}[key]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "INFO",
        "$<NAME>",
        "$<docker:name>",
        "$<env:LEVEL:-INFO>",
        "$<BOUND>",
        "postgresql://app:$<BOUND>@db/app",
        "https://example.com/a?b=c",
        "'$<as it is>'",
    ],
)
def test_text_that_is_recorded(text: str) -> None:
    """Settings, and whatever stands around placeholders."""
    assert value_of(text) == text.strip("'")


@pytest.mark.parametrize("text", ["$<NAME>", "${NAME:?why}", '"$<A_B>${C:-}"'])
def test_secrets_that_are_placeholders_alone_are_recorded(text: str) -> None:
    """Under a sensitive name too: a reference is no secret."""
    more = "C=1\n" if "C" in text else ""
    assert value_of(text, key="API_TOKEN", more=f"{more}NAME=$<X>\n") is not None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("API_TOKEN", "hunter2"),
        ("API_TOKEN", "pre-$<X>"),
        ("API_TOKEN", "$<X:-hunter2>"),
        ("API_TOKEN", "$<docker:x:-hunter2>"),
        ("TOKEN", "5"),
        ("SETTING", "$<LEVEL:-hunter2>"),
        ("SETTING", "$<BOUND:-hunter2>"),
        ("SETTING", "$<docker:x:-hunter2>"),
        ("SETTING", "$<X_PASSWORD:-hunter2>"),
        ("SETTING", "$<env:X_PASSWORD:-hunter2>"),
        ("SETTING", "${X_PASSWORD:-hunter2}"),
        ("SETTING", "postgresql://app:hunter2@db/app"),
        ("SETTING", "jdbc:mysql://db/app?user=app&password=hunter2"),
        ("SETTING", "'Server=db;Pwd=hunter2'"),
        ("SETTING", "$<env:URL:-postgresql://app:hunter2@db/app>"),
        ("SETTING", f'"{PEM}"'),
        ("SETTING", f"x{base64.b64encode(PEM.encode()).decode()}"),
        ("SETTING", "x gh" + "p_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ y"),
        ("SETTING", "q8Zx1vT0rB7kLm3WpYd9sJhN"),
        ("SETTING", "'postgresql://app:hunter2@db/app'"),
    ],
)
def test_text_that_may_be_a_secret_is_not_recorded(key: str, text: str) -> None:
    """Text is not recorded if its name or form is that of a secret, or if it replaces one."""
    assert value_of(text, key=key) is None


def test_what_a_secret_is_made_of_is_none_either() -> None:
    """DB_PASSWORD=${PART} makes PART one, through any number of names; a URL around it does not."""
    more = "DB_PASSWORD=${SETTING}\n"
    assert value_of("hunter2", more=more) is None
    assert value_of("hunter2", more="MIDDLE=${SETTING}\nDB_PASSWORD=${MIDDLE}\n") is None
    assert value_of("localhost", more="DB_PASSWORD=at ${SETTING}\n") == "localhost"
    assert value_of("hunter2", names=SensitiveNames(sensitive=("SETT*",))) is None


# The property: whatever stands where, no canary comes through.

SPOTS = (
    "API_TOKEN={}",
    "DB_PASSWORD='{}'",
    'SECRET_KEY="{} and more"',
    "A=$<docker:a:-{}>",
    "B=$<BOUND:-{}>",
    "DB_PASSPHRASE=$<X:-{}>",
    "C=postgresql://app:{}@db/app",
    "D=$<env:D:-postgresql://app:{}@db>",
    "E=${{X_TOKEN:-{}}}",
    f'F="{PEM}\n{{}}\n-----END PRIVATE KEY-----"',
    "PART={}\nPART_SECRET=${{PART}}",
    "X_SECRET_Y=x{}y$<docker:b>",
)
VERSIONS = st.one_of(st.none(), st.text(max_size=12))


@given(
    spots=st.lists(st.sampled_from(SPOTS), unique=True),
    versions=st.lists(VERSIONS, min_size=2, max_size=2),
    message=st.one_of(st.none(), st.text(max_size=20)),
)
def test_no_secret_is_ever_recorded(spots: list[str], versions: list[str | None], message: str | None) -> None:
    """A secret is not in the history, a comparison or a repr; the history is read back unchanged."""
    states = []
    for version in versions:
        lines = "\n".join(spot.format(make_canary()) for spot in spots)
        plan = good_plan({"common": f"SETTING=1\nSECRET=$<BOUND>\n{lines}\n"}, bindings=BINDINGS)
        infos = Answers({ref: Found(SecretInfo(version=version)) for ref in plan.refs})
        state, problems = observe(plan, infos)
        assert not problems
        states.append(state)
    records = [HistoryRecord(time=AT, state=state, actor={"uid": 0}, message=message) for state in states]
    text = json.dumps(history_as_json("test", records))
    assert not find_leaks(text)
    assert parse_history(text) == ("test", tuple(records))
    difference = compare(*states)
    assert not find_leaks(repr((records, difference)))
    assert bool(difference) == (None not in versions and versions[0] != versions[1])


TEXT = st.one_of(st.none(), st.text(max_size=6))
SOURCES = st.builds(
    RecordedPlaceholder,
    references=st.lists(st.text(max_size=5), min_size=1, max_size=2).map(tuple),
    answer=TEXT,
    version=TEXT,
    status=st.one_of(st.none(), st.sampled_from(["found", "missing"])),
)
ENTRIES = st.builds(
    EntryState,
    key=st.sampled_from("ABC"),
    service=st.sampled_from([None, "web"]),
    file=st.sampled_from(["common.env", "security.env"]),
    value=TEXT,
    sources=st.lists(SOURCES, max_size=2).map(tuple),
)
STATES = st.builds(
    EnvironmentState,
    environment=st.just("test"),
    entries=st.lists(ENTRIES, max_size=4, unique_by=lambda entry: (entry.service, entry.key)).map(tuple),
    stores=st.lists(
        st.builds(StoreSetup, name=st.sampled_from(["aws", "vault"]), provider=st.text(max_size=3)),
        max_size=2,
        unique_by=lambda setup: setup.name,
    ).map(tuple),
    offline=st.booleans(),
)


@given(before=STATES, after=STATES)
def test_comparisons(before: EnvironmentState, after: EnvironmentState) -> None:
    """A state is like itself; and what is added one way is removed the other."""
    assert not compare(before, before)
    there, back = compare(before, after), compare(after, before)
    swapped = {"added": "removed", "removed": "added"}
    assert {swapped.get(kind, kind): count for kind, count in there.counts.items()} == back.counts
    assert {change.entry.key for change in there.changes} == {change.entry.key for change in back.changes}


@given(states=st.lists(STATES, max_size=3), message=TEXT, uncommitted=st.booleans())
def test_histories_are_read_back(states: list[EnvironmentState], message: str | None, uncommitted: bool) -> None:
    """Histories are read back unchanged with any text, including lone surrogates in paths."""
    records = tuple(
        HistoryRecord(time=AT, state=state, actor={"uid": 1, "user": "é"}, message=message, uncommitted=uncommitted)
        for state in states
    )
    text = json.dumps(history_as_json("test", records)).encode("ascii").decode("utf-8")
    assert parse_history(text) == ("test", records)


def test_states_of_a_lookup() -> None:
    """The place that answers, or that none does."""
    plan = good_plan({"common": "A=$<A_TOKEN>\n"})
    docker, environ = sorted(plan.refs, key=lambda ref: ref.store)
    (there,) = observe(plan, Answers({docker: Missing(), environ: Found(SecretInfo())}))[0].entries
    assert there.sources[0].answer == "env:A_TOKEN"
    (gone,) = observe(plan, Answers({docker: Missing(), environ: Missing()}))[0].entries
    assert (gone.sources[0].answer, gone.sources[0].status) == (None, "missing")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Found(SecretInfo(version="1")), "found"),
        (Found(SecretInfo(version="1", enabled=False)), "disabled"),
        (Missing(), "missing"),
        (Failed(ProblemKind.UNUSABLE, "deleted"), "unusable"),
    ],
)
def test_states_of_a_secret(outcome: Found[SecretInfo] | Missing | Failed, status: str) -> None:
    """The state that a store reports is recorded."""
    plan = good_plan({"common": "A=$<BOUND>\n"}, bindings=BINDINGS)
    state, problems = observe(plan, Answers(dict.fromkeys(plan.refs, outcome)))
    assert not problems
    assert state.entries[0].sources[0].status == status


@pytest.mark.parametrize("kind", [ProblemKind.DENIED, ProblemKind.UNAVAILABLE, ProblemKind.CONFIGURATION])
def test_a_store_that_does_not_say_is_a_problem(kind: ProblemKind) -> None:
    """At the place of the placeholder."""
    plan = good_plan({"common": "A=$<BOUND>\n"}, bindings=BINDINGS)
    _, (problem,) = observe(plan, Answers(dict.fromkeys(plan.refs, Failed(kind, "no"))))
    assert (problem.kind, problem.key, problem.line) == (kind, "A", 1)


# The dictionary attack: somebody has the files, and 10,000 words.

SYLLABLES = (
    "ba",
    "co",
    "di",
    "fe",
    "gu",
    "la",
    "mo",
    "ni",
    "pe",
    "ru",
    "sa",
    "to",
    "vi",
    "we",
    "zu",
    "dra",
    "ste",
    "mon",
)


def dictionary() -> list[str]:
    """10,000 words: 5,832 of three syllables, and passwords made of them."""
    words = ["".join(parts) for parts in itertools.product(SYLLABLES, repeat=3)]
    words += [f"{word}{end}" for word in words for end in ("1", "2024")]
    assert len(set(words)) == len(words)
    return words[:10_000]


def guesses(word: str, salts: list[str]) -> Iterator[bytes]:
    """Return everything that could be a word: itself, and its digests, alone and with each salt."""
    plain = word.encode()
    yield plain
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        yield hashlib.new(name, plain).digest()
        for salt in salts:
            for joined in (f"{salt}{word}", f"{word}{salt}", f"{salt}:{word}", f"{salt}={word}"):
                yield hashlib.new(name, joined.encode()).digest()
    for salt in salts:
        yield hmac.digest(salt.encode(), plain, "sha256")
        yield hmac.digest(plain, salt.encode(), "sha256")


def attack(text: str, words: list[str], salts: list[str]) -> set[str]:
    """Return the words that a file holds, whole or as a digest, in plain, hex or base64, cut to 8 bytes or more."""
    tokens = {token.lower() for token in re.findall(r"[A-Za-z0-9]{5,}", text)}
    encoded = {token.rstrip("=") for token in re.findall(r"[A-Za-z0-9+/_-]{10,}=*", text)}
    by_start = {token[:10]: token for token in encoded}
    hexes = {token[:16]: token for token in tokens if len(token) >= 16}
    found = set()
    for word in words:
        if word in tokens:
            found.add(word)
        for digest in guesses(word, salts):
            in_hex, in_64 = digest.hex(), base64.b64encode(digest).decode().rstrip("=")
            starts = (hexes.get(in_hex[:16]), by_start.get(in_64[:10]), by_start.get(in_64[:10].translate(_URL_SAFE)))
            if any(starts):
                found.add(word)
    return found


_URL_SAFE = str.maketrans("+/", "-_")
DIGESTS: dict[str, Callable[[str], str]] = {
    "plain": lambda word: word,
    "sha256": lambda word: hashlib.sha256(word.encode()).hexdigest(),
    "sha256, cut": lambda word: hashlib.sha256(word.encode()).hexdigest()[:16],
    "md5 in base64": lambda word: base64.b64encode(hashlib.md5(word.encode()).digest()).decode(),
    "sha512 with the key": lambda word: hashlib.sha512(f"DB_PASSWORD:{word}".encode()).hexdigest(),
    "HMAC by the environment": lambda word: hmac.digest(b"production", word.encode(), "sha256").hex(),
}
SALTS = ["DB_PASSWORD", "production", "docker:db_password"]


def test_a_dictionary_finds_nothing(project: MakeProject) -> None:
    """10,000 words on the history and the access log of secrets that are such words; planted digests are found."""
    words = dictionary()
    secret, plain, rotated, planted = words[1234], words[2345], words[9876], words[4321]
    made = project(
        {
            "env/production/common.env": f"LOG_LEVEL=INFO\nAPI_TOKEN={plain}\n",
            "env/production/security.env": f"DB_PASSWORD=$<DB_PASSWORD>\nURL=postgresql://app:{plain}@db/\n",
            "providers/production.toml": f"{DIR}[secrets]\nDB_PASSWORD = 'docker:db_password'\n",
            "secrets/db_password": secret,
        }
    )
    log = made.root / "access.log"
    env = clean_environment(made.home, {"SECRETSYNC_ACCESS_LOG": str(log)})
    for value in (secret, rotated):
        made.write("secrets/db_password", value)
        for arguments in (
            ["track", "-e", "production", "--always"],
            ["render", "-e", "production", "--format", "json", "--no-validate"],
            ["get", "-e", "production", "docker:db_password"],
        ):
            run_command(secretsync_argv(arguments), cwd=made.root, env=env, expect=0)
    history = made.read(".secretsync/history/production.json")
    assert "DB_PASSWORD" in history
    assert "DB_PASSWORD" in log.read_text()
    assert attack(history + log.read_text(), words, SALTS) == set()
    for digest in DIGESTS.values():
        control = f'{history[:-3]}, "fingerprint": "{digest(planted)}"}}'
        assert attack(control, [planted], SALTS) == {planted}
    control = history + hashlib.sha256(planted.encode()).hexdigest()
    assert attack(control, words, SALTS) == {planted}


def test_lengths_leave_no_trace(project: MakeProject) -> None:
    """Two projects that differ in the lengths of their secrets alone have the same history."""
    texts = []
    for value in ("x", "x" * 1000):
        made = project(
            {
                "env/production/security.env": f"DB_PASSWORD=$<docker:p>\nAPI_TOKEN={value}\nURL=http://a:{value}@b/\n",
                "providers/production.toml": DIR,
                "secrets/p": value,
            }
        )
        made.cli("track", "-e", "production", expect=0)
        texts.append(re.sub(r'"time": "[^"]*"', "", made.read(".secretsync/history/production.json")))
    assert texts[0] == texts[1]


def test_time_grows_with_the_length_of_a_history(assert_linear: AssertLinear) -> None:
    """Time of reading grows linearly with the number of records and with the number of entries of a record."""

    def document(records: int, entries: int) -> Action:
        plan = good_plan({"common": "".join(f"A{index}=$<docker:s{index}>\n" for index in range(entries))})
        state, _ = observe(plan, Answers({ref: Found(SecretInfo(version="1")) for ref in plan.refs}))
        made = [HistoryRecord(time=AT, state=state, actor={"uid": 0}, message=str(index)) for index in range(records)]
        text = json.dumps(history_as_json("test", made))
        return lambda: parse_history(text)

    assert_linear(lambda size: document(size, 2), 20)
    assert_linear(lambda size: document(2, size), 20)
