"""Putting answers into the plan: one pass, defaults, messages, what is secret, and where each value is from."""

import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretsync.core.errors import Problem, ProblemKind
from secretsync.testing import MemoryProvider
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory
from tests.support.hostile import ENV_FILE_ATOMS, PLACEHOLDER_ATOMS
from tests.support.plans import config_of, failures_of, resolved


def env_store(**variables: str) -> dict[str, str]:
    """Return a process environment."""
    return variables


_inserted = st.text(st.characters(codec="utf-8")) | st.lists(
    st.sampled_from([atom for atom in (*PLACEHOLDER_ATOMS, *ENV_FILE_ATOMS) if atom != "\ud800"])
).map("".join)


@given(_inserted)
@examples(300)
@example("a$<X>${HOME}$(id)\"'\\\né")
@example("$<m:x>")
@example("${A}${B}")
@example("$$<X>$${Y}\\$<Z>")
@example("$2a$10$abc\r\n")
@example("\ufeff\ufeffx")
def test_what_a_store_returned_survives(value: str) -> None:
    """A value from a store survives byte for byte: alone, inside text, and through variables.

    Only a byte order mark at its start is dropped.
    """
    store = MemoryProvider({"x": value, "other": "wrong"})
    value = value.removeprefix("\ufeff")
    config = config_of(
        {
            "common": 'A=$<m:x>\nB="<$<m:x>>${A}$$<m:x>"\nC=${B}${C2:-}\nX=wrong\nHOME=wrong\n',
            "web": "D=${C}|$<m:x>\n",
        },
        stores={"m": store},
        environ={"E": "wrong"},
    )
    assert config["A"] == value
    assert config["B"] == f"<{value}>{value}$<m:x>"
    assert config["C"] == config["B"]
    assert config.service("web")["D"] == f"{config['B']}|{value}"
    assert len(store.fetched) == 1


@given(_inserted.filter(lambda value: "\0" not in value))
@examples(100)
def test_what_the_process_environment_holds_survives(value: str) -> None:
    """A variable's value is inserted as it is; a placeholder drops a byte order mark, as in every store."""
    config = config_of({"common": "A=$<env:X>${Y}-"}, stores={}, environ={"X": value, "Y": value})
    assert config["A"] == value.removeprefix("\ufeff") + value + "-"


def test_a_byte_order_mark_in_the_process_environment() -> None:
    """One mark is dropped at the start of a placeholder's answer, and none with trim=false."""
    text = "A=$<env:X>\nB=$<env:X?trim=false>\nC=${X}"
    config = config_of({"common": text}, stores={}, environ={"X": "\ufeff\ufeffx"})
    assert dict(config) == {"A": "\ufeffx", "B": "\ufeff\ufeffx", "C": "\ufeff\ufeffx"}


def test_no_second_expansion_asks_no_store() -> None:
    """A value that looks like a placeholder causes no request."""
    store = MemoryProvider({"a": "$<m:b>", "b": "wrong"})
    assert config_of({"common": "A=$<m:a>"}, stores={"m": store})["A"] == "$<m:b>"
    assert [ref.path for ref in store.fetched] == ["a"]


def test_text_is_kept() -> None:
    """Everything that opens nothing stands as it was written."""
    text = "A=\"$NAME $(id) `x` $2a$10$ %(x)s {x} {{x}} $$<X> $${Y} \\\\ \\x\"\nB=' $<X> '\nC=\nD= # c\n"
    assert dict(config_of({"common": text}, stores={})) == {
        "A": "$NAME $(id) `x` $2a$10$ %(x)s {x} {{x}} $<X> ${Y} \\ \\x",
        "B": " $<X> ",
        "C": "",
        "D": "",
    }


def test_defaults_apply_to_what_is_missing_alone() -> None:
    """A default applies to an empty secret too, but not to a missing field or a failed store."""
    store = MemoryProvider({"empty": "", "json": '{"a": "1"}', "plain": "x"})
    store.fail("denied", ProblemKind.DENIED, "no right")
    store.fail("down", ProblemKind.UNAVAILABLE, "connection refused")
    store.fail("deleted", ProblemKind.UNUSABLE, "scheduled for deletion")
    good = (
        "A=$<m:missing:-d>\nB=$<m:missing#f:-d>\nC=$<m:empty:-d>\nD=[$<m:missing:->]\nE=$<m:missing?decode=base64:-d>"
    )
    assert dict(config_of({"common": good}, stores={"m": store})) == {"A": "d", "B": "d", "C": "d", "D": "[]", "E": "d"}
    bad = "A=$<m:denied:-d>\nB=$<m:down:-d>\nC=$<m:deleted:-d>\nD=$<m:json#b:-d>\n"
    bad += "E=$<m:plain#a:-d>\nF=$<m:plain?decode=base64:-d>"
    kinds = [problem.kind for problem in failures_of({"common": bad}, stores={"m": store})]
    assert kinds == ["denied", "unavailable", "unusable", "unusable", "unusable", "unusable"]


