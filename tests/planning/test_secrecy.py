"""Which entries are secret: every rule both ways, in values of several parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.names import SensitiveNames
from secretsync.core.recognition.secret_patterns import has_password, has_private_key, known_token
from secretsync.planning.secrecy import has_secret_shape, is_secret_part, is_secret_written, secret_entries
from secretsync.policy.plaintext import written
from secretsync.project.placeholders import Placeholder, Variable, parse_value
from secretsync.testing import MemoryProvider
from tests.support.amounts import examples
from tests.support.cases import check_each
from tests.support.plans import good_plan

NAMES = SensitiveNames(sensitive=("DOOR_*",), not_sensitive=("OPEN_TOKEN", "*_LABEL_KEY"))
BINDINGS = "[stores.settings]\nprovider = 'env'\n[secrets]\nBOUND = 'env:BOUND'\nPLACED = 'm:x'\n"
ENVIRON = {"PLAIN": "1", "API_TOKEN": "2", "OPEN_TOKEN": "3", "DOOR_ONE": "4", "PORT": "80"}
TOKEN = "ghp_" + "0aB1" * 10
# The last entry of each text is judged.
TABLE = {
    "common": [
        # (a) a store other than the process environment
        ("A=$<m:x>", True),
        ("A=$<m:none:-default>", True),
        ("A=$<docker:none:-default>", True),
        ("A=$<env:PLAIN>", False),
        ("A=$<settings:PLAIN>", False),
        ("A=$<env:NONE:-default>", False),
        ("LOG_LEVEL=$<env:LOG_LEVEL:-INFO>", False),
        # (b) bare names
        ("A=$<PLAIN>", True),
        ("A=$<BOUND>", True),
        ("A=$<LEVEL:-INFO>", True),
        ("A='$<PLAIN>'", False),
        ("A=$$<PLAIN>", False),
        # KEY=${KEY}: a bare name if the name is sensitive or bound, else a variable
        ("PORT=${PORT}", False),
        ("PORT=${PORT:-80}", False),
        ("API_TOKEN=${API_TOKEN}", True),
        ("BOUND=${BOUND}", True),
        ("PLACED=${PLACED:-x}", True),
        # (c) only security.env
        ("A=${PLAIN}", False),
        ("A=${NONE:-x}", False),
        # (d) names: the key
        ("DB_PASS=x", True),
        ("DB_PASS='$<x>'", True),
        ("DB_PASS=", True),
        ("DOOR_TWO=x", True),
        ("OPEN_TOKEN=x", False),
        ("SHELF_LABEL_KEY=x", False),
        ("MAX_TOKENS=4096", False),
        # names: a variable, also if its default takes its place
        ("A=${API_TOKEN}", True),
        ("A=${DOOR_ONE}", True),
        ("A=${OPEN_TOKEN}", False),
        ("A=${GONE_TOKEN:-x}", True),
        ("A=a${PLAIN}b${API_TOKEN}", True),
        # names: a path, a field
        ("A=$<env:API_TOKEN>", True),
        ("A=$<env:DOOR_ONE>", True),
        ("A=$<env:OPEN_TOKEN>", False),
        ("A=$<env:SERVICES#/db/0/password>", True),
        ("A=$<env:SERVICES#/db/0/host>", False),
        # (e) variables that are entries
        ("B=$<m:x>\nA=u:${B}", True),
        ("C=$<m:x>\nB=${C}\nA=${B}", True),
        ("DB_PASS=x\nA=postgresql://u:${DB_PASS}@h", True),
        ("B=1\nA=${B}", False),
        # several parts, of which only the first, the middle or the last is secret
        ("H=h\nA=$<m:x>${H}$<env:PLAIN>", True),
        ("H=h\nA=${H}$<m:x>$<env:PLAIN>", True),
        ("H=h\nA=${H}$<env:PLAIN>$<m:x>", True),
        ("H=h\nS=$<S1>\nA=${S}${H}${PLAIN}", True),
        ("H=h\nS=$<S1>\nA=${H}${S}${PLAIN}", True),
        ("H=h\nS=$<S1>\nA=${H}${PLAIN}${S}", True),
        ("H=h\nA=text ${H} $<env:PLAIN> ${PLAIN} text", False),
        ("A=text", False),
        # (f) the shape of a secret, also beside a variable, around one, and in a default
        ("A=postgres://app:written@h/db", True),
        ("A=redis://:written@h", True),
        ("A=postgres://${PLAIN}:written@h/db", True),
        ("A=$<env:NONE:-redis://:written@h>", True),
        ("A=${NONE:-redis://:written@h}", True),
        (f"A={TOKEN}", True),
        (f"A='Bearer {TOKEN}'", True),
        (f"A=${{NONE:-{TOKEN}}}", True),
        ("A='-----BEGIN PRIVATE KEY-----x'", True),
        ("A='Server=h;Pwd=written;'", True),
        ("A=-DkeyStorePassword=written", True),
        ("A=https://user@h/x?y=z:1@b", False),
        ("A=https://h:8443/x@1", False),
        ("A='password=%s'", False),
        ("A=ghp_short", False),
        # the place of a password
        ("A=postgres://app:${PLAIN}@h/db", True),
        ("A=postgres://app:x${PLAIN}y@h/db", True),
        ("A=${PLAIN}://${PLAIN}:$<env:PLAIN>@h", True),
        ("A=postgres://app:${NONE:-x}@h/db", True),
        ('A="Server=h;Pwd=${PLAIN};"', True),
        ("B=1\nA=postgres://app:${B}@h/db", True),
        ("URL=postgres://app:${A}@h/db\nA=1", True),
        ("URL=postgres://app:${B}@h/db\nB=${A}\nA=1", True),
        ("URL=postgres://${A}:x@h/db\nA=app", False),
        ("A=postgres://${PLAIN}@${PLAIN}:${PLAIN}/${PLAIN}", False),
    ],
    "security": [
        ("A=$<env:PLAIN>", True),
        ("A=$<env:NONE:-x>", True),
        ("A=${PLAIN}", True),
        ("A=${NONE:-x}", True),
        ("PORT=${PORT}", True),
        ("A=x${PLAIN}y", True),
        ("B=1\nA=${B}", False),
        ("A=text", False),
        ("A='${PLAIN}'", False),
        ("OPEN_TOKEN=text", False),
    ],
    "web": [("A=$<env:PLAIN>", False), ("PORT=${PORT}", False), ("A=$<PLAIN>", True), ("DB_PASS=x", True)],
}
ROWS = [(stem, text, expected) for stem, rows in TABLE.items() for text, expected in rows]


def _name(row: tuple[str, str, bool]) -> str:
    return f"{row[0]}-{row[1]}"


def test_secret_entries() -> None:
    """Each rule makes an entry secret, and what no rule names is a setting."""

    def check(row: tuple[str, str, bool]) -> None:
        stem, text, expected = row
        plan = good_plan({stem: text}, bindings=BINDINGS, environ=ENVIRON, stores={"m": MemoryProvider()}, names=NAMES)
        key = text.rpartition("\n")[2].partition("=")[0]
        assert ((f"env/test/{stem}.env", key) in secret_entries(plan)) is expected

    check_each(ROWS, check, _name)


def test_a_lower_file_makes_an_entry_secret() -> None:
    """An entry's own name means the entry of the lower file."""
    plan = good_plan({"common": "A=$<m:x>", "web": "A=${A}/more"}, stores={"m": MemoryProvider()})
    assert secret_entries(plan) == {("env/test/common.env", "A"), ("env/test/web.env", "A")}


