"""Values that a strict environment refuses: empty secrets, and secrets that change how a URL is read."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync import resolve_config
from secretsync.core.errors import ValidationError
from secretsync.planning.plan import SecretPart
from secretsync.planning.urls import encoded_reference, is_for_url, url_secrets
from secretsync.resolving.resolve import resolve
from secretsync.resolving.stores import StoreAccess
from secretsync.resolving.value_checks import Hazard, find_hazards
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.plans import config_of, good_plan


def hazards_of(
    text: str, secrets: Mapping[str, str], environ: Mapping[str, str] | None = None, bindings: str = ""
) -> list[Hazard]:
    """Return the hazards of an env file whose secrets are in the store `m`."""
    store = MemoryProvider(dict(secrets))
    environ = environ or {}
    plan = good_plan({"common": text}, stores={"m": store}, environ=environ, bindings=bindings)
    found: list[Hazard] = []
    answers = StoreAccess(environ, timeout=30, replaced={"m": store}).values(plan)
    resolve(plan, answers, environ, check=lambda inputs, values: found.extend(find_hazards(inputs, values)))
    return found


EMPTY = [
    ("A=$<m:empty>", ["A"]),
    ("A=$<m:json#a>", ["A"]),
    ("A=$<env:DB_PASSWORD>", ["A"]),
    ("DB_PASSWORD=${DB_PASSWORD}", ["DB_PASSWORD"]),
    ("API_TOKEN=${DB_PASSWORD}", ["API_TOKEN"]),
    ("API_TOKEN=${DB_PASSWORD-x}", ["API_TOKEN"]),
    ("A=user:$<m:empty>@host", ["A"]),
    ("A=$<m:empty>\nB=${A}", ["A"]),
    ("A=$<m:empty>$<m:full>", ["A"]),
    # emptiness that the file itself has, values that are not empty, settings
    ("A=$<m:empty:->", []),
    ("A=$<m:missing:->", []),
    ("A=$<m:empty:-d>", []),
    ("A=$<m:full>", []),
    ("DB_PASSWORD=", []),
    ("API_TOKEN=${DB_PASSWORD:-}", []),
    ("DB_PASSWORD=${DB_PASSWORD:-}", []),
    ("API_TOKEN=${DB_PASSWORD:+x}", []),
    ("PORT=$<env:PORT>", []),
    ("PORT=${PORT}", []),
    ("A='$<m:empty>'", []),
]


@pytest.mark.parametrize(("text", "keys"), EMPTY)
def test_empty_secrets(text: str, keys: list[str]) -> None:
    """An empty secret is found at the entry with the placeholder, unless the env file allows it to be empty."""
    secrets = {"empty": "", "full": "x", "json": '{"a": ""}'}
    bindings = '[secrets]\nDB_PASSWORD = "env:DB_PASSWORD"\n' if text.startswith("DB_PASSWORD=$") else ""
    found = hazards_of(text, secrets, {"DB_PASSWORD": "", "PORT": ""}, bindings)
    assert [(one.rule, one.key, one.is_refused) for one in found] == [("empty-secret", key, True) for key in keys]


URLS = [
    # authority
    ("U=postgresql://app:$<m:S>@h/db", "p@ss", True),
    ("U=postgresql://app:$<m:S>@h/db", "a/b", True),
    ("U=postgresql://app:$<m:S>@h/db", "a:b", True),
    ("U=postgresql://app:$<m:S>@h/db", "a\\b", True),
    ("U=postgresql://app:$<m:S>@h/db", "a b", True),
    ("U=postgresql://app:$<m:S>@h/db", "a\x01b", True),
    ("U=postgresql://app:$<m:S>@h/db", "a\u2003b", True),
    ("U=redis://:$<m:S>@h", "[x]", True),
    ("U=amqp://a:b@h1,amqp://c:$<m:S>@h2/v", "x#", True),
    ("U=mongodb://u:$<m:S>@h1:1,h2:2/db?replicaSet=r", "x?", True),
    ("U=https://$<m:S>.example.com/", "a/b", True),
    ("U='x'\nV=\"{'url': 'https://u:$<m:S>@h'}\"", "x@", True),
    ("SCHEME=amqp\nU=${SCHEME}://u:$<m:S>@h", "x@", True),
    ("P=$<m:S>\nU=amqp://u:${P}@h", "x@", True),
    ("B=amqp://u\nU=${B}:$<m:S>@h", "x@", True),
    # path and query
    ("U=https://h/hooks/$<m:S>", "a?b", True),
    ("U=https://h/hooks/$<m:S>", "a&b", True),
    ("U=jdbc:postgresql://h/db?user=u&password=$<m:S>", "a&b", True),
    ("U=jdbc:postgresql://h/db?user=u&password=$<m:S>", "a#b", True),
    ("U=https://h/x?next=https://h2/&k=$<m:S>", "a/b:c@d", None),
    ("U=https://h/hooks/$<m:S>", "T00/B00/xyz", None),
    # what a client would decode
    ("U=amqp://u:$<m:S>@h", "a%40b", False),
    ("U=https://h/?k=$<m:S>", "a%2Fb", False),
    ("U=amqp://u:$<m:S>@h", "100%", None),
    # plain values, other texts, and places that say how it is
    ("U=amqp://u:$<m:S>@h", "abc-._~123!*'(),;=+$", None),
    ("U=amqp://u:$<m:S?as=url>@h", "p@ss/w#rd?x", None),
    ("U=amqp://u:$<m:S?as=text>@h", "p@ss", None),
    ("P=$<m:S?as=url>\nU=amqp://u:${P}@h", "p@ss", None),
    ("U=amqp://h/v#$<m:S>", "p@?&", None),
    ("U=host=h password=$<m:S>", "p@/?", None),
    ('U="https://h/x $<m:S>"', "p@/?", None),
    ("U=$<m:S>", "https://a b", None),
]


@pytest.mark.parametrize(("text", "secret", "is_refused"), URLS)
def test_secrets_in_urls(text: str, secret: str, *, is_refused: bool | None) -> None:
    """A value that changes how the URL is read is refused; one with a percent-encoding is reported (False)."""
    found = hazards_of(text, {"S": secret})
    assert [one.is_refused for one in found] == ([] if is_refused is None else [is_refused])
    assert all(one.rule == "url-encoding" and secret not in f"{one.message}{one.hint}" for one in found)


def test_a_word_that_is_not_used_is_not_judged() -> None:
    """Only the secret that is part of the URL counts."""
    text = "OWN=x\nPW=$<m:S>\nU=amqp://u:${OWN:-${PW}}@h\nV=amqp://u:${NO:-${PW}}@h"
    assert [one.key for one in hazards_of(text, {"S": "p@"})] == ["V"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("U=amqp://u:$<DB_PASSWORD>@h", "$<DB_PASSWORD?as=url>"),
        ("U=amqp://u:${DB_PASSWORD}@h", "$<DB_PASSWORD?as=url>"),
        ("DB_PASSWORD=$<DB_PASSWORD>\nU=amqp://u:${DB_PASSWORD}@h", "$<DB_PASSWORD?as=url>"),
        ("U=amqp://u:$<DB_PASSWORD?trim=false>@h", "$<DB_PASSWORD?trim=false&as=url>"),
        ("U=amqp://u:$<docker:a?as=base64#/b>@h", "$<docker:a?as=url#/b>"),
        ("U=amqp://u:$<docker:a?as=url>@h", None),
        ("U=amqp://u:$<docker:a?as=text>@h", None),
        ("U=amqp://u:$<DB_PASSWORD?as=url>@h", None),
        ("U=amqp://u:$<env:USER_NAME>@h", "$<env:USER_NAME?as=url>"),
        ("U=amqp://$<env:USER_NAME>@h", None),
    ],
)
def test_what_a_message_suggests(text: str, shown: str | None) -> None:
    """The placeholder with as=url, from the plan alone: also for a variable."""
    plan = good_plan({"common": text}, environ={"DB_PASSWORD": "x", "USER_NAME": "u"})
    found = [
        encoded_reference(one.part)
        for one in url_secrets(plan)
        if not (isinstance(one.part, SecretPart) and is_for_url([target.selector for target in one.part.targets]))
    ]
    assert found == ([] if shown is None else [shown])


def test_a_binding_can_say_it_and_a_name_wins() -> None:
    """as=url of a name is added to its binding's options; as=text replaces as=url."""
    store = MemoryProvider({"bytes": b"\xff/", "text": "a b"})
    bindings = '[secrets]\nBYTES = "m:bytes?as=base64"\nTEXT = "m:text?as=url"\n'
    text = "A=$<BYTES?as=url>\nB=$<TEXT>\nC=$<TEXT?as=text>\nD=$<TEXT?as=base64>"
    config = config_of({"common": text}, stores={"m": store}, bindings=bindings)
    assert dict(config) == {"A": "%2Fy8%3D", "B": "a%20b", "C": "a b", "D": "YSBi"}