def test_a_lookup_s_default_applies_when_no_store_has_it() -> None:
    """A lookup's default applies if every store answers missing, and not if one of them failed."""
    store = MemoryProvider()
    lookup = "lookup = ['m', 'env']"
    files = {"common": "A=$<X:-d>"}
    assert config_of(files, stores={"m": store}, bindings=lookup)["A"] == "d"
    assert config_of(files, stores={"m": store}, bindings=lookup, environ=env_store(X="e"))["A"] == "e"
    store.fail("X", ProblemKind.DENIED, "no right")
    (problem,) = failures_of(files, stores={"m": store}, bindings=lookup, environ=env_store(X="e"))
    assert problem.kind is ProblemKind.DENIED
    assert "a lookup ends at a store that failed (env not asked)" in problem.cause
    assert "binding" in str(problem.hint)


def shown(problems: tuple[Problem, ...]) -> list[str]:
    """Problems as people see them."""
    return [str(problem) for problem in problems]


def test_every_failure_in_one_go() -> None:
    """With file, line, column, key, reference, cause and next step, in the order of the files."""
    store = MemoryProvider({"json": '{"a": 1}'})
    store.fail("p/q", ProblemKind.DENIED, "the role may not call GetSecretValue", "grant it")
    security = 'A=1\nB="x\n$<m:p/q#f>"\nC=$<m:none>$<m:json#b>\nD=$<m:none:?ask operations>\nE=$<NAME>\nF=$<NAME:?m>\n'
    files = {"security": security, "web": "G=${C}\nH=$<m:none?version=9>\n"}
    expected = """\
env/test/security.env:3:1: B: m:p/q#f: denied: the role may not call GetSecretValue; grant it
env/test/security.env:4:3: C: m:none: memory has no none
env/test/security.env:4:12: C: m:json#b: the secret has no such field; fix the field's name, or the secret
env/test/security.env:5:3: D: m:none: memory has no none; ask operations
env/test/security.env:6:3: E: NAME: no store has it: docker:NAME, env:NAME; put it there, or bind it: NAME = \
"store:path" in providers/test.toml
env/test/security.env:7:3: F: NAME: no store has it: docker:NAME, env:NAME; m
env/test/web.env:2:3: H: m:none?version=9: memory has no none
"""
    assert shown(failures_of(files, stores={"m": store, "docker": MemoryProvider()})) == expected.splitlines()


def test_what_came_from_the_process_environment_is_masked(canary: CanaryFactory) -> None:
    """Under a sensitive name, also where it stands inside text and is logged alone."""
    secret = canary()
    config = config_of({"common": "URL=http://u:${API_TOKEN}@h"}, stores={}, environ={"API_TOKEN": secret})
    record = logging.LogRecord("x", logging.INFO, "x", 1, "sent %s", (secret,), None)
    assert config.logging_filter().filter(record)
    canary.assert_clean(record.getMessage())


def test_what_failed_elsewhere_is_told_once() -> None:
    """An entry that leads to a failed one is not reported again, in any scope."""
    files = {"common": "A=$<m:x>\nB=${A}", "web": "C=${B}", "api": "C=${A}"}
    assert [problem.key for problem in failures_of(files, stores={"m": MemoryProvider()})] == ["A"]


def test_failures_hold_nothing(canary: CanaryFactory) -> None:
    """A failure holds no value, neither a found one nor one that could not be taken."""
    store = MemoryProvider({"json": {"a": canary()}, "text": canary(), "bytes": canary().encode() + b"\xff"})
    text = "A=$<m:json#b>\nB=$<m:text#a>\nC=$<m:bytes>\nD=$<m:text?decode=base64>\nE=$<m:json>$<m:nothing>\n"
    problems = failures_of({"common": text}, stores={"m": store})
    assert len(problems) == 5
    canary.assert_clean(repr(problems) + "".join(shown(problems)))


SECRECY = [
    # any store but the process environment
    ("A=$<m:x>", True),
    ("LOG_LEVEL=$<m:x#f>", True),
    ("A=a$<m:x>b", True),
    # the process environment under a sensitive name: the entry's, or the variable's
    ("A=$<env:PLAIN>", False),
    ("A=$<env:API_TOKEN>", True),
    ("DB_PASSWORD=$<env:PLAIN>", True),
    ("A=${PLAIN}", False),
    ("A=${API_TOKEN}", True),
    ("DB_PASSWORD=${PLAIN}", True),
    ("DB_PASSWORD=x:${PLAIN}", True),
    # found by lookup there
    ("PLAIN=$<PLAIN>", True),
    ("PLAIN=${PLAIN}", False),
    ("API_TOKEN=$<API_TOKEN>", True),
    ("A=$<API_TOKEN>", True),
    # text, by its name
    ("A=x", False),
    ("DB_PASSWORD=x", True),
    # variables lead to what they name
    ("B=$<m:x>\nA=u:${B}", True),
    ("C=$<m:x>\nB=${C}\nA=${B}", True),
    ("B=1\nA=${B}", False),
    ("B=$<env:API_TOKEN>\nA=${B}", True),
    # answered by no store
    ("A=$<m:none:-d>", True),
    ("A=$<env:NONE:-d>", False),
]