def test_security_env_among_files() -> None:
    """Rule (c) applies to a file of this name that is named on the command line too."""
    files = {"security": "A=$<env:PLAIN>", "other": "B=$<env:PLAIN>"}
    assert secret_entries(good_plan(files, environment=None, environ=ENVIRON)) == {("security.env", "A")}


def test_known_entries_that_the_plan_does_not_contain() -> None:
    """An entry that uses a secret which another process resolved is secret."""
    plan = good_plan({"common": "A=1\nB=${A}\nC=2"})
    part = plan.without([("env/test/common.env", "A")])
    assert secret_entries(part) == frozenset()
    known = ("env/test/common.env", "A")
    assert secret_entries(part, [known]) == {known, ("env/test/common.env", "B")}


def test_parts_as_written_and_as_planned_agree() -> None:
    """A rule that reads the file and a rule that reads the plan judge a placeholder alike."""

    def check(row: tuple[str, str, bool]) -> None:
        stem, text, expected = row
        plan = good_plan({stem: text}, bindings=BINDINGS, environ=ENVIRON, stores={"m": MemoryProvider()}, names=NAMES)
        for planned in plan.entries.values():
            entry = planned.entry
            if entry.literal:
                assert written(entry) == (entry.text, [])
                continue
            parsed = [part for part in parse_value(entry.text).parts if isinstance(part, Placeholder)]
            as_written = [is_secret_written(plan, entry, part) for part in parsed]
            planned_parts = [part for part in planned.secrets if f"$<{part.written}" in entry.text]
            assert as_written == [is_secret_part(plan, entry, part) for part in planned_parts]
            assert expected or not any(as_written)

    check_each(ROWS, check, _name)