SHAPES = [
    "postgresql://app:{}@db.internal:5432/app",
    "redis://:{}@h:6379/0",
    "amqp://app:{}@mq/vhost",
    "mongodb://u:{}@h1:27017,h2:27018,h3:27019/db?replicaSet=r",
    "https://h.example.com/hooks/{}/x",
    "https://h.example.com/x?token={}&y=1",
    "jdbc:postgresql://h:5432/db?user=u&password={}&ssl=true",
]
_passwords = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(_passwords, st.sampled_from(SHAPES))
def test_encoded_secrets_come_back_from_urls(password: str, shape: str) -> None:
    """A parser gives back the secret, and every other part as it was written."""
    store = MemoryProvider({"S": password})
    config = config_of({"common": f"U={shape.format('$<m:S?as=url>')}"}, stores={"m": store})
    url = urlsplit(config["U"].removeprefix("jdbc:"))
    plain = urlsplit(shape.format("secret").removeprefix("jdbc:"))
    assert (url.scheme, url.netloc.rpartition("@")[2], url.username, url.fragment) == (
        plain.scheme,
        plain.netloc.rpartition("@")[2],
        plain.username,
        "",
    )
    if plain.username is not None:
        assert (unquote(url.password or ""), url.path, url.query) == (password, plain.path, plain.query)
    elif "secret" in plain.path:
        assert [unquote(part) for part in url.path.split("/")] == ["", "hooks", password, "x"]
    else:
        key = "token" if "token=" in plain.query else "password"
        expected = {**parse_qs(plain.query), key: [password]}
        assert (url.path, parse_qs(url.query, keep_blank_values=True)) == (plain.path, expected)