@pytest.mark.parametrize(("text", "is_secret"), SECRECY, ids=[text for text, _ in SECRECY])
@pytest.mark.parametrize("stem", ["common", "security"])
def test_secrets_and_settings(text: str, is_secret: bool, stem: str) -> None:
    """In security.env, placeholders and variables of the process environment are secrets as well."""
    is_secret |= stem == "security" and ("$<env" in text or "${PLAIN}" in text)
    store = MemoryProvider({"x": '{"f": "1"}'})
    environ = {"PLAIN": "1", "API_TOKEN": "2"}
    config = config_of({stem: text}, stores={"m": store}, environ=environ)
    key = text.rpartition("\n")[2].partition("=")[0]
    assert config.origin(key).is_secret is is_secret


def test_origins() -> None:
    """File, line, service, and for each placeholder its reference, store and version, through variables too."""
    store = MemoryProvider({"p": '{"user": "u", "pw": "1"}'})
    store.put("p", '{"user": "u", "pw": "2"}')
    files = {
        "common": "\nHOST=h\nURL=$<m:p#user>:${PW}@${HOST}\n",
        "security": "PW=$<m:p#pw>\nOLD=$<m:p?version=1#pw>\nX=$<X>\nN=$<m:none:-d>\n",
        "web": "\n\nPW=$<env:E>${URL}\n",
    }
    config = config_of(files, stores={"m": store}, environ={"E": "e", "X": "x"}, bindings="[secrets]\nX='env:E'")
    url = config.origin("URL")
    assert (config["URL"], url.file, url.line, url.service) == ("u:2@h", "env/test/common.env", 3, None)
    assert (url.references, url.stores, url.versions) == (("m:p#user", "m:p#pw"), ("m", "m"), ("2", "2"))
    assert (config.origin("OLD").references, config.origin("OLD").versions) == (("m:p?version=1#pw",), ("1",))
    assert (config["X"], config.origin("X").references) == ("e", ("env:E",))
    assert (config.origin("N").references, config.origin("N").versions) == (("m:none",), (None,))
    assert config.origin("HOST").references == ()
    web = config.service("web")
    assert (web["PW"], web.origin("PW").service, web.origin("PW").line) == ("eu:2@h", "web", 3)
    assert web.origin("PW").references == ("env:E", "m:p#user", "m:p#pw")
    assert config["PW"] == "2"


def test_fields_of_one_secret_are_one_version() -> None:
    """A rotation in the middle cannot part a user's name from its password."""

    class Rotating(MemoryProvider):
        """Stores a new version whenever it was asked."""

        def fetch(self, refs, deadline):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            """See Provider."""
            yield from super().fetch(refs, deadline)
            for name in ("p", "q"):
                self.put(name, {"user": f"u{len(self.fetched)}", "pw": f"p{len(self.fetched)}"})

    store = Rotating({"p": {"user": "u0", "pw": "p0"}})
    files = {"common": "A=$<m:p#user>\nB=$<LATE>\n", "web": "C=$<m:p#pw>\nD=$<m:p?as=json>"}
    config = config_of(files, stores={"m": store}, bindings="[secrets]\nLATE='m:p#/pw'")
    assert (config["A"], config["B"], config.service("web")["C"]) == ("u0", "p0", "p0")
    assert config.service("web")["D"] == '{"user":"u0","pw":"p0"}'


def test_bytes_numbers_and_line_ends() -> None:
    """A value that a selector takes is always text."""
    store = MemoryProvider({"bytes": b"\xff\x00", "json": '{"n": 1.10, "b": true, "o": {"x": 1e400}}', "nl": "x\n"})
    text = "A=$<m:bytes?as=base64>\nB=$<m:json#n>$<m:json#b>\nC=$<m:json?as=json#o>\nD=$<m:nl>\nE=$<m:nl?trim=true>"
    assert dict(config_of({"common": text}, stores={"m": store})) == {
        "A": "/wA=",
        "B": "1.10true",
        "C": '{"x":1e400}',
        "D": "x\n",
        "E": "x",
    }


@given(st.lists(st.sampled_from(PLACEHOLDER_ATOMS), max_size=6).map("".join))
def test_defaults_are_not_looked_at_either(text: str) -> None:
    """A default is inserted unchanged: nothing in it is decoded or replaced."""
    if set(text) & set('<>${}"\\\n\r\0\ud800') or text != text.strip():
        return
    config = config_of({"common": f'A="$<m:none:-{text}>"\nB="${{NO:-{text}}}"'}, stores={"m": MemoryProvider()})
    assert (config["A"], config["B"]) == (text, text)


def test_nothing_is_there_unless_everything_is() -> None:
    """One failed secret leaves no configuration."""
    files = {"common": "\n".join(f"K{index}=$<m:x>" for index in range(49)) + "\nBAD=$<m:none>"}
    result = resolved(files, stores={"m": MemoryProvider({"x": "1"})})
    assert isinstance(result, tuple)
    assert [problem.key for problem in result] == ["BAD"]