def test_variables_as_written() -> None:
    """A default of a variable is judged by the names, and in security.env by whether a file defines the variable."""
    plan = good_plan({"common": "A=1", "security": "B=${A:-x}${PLAIN:-x}"}, names=NAMES)
    common, security = (planned.entry for planned in plan.entries.values())
    assert not is_secret_written(plan, security, Variable("A"))
    assert is_secret_written(plan, security, Variable("PLAIN"))
    assert is_secret_written(plan, common, Variable("DOOR_ONE"))
    assert not is_secret_written(plan, common, Variable("OPEN_TOKEN"))


_WORDS = (
    *("password", "pwd", "passphrase ", "secret", "token", "api_key", "Authorization", "the", "key ", "credential"),
    *("=", ":", " ", "-", "--", "-p", "-u", "-a", '"', "'", "{", "}", ";", "@", "//", "/", "%20", "\n", "\t", "://"),
    *("x7Kd93kd02lA", "admin", "a:b@c", "user%x7Kd93", "YWRtaW46aHVudGVyMg==", "eyJhbGciOi12345.eyJhbGciOi12345.abc"),
    *(
        "machine host",
        "default",
        "login",
        "requirepass",
        "masterauth",
        "keytool",
        "-storepass",
        "-pass",
        "pass:",
        "curl",
    ),
    *(
        "http",
        "--auth",
        "Basic",
        "Bearer",
        "tcp(",
        "host:1521",
        "mysql",
        "docker login",
        "sshpass",
        "redis-cli",
        "sqlcmd",
    ),
    *("-P", "ldapsearch", "-w", "smbclient", "-U", "--db-password", "auth-token", "curl", "sqlcmd"),
)


@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=7), st.sampled_from(["", " "]))
@examples(2000)
def test_texts_that_need_no_pattern(words: list[str], between: str) -> None:
    """A text that is not compared with the patterns matches none of them."""
    text = between.join(words)
    assert has_secret_shape(text) == (has_password(text) or has_private_key(text) or known_token(text) is not None)


@pytest.mark.parametrize("text", ["the secret of the house", "a key to the city", "token of thanks", "pass the salt"])
def test_a_sentence_has_no_secret(text: str) -> None:
    """A sentence about a secret is a setting."""
    assert not has_secret_shape(text)