def write_project(root: Path, environment: str, text: str, policy: str = "") -> None:
    """Create a project with one environment."""
    folder = root / "env" / environment
    folder.mkdir(parents=True)
    (folder / "common.env").write_text(text)
    if policy:
        (folder / "policy.toml").write_text(policy)


@pytest.mark.parametrize(
    ("text", "rule"), [("A=$<m:empty>", "empty-secret"), ("A=amqp://u:$<m:odd>@h", "url-encoding")]
)
def test_strict_lenient_and_ignored(text: str, rule: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An error if strict, a warning if lenient, nothing if the policy ignores it for a reason."""
    ignore = f'[[ignore]]\nrule = "{rule}"\nreason = "a test"\n'
    write_project(tmp_path, "production", text)
    write_project(tmp_path, "test", text)
    write_project(tmp_path, "prod2", text, ignore)
    write_project(tmp_path, "local", text, ignore)
    stores = {"m": MemoryProvider({"empty": "", "odd": "p@"})}
    with pytest.raises(ValidationError, match=rule):
        resolve_config("production", root=tmp_path, stores=stores, environ={})
    assert caplog.records == []
    resolve_config("test", root=tmp_path, stores=stores, environ={})
    assert [rule in record.getMessage() for record in caplog.records] == [True]
    caplog.clear()
    for environment in ("prod2", "local"):
        resolve_config(environment, root=tmp_path, stores=stores, environ={})
    assert caplog.records == []


def test_hazards_show_no_value(canary: CanaryFactory) -> None:
    """The hazard does not hold the value, and its message does not either."""
    secret = f"{canary()}@/"
    (hazard,) = hazards_of("U=amqp://u:$<m:S>@h", {"S": secret})
    assert secret not in repr(hazard)
