"""The configuration that applications hold: what it answers, that it cannot be changed, and that it hides itself."""

import copy
import dataclasses
import json
import logging
import os
import pickle
import pprint
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from secretsync import (
    AppConfig,
    Config,
    ConfigurationError,
    MissingKeyError,
    ProblemKind,
    ResolutionError,
    Secret,
    SecretSyncError,
    UsageError,
    ValueTypeError,
    resolve_config,
)
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project
from tests.support.walker import everything_shown, reported, texts_in

ENVIRON = {"OUTSIDE": "outside", "PORT_OUTSIDE": "8000", "BAD_OUTSIDE": "eight"}


@pytest.fixture
def store(canary: CanaryFactory) -> MemoryProvider:
    """Return a store with two secrets."""
    return MemoryProvider({"app": {"key": canary(), "password": canary()}, "token": canary()})


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Return a project with settings, secrets and two services."""
    return project(
        {
            "env/test/common.env": (
                "PORT=8000\nRATIO=0.5\nDEBUG=True\nHOSTS=a.example, b.example\nEMPTY=\nWORDS=some words\n"
                "NAME=whole\nSHARED=same\n"
            ),
            "env/test/security.env": (
                "SECRET_KEY=$<memory:app#key>\nDB_PASSWORD=$<memory:app#password>\nAPI_TOKEN=$<memory:token>\n"
            ),
            "env/test/web.env": "NAME=web\nWORKERS=4\nSHARED=same\nBOTH=1\n",
            "env/test/database.env": "NAME=database\nURL=postgresql://app:${DB_PASSWORD}@db/app\nBOTH=1\n",
        }
    )


@pytest.fixture
def config(shop: Project, store: MemoryProvider) -> Config:
    """Return the shop's configuration, with a process environment of its own."""
    return resolve_config("test", root=shop.root, environ=ENVIRON, stores={"memory": store})


# The mapping


def test_the_mapping_is_what_the_files_define(config: Config) -> None:
    """Keys of the configuration as a whole, in the order of the files, and nothing of the process environment."""
    assert list(config) == [
        *("PORT", "RATIO", "DEBUG", "HOSTS", "EMPTY", "WORDS", "NAME", "SHARED"),
        *("SECRET_KEY", "DB_PASSWORD", "API_TOKEN"),
    ]
    assert len(config) == 11
    assert config["PORT"] == "8000"
    assert config["EMPTY"] == ""
    assert "PORT" in config
    assert "OUTSIDE" not in config
    assert "WORKERS" not in config
    assert dict(config)["WORDS"] == "some words"
    assert {**config} == dict(config.items()) == dict(zip(config.keys(), config.values(), strict=True))


def test_it_compares_like_a_mapping(config: Config, shop: Project, store: MemoryProvider) -> None:
    """With dictionaries, from either side, and with other configurations; it is no key of a dictionary."""
    again = resolve_config("test", root=shop.root, environ=ENVIRON, stores={"memory": store})
    assert config == dict(config)
    assert dict(config) == config
    assert config == again
    assert config != config.service("web")
    assert config != {}
    assert config != 5
    with pytest.raises(TypeError):
        hash(config)


def test_a_service_sees_its_own_file_over_the_whole(config: Config) -> None:
    """Its keys, the whole's where it has none, and not those of another service."""
    web = config.service("web")
    assert (web["NAME"], config["NAME"], config.service("database")["NAME"]) == ("web", "whole", "database")
    assert web["SECRET_KEY"] == config["SECRET_KEY"]
    assert "URL" not in web
    assert web.get("NAME") == config.get("NAME", service="web") == "web"
    assert web.service("database")["NAME"] == "database"
    assert config.services == ("database", "web")
    assert config.get_int("WORKERS", service="web") == 4


def test_a_variable_of_a_service_holds_the_secret(config: Config) -> None:
    """What a secret is put into has it whole."""
    assert config.service("database")["URL"] == f"postgresql://app:{config['DB_PASSWORD']}@db/app"


def test_environment_and_strictness(config: Config) -> None:
    """A configuration knows what it is of."""
    assert config.environment == "test"
    assert config.is_strict is False


def test_it_cannot_be_changed(config: Config) -> None:
    """No item, no attribute, neither its own nor a new one, can be set or deleted."""
    for name in ("environment", "services", "is_strict", "_service", "_Config__state", "_Config__scope", "new"):
        with pytest.raises(AttributeError):
            setattr(config, name, None)
        with pytest.raises(AttributeError):
            delattr(config, name)
    with pytest.raises(TypeError):
        config["PORT"] = "1"  # type: ignore[index]
    with pytest.raises(TypeError):
        del config["PORT"]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        config.origin("PORT").line = 7  # type: ignore[misc]
    assert config["PORT"] == "8000"


def test_a_key_is_not_an_attribute(config: Config) -> None:
    """The message shows how to read the key."""
    with pytest.raises(AttributeError, match=r'write config\["SECRET_KEY"\]'):
        config.SECRET_KEY  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'lower'"):
        config.lower  # type: ignore[attr-defined] # noqa: B018
    assert not hasattr(config, "SECRET_KEY")


def test_a_dict_of_it_is_a_copy(config: Config) -> None:
    """What a caller does to `dict(config)` or `as_environ()` does not reach the configuration."""
    for taken in (dict(config), config.as_environ(["web"])):
        taken["PORT"] = "1"
        taken.clear()
    assert config["PORT"] == "8000"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("PROT", "did you mean PORT?"),
        ("secret_key", "did you mean SECRET_KEY?"),
        ("WORKERS", "the service web has it"),
        ("OUTSIDE", "the env files define no such key"),
        ("a\nb\x1b[31m", r"a\nb\x1b[31m"),
        (5, "5"),
        (None, "None"),
    ],
)
def test_a_key_that_is_not_there(config: Config, key: Any, said: str) -> None:
    """A KeyError that names the key on one line, and the nearest one."""
    for ask in (config.__getitem__, config.origin, config.secret):
        with pytest.raises(MissingKeyError) as caught:
            ask(key)
        assert isinstance(caught.value, KeyError)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


# get and the typed getters


def test_get_falls_back_to_the_process_environment(config: Config) -> None:
    """First the files, then the process environment, then the default."""
    assert config.get("PORT", "1") == "8000"
    assert config.get("OUTSIDE") == "outside"
    assert config.get("NOWHERE") is None
    assert config.get("NOWHERE", "x") == "x"
    assert config.get("EMPTY", "x") == ""
    assert config.get_int("PORT_OUTSIDE") == 8000
    assert config.get_int("PORT_OUTSIDE", service="web") == 8000


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("-5", -5), ("+5", 5), ("9" * 640, int("9" * 640))],
)
def test_whole_numbers(project: MakeProject, text: str, number: int) -> None:
    """Decimal digits with a sign."""
    made = project({"env/test/common.env": f"A={text}\n"})
    assert resolve_config("test", root=made.root, environ={}).get_int("A") == number


@pytest.mark.parametrize("text", ["", " ", "1.0", "1e3", "0x10", "1_000", "٣", "1 ", "--1", "True", "9" * 641])
def test_what_is_no_whole_number(project: MakeProject, text: str) -> None:
    """Everything else is an error, an empty value and a float too."""
    made = project({"env/test/common.env": f"A='{text}'\n"})
    with pytest.raises(ValueTypeError):
        resolve_config("test", root=made.root, environ={}).get_int("A", 5)


@pytest.mark.parametrize(("text", "number"), [("1", 1.0), ("-1.5", -1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0)])
def test_numbers(project: MakeProject, text: str, number: float) -> None:
    """Decimal notation, with an exponent where one is written."""
    made = project({"env/test/common.env": f"A={text}\n"})
    assert resolve_config("test", root=made.root, environ={}).get_float("A") == number


@pytest.mark.parametrize("text", ["", "nan", "inf", "-Infinity", "1e999", "-1e999", "1,5", "1_0", "e5", ".", "0x1p3"])
def test_what_is_no_number(project: MakeProject, text: str) -> None:
    """Python's other notations, and what would not be a finite number."""
    made = project({"env/test/common.env": f"A='{text}'\n"})
    with pytest.raises(ValueTypeError):
        resolve_config("test", root=made.root, environ={}).get_float("A", 5.0)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        *(("true", True), ("True", True), ("YES", True), ("on", True), ("1", True)),
        *(("false", False), ("False", False), ("NO", False), ("off", False), ("0", False)),
        *((text, None) for text in ("", "2", "y", "n", "t", "none", " true", "tru", "enabled", "ON!")),
    ],
)
def test_booleans(project: MakeProject, text: str, truth: bool | None) -> None:
    """Four words for each, in any case; everything else is an error and never false."""
    made = project({"env/test/common.env": f"A='{text}'\n"})
    config = resolve_config("test", root=made.root, environ={})
    if truth is None:
        with pytest.raises(ValueTypeError):
            config.get_bool("A", False)
    else:
        assert config.get_bool("A") is truth


@pytest.mark.parametrize(
    ("text", "separator", "items"),
    [
        ("", ",", []),
        ("a", ",", ["a"]),
        ("a, b ,c", ",", ["a", "b", "c"]),
        ("a b;c", ";", ["a b", "c"]),
        ("a,,b", ",", None),
        (",", ",", None),
        ("a,", ",", None),
    ],
)
def test_lists(project: MakeProject, text: str, separator: str, items: list[str] | None) -> None:
    """Items between separators; an empty item is an error, an empty value is an empty list."""
    made = project({"env/test/common.env": f"A='{text}'\n"})
    config = resolve_config("test", root=made.root, environ={})
    if items is None:
        with pytest.raises(ValueTypeError):
            config.get_list("A", separator=separator)
    else:
        assert config.get_list("A", separator=separator) == items


def test_defaults_of_typed_getters(config: Config) -> None:
    """They count only where the key is nowhere; without one that is a MissingKeyError."""
    assert config.get_int("NOWHERE", 5) == 5
    assert config.get_int("NOWHERE", None) is None
    assert config.get_float("NOWHERE", None) is None
    assert config.get_bool("NOWHERE", True) is True
    assert config.get_list("NOWHERE", ["a"]) == ["a"]
    for ask in (config.get_int, config.get_float, config.get_bool, config.get_list):
        with pytest.raises(MissingKeyError, match="NOWHERE"):
            ask("NOWHERE")


def test_type_errors_name_key_place_and_type_and_never_the_text(config: Config, canary: CanaryFactory) -> None:
    """A ValueError with file and line; the value is not in it, nor in anything that it leads to."""
    for ask, words in (
        (config.get_int, "a whole number"),
        (config.get_float, "a number"),
        (config.get_bool, "true, false, yes, no, on, off, 1 or 0"),
    ):
        with pytest.raises(ValueTypeError) as caught:
            ask("SECRET_KEY")
        assert isinstance(caught.value, ValueError)
        assert str(caught.value).startswith(f"env/test/security.env:1: SECRET_KEY: its value is not {words}")
        canary.assert_clean(everything_shown(caught.value))
    with pytest.raises(ValueTypeError, match=r"BAD_OUTSIDE.*process environment") as caught:
        config.get_int("BAD_OUTSIDE")
    assert "eight" not in everything_shown(caught.value)


# Origins, secrets, required keys


def test_origins_say_where_and_never_what(config: Config, canary: CanaryFactory) -> None:
    """File, line, service, references, stores and versions of each value."""
    origin = config.origin("SECRET_KEY")
    assert (origin.file, origin.line, origin.service) == ("env/test/security.env", 1, None)
    assert (origin.references, origin.stores, origin.versions) == (("memory:app#key",), ("memory",), ("1",))
    assert origin.is_secret
    url = config.service("database").origin("URL")
    assert (url.file, url.line, url.service) == ("env/test/database.env", 2, "database")
    assert url.references == ("memory:app#password",)
    assert url.is_secret
    port = config.origin("PORT")
    assert (port.is_secret, port.references) == (False, ())
    canary.assert_clean("\n".join([*texts_in(origin), *texts_in(url), json.dumps(url, default=str)]))


def test_a_secret_reveals_itself_on_demand_only(config: Config, canary: CanaryFactory) -> None:
    """`secret()` gives what hides itself; equal secrets are equal, and it is true where it is not empty."""
    secret = config.secret("SECRET_KEY")
    assert isinstance(secret, Secret)
    assert secret.reveal() == config["SECRET_KEY"]
    assert secret == config.secret("SECRET_KEY")
    assert secret != config.secret("DB_PASSWORD")
    assert (secret != config["SECRET_KEY"]) is True
    assert len({secret, config.secret("SECRET_KEY")}) == 1
    assert bool(secret)
    assert not config.secret("EMPTY")
    assert repr(secret) == f"{secret!r}" == "<Secret ********>"


def test_require_lists_all_that_is_missing_at_once(config: Config) -> None:
    """With what each is for; an empty value is missing too, the process environment counts."""
    config.require({"SECRET_KEY": "signs sessions", "OUTSIDE": "from the platform"})
    config.require({"WORKERS": "how many processes"}, service="web")
    with pytest.raises(ConfigurationError) as caught:
        config.require({"SECRET_KEY": "signs sessions", "EMPTY": "must not be", "NOWHERE": "of the mailer"})
    assert [problem.key for problem in caught.value.problems] == ["EMPTY", "NOWHERE"]
    assert "of the mailer" in str(caught.value)


# As a whole


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda config: config.require(["SECRET_KEY"]), "keys: it is of type list; give a dict"),
        (lambda config: config.require("SECRET_KEY"), "keys: it is of type str; give a dict"),
        (lambda config: config.service(None), "service: its name is of type NoneType; give a string"),
        (lambda config: config.get("A", service=5), "service: its name is of type int"),
        (lambda config: config.get(5), "key: it is of type int; give a string"),
        (lambda config: config.get_int(b"PORT"), "key: it is of type bytes"),
        (lambda config: config.as_environ("web"), "services: it is of type str; give a list of strings"),
        (lambda config: config.as_environ(5), "services: it is of type int"),
        (lambda config: config.get_list("HOSTS", separator=""), "separator: it is empty, or not a string"),
        (AppConfig, "config: it is of type dict; give the result of resolve_config"),
    ],
)
def test_arguments_of_a_wrong_type(config: Config, call: Callable[[Any], Any], said: str) -> None:
    """A UsageError names the argument, its type and what to give."""
    with pytest.raises(UsageError, match=said):
        call(dict(config) if call is AppConfig else config)


def test_as_environ_is_the_whole_and_the_services(project: MakeProject, store: MemoryProvider) -> None:
    """One list, sorted, each service's own keys over the whole's; two that agree are no conflict."""
    made = project(
        {
            "env/test/common.env": "B=whole\nA=whole\nS=whole\n",
            "env/test/one.env": "A=one\nS=same\n",
            "env/test/two.env": "B=two\nS=same\n",
        }
    )
    config = resolve_config("test", root=made.root, environ=ENVIRON)
    assert list(config.as_environ().items()) == [("A", "one"), ("B", "two"), ("S", "same")]
    assert config.as_environ(["two"]) == {"A": "whole", "B": "two", "S": "same"}
    assert config.as_environ([]) == {"A": "whole", "B": "whole", "S": "whole"}
    assert all(type(value) is str for value in config.as_environ().values())


def test_services_that_disagree(config: Config, canary: CanaryFactory) -> None:
    """An error that names both, with their places; one of them alone is none."""
    with pytest.raises(ConfigurationError) as caught:
        config.as_environ()
    (problem,) = caught.value.problems
    assert problem.key == "NAME"
    assert "database" in problem.cause
    assert "web" in problem.cause
    assert "env/test/database.env:1" in problem.cause
    assert (problem.file, problem.line) == ("env/test/web.env", 1)
    assert config.as_environ(["web"])["NAME"] == "web"
    canary.assert_clean(everything_shown(caught.value))


def test_secrets_that_disagree_are_not_shown(
    project: MakeProject, store: MemoryProvider, canary: CanaryFactory
) -> None:
    """A conflict of two secrets names the key and the services alone."""
    made = project({"env/test/a.env": "X=$<memory:app#key>\n", "env/test/b.env": "X=$<memory:token>\n"})
    with pytest.raises(ConfigurationError) as caught:
        resolve_config("test", root=made.root, environ={}, stores={"memory": store}).as_environ()
    canary.assert_clean(everything_shown(caught.value))


def test_services_that_are_not_there(config: Config, shop: Project, store: MemoryProvider) -> None:
    """An unknown one is named with the nearest; one that was not selected is said to be just that."""
    for ask in (config.service, lambda name: config.get("PORT", service=name), lambda name: config.as_environ([name])):
        with pytest.raises(UsageError, match="did you mean web"):
            ask("wbe")
    some = resolve_config("test", root=shop.root, services=["web"], environ=ENVIRON, stores={"memory": store})
    assert some.services == ("web",)
    with pytest.raises(UsageError, match="'database' was not selected"):
        some.service("database")


# refresh


def test_refresh_asks_again_and_says_what_changed(shop: Project, store: MemoryProvider, canary: CanaryFactory) -> None:
    """A new version changes its keys and what they are put into; the old configuration stays as it is."""
    config = resolve_config("test", root=shop.root, environ=ENVIRON, stores={"memory": store})
    before, asked = config["DB_PASSWORD"], len(store.fetched)
    store.put("token", canary())
    new, changed = config.refresh()
    assert changed == {"API_TOKEN"}
    assert len(store.fetched) == asked + 2
    assert config["API_TOKEN"] != new["API_TOKEN"]

    store.put("app", {"key": config["SECRET_KEY"], "password": (password := canary())})
    newer, changed = new.refresh()
    # Its version moved, although the value of this field is the old one.
    assert changed == {"DB_PASSWORD", "URL", "SECRET_KEY"}
    assert newer["DB_PASSWORD"] == password
    assert config["DB_PASSWORD"] == new["DB_PASSWORD"] == before
    assert newer.refresh().changed == frozenset()


def test_refresh_reads_the_files_again(shop: Project, store: MemoryProvider) -> None:
    """New keys, removed keys and changed settings count as changed."""
    config = resolve_config("test", root=shop.root, environ=ENVIRON, stores={"memory": store})
    shop.write("env/test/common.env", shop.read("env/test/common.env").replace("PORT=8000\n", "PORT=9000\nADDED=1\n"))
    new, changed = config.refresh()
    assert changed == {"PORT", "ADDED"}
    assert (new["PORT"], config["PORT"]) == ("9000", "8000")


def test_a_refresh_that_fails_leaves_everything_as_it_is(shop: Project) -> None:
    """It raises what `resolve_config` raises."""
    store = MemoryProvider({"app": {"key": "x", "password": "y"}, "token": "z"})
    config = resolve_config("test", root=shop.root, environ=ENVIRON, stores={"memory": store})
    shop.write("env/test/common.env", "PORT=$<memory:gone>\n")
    with pytest.raises(ResolutionError, match="memory:gone"):
        config.refresh()
    assert config["SECRET_KEY"] == "x"


# Hiding


@dataclasses.dataclass(frozen=True)
class Holder:
    """An application's own dataclass around a configuration."""

    config: Config
    secret: Secret
    many: list[Secret]


def showings(thing: Any) -> Iterator[tuple[str, str]]:
    """Each way to make text of `thing`, by name."""
    yield "repr", repr(thing)
    yield "f-string", f"{thing!r} {thing!a} {thing=}"
    yield "percent", "%r %a" % (thing, thing)  # noqa: UP031 - one of the ways
    yield "str.format", "{0!r} {a!r}".format(thing, a=[thing])  # noqa: UP032 - another
    if not isinstance(thing, Secret):  # which refuses these
        yield "str", f"{str(thing)} {thing!s} {'%s' % (thing,)}"  # noqa: RUF010, UP031 - one by one
        yield "format", f"{format(thing)} {thing} {'{0} {a[0]}'.format(thing, a=[thing])}"  # noqa: UP032
        yield "json", json.dumps({"a": [thing]}, default=str)
    yield "pprint", pprint.pformat({"a": [thing, (thing,)]}, width=20)
    yield "json", json.dumps({"a": [thing]}, default=repr)
    yield "copy", repr([copy.copy(thing), copy.deepcopy([thing])])
    yield "traceback", "".join(traceback.format_exception(RuntimeError(thing, [thing])))
    yield "walker", "\n".join(texts_in(thing))
    yield "error reporter", str(reported({"thing": thing, "list": [thing]}))


def test_every_text_of_it_is_masked(config: Config, canary: CanaryFactory) -> None:
    """A configuration, a service's view, a secret, and what holds them show no value in any way of making text."""
    holder = Holder(config, config.secret("SECRET_KEY"), [config.secret("API_TOKEN")])
    things = (config, config.service("database"), config.secret("SECRET_KEY"), config.refresh(), holder)
    canary.assert_clean(f"{config:>90}", "a format with a specification")
    for thing in (*things, config.logging_filter(), list(config.resolved(["web"]).values())):
        for way, text in showings(thing):
            canary.assert_clean(text, f"{way} of {type(thing).__name__}")
    canary.assert_clean(repr(dataclasses.asdict(holder)), "asdict")
    assert "11 keys" in repr(config)


def test_it_does_not_leave_the_process(config: Config) -> None:
    """Pickling is refused at every protocol, and there is no `__dict__` to look into."""
    for thing in (config, config.service("web"), config.secret("SECRET_KEY"), [config], config.logging_filter()):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps(thing, protocol)
    for thing in (config, config.secret("SECRET_KEY")):
        with pytest.raises(TypeError):
            vars(thing)
        with pytest.raises(TypeError):
            json.dumps(thing)


def test_failed_assertions_of_pytest_show_no_secret(shop: Project, canary: CanaryFactory) -> None:
    """Failed assertions show masked values, also with `-vv` and local variables."""
    shop.write("env/test/security.env", "SECRET_KEY=$<env:SECRET_KEY>\nDB_PASSWORD=$<docker:password>\n")
    shop.write("providers/test.toml", '[stores.docker]\ndir = "files"\n')
    shop.write("files/password", canary())
    shop.write(
        "test_it.py",
        "import pytest\n"
        "from secretsync import resolve_config\n"
        "config = resolve_config('test')\n"
        "@pytest.mark.parametrize('other', [{}, {'SECRET_KEY': 'x'}, None, config.service('web')])\n"
        "def test_it(other):\n"
        "    assert config == other\n"
        "def test_secret():\n"
        "    assert config.secret('SECRET_KEY') == config.secret('DB_PASSWORD')\n"
        "def test_in():\n"
        "    assert 'x' in [config, config.secret('SECRET_KEY')]\n"
        "def test_error():\n"
        "    config.get_int('SECRET_KEY')\n",
    )
    argv = [sys.executable, "-m", "pytest", "-vv", "--showlocals", "-p", "no:cacheprovider", "--tb=long", "test_it.py"]
    env = clean_environment(shop.home, {"SECRET_KEY": canary()})
    shown = run_command(argv, cwd=shop.root, env=env, expect=1).stdout
    assert "7 failed" in shown
    assert "<Config test: " in shown


# Errors that leave the library


@pytest.fixture
def hostile_environ(canary: CanaryFactory) -> dict[str, str]:
    """Return a process environment full of secrets, under all sorts of names."""
    names = ("SECRET_KEY", "DB_PASSWORD", "HOME_TOKEN", "LEVEL", "PATHS", "AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN")
    environ = {name: canary() for name in names}
    os.environ.update(environ)
    return environ


@pytest.mark.parametrize(
    ("kind", "security", "call"),
    [
        (ConfigurationError, "A=$<memory:x\n", None),
        (ConfigurationError, "A=$<nowhere:x>\nB=${NOT_THERE}\n", None),
        (ConfigurationError, "A=${LEVEL}${SECRET_KEY}${NOT_THERE}\n", None),
        (ResolutionError, "A=$<memory:gone>\nB=$<memory:json#a>${LEVEL}\nC=$<env:SECRET_KEY>\n", None),
        (ResolutionError, "A=$<memory:json#gone>\n", None),
        (ResolutionError, "A=$<memory:json#/a/0>\n", None),
        (ResolutionError, "A=$<memory:plain#a>\n", None),
        (ResolutionError, "A=$<memory:cut?as=json>\n", None),
        (ResolutionError, "A=$<memory:bytes>\n", None),
        (ResolutionError, "A=$<memory:plain?decode=base64>\n", None),
        (ResolutionError, "A=$<env:SECRET_KEY#field>\n", None),
        (ResolutionError, "A=$<SECRET_KEY>\n", None),
        (ValueTypeError, "A=$<memory:plain>${LEVEL}\n", lambda config: config.get_int("A")),
        (ValueTypeError, "A=1\n", lambda config: config.get_int("LEVEL")),
        (MissingKeyError, "A=$<memory:plain>\n", lambda config: config["B"]),
        (MissingKeyError, "A=$<memory:plain>\n", lambda config: config.get_int("B")),
        (UsageError, "A=$<memory:plain>\n", lambda config: config.service("b")),
        (ConfigurationError, "A=$<memory:plain>\n", lambda config: config.require({"NOWHERE": "x"})),
    ],
)
def test_no_error_leads_to_a_secret(
    project: MakeProject,
    hostile_environ: dict[str, str],
    canary: CanaryFactory,
    kind: type[SecretSyncError],
    security: str,
    call: Callable[[Config], object] | None,
) -> None:
    """Message, arguments, notes, causes, contexts, and all that the frames hold, taken apart member by member."""
    made = project({"env/test/security.env": security})
    store = MemoryProvider({"json": {"a": canary(), "b": [canary()]}, "plain": canary(), "cut": f'{{"a": "{canary()}'})
    store.put("bytes", canary().encode() + b"\xff")
    # A lookup that fails half-way has seen the environment too.
    made.write("providers/test.toml", 'lookup = ["memory"]\n')
    store.fail("SECRET_KEY", ProblemKind.DENIED, "denied here")

    def resolve_and_call() -> None:
        config = resolve_config("test", root=made.root, stores={"memory": store})
        if call is not None:
            call(config)

    with pytest.raises(kind) as caught:
        resolve_and_call()
    canary.assert_clean(everything_shown(caught.value), f"what can be found in a {kind.__name__}")
    assert os.environ["SECRET_KEY"] == hostile_environ["SECRET_KEY"]


def test_errors_can_be_sent_to_another_process(config: Config) -> None:
    """A worker's error arrives with its problems, its message and its status."""
    with pytest.raises(MissingKeyError) as caught:
        config["NOWHERE"]
    error = pickle.loads(pickle.dumps(caught.value))
    assert type(error) is MissingKeyError
    assert (str(error), error.problems, error.exit_status) == (
        str(caught.value),
        caught.value.problems,
        caught.value.exit_status,
    )


# The logging filter


class Unshowable:
    """An object that cannot be made text of."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.fixture
def log(config: Config) -> tuple[logging.Logger, list[str]]:
    """Return a logger whose handler has the filter, and what it wrote."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))
            standard = set(vars(logging.makeLogRecord({})))
            lines.append(repr({name: value for name, value in vars(record).items() if name not in standard}))
            lines.append(repr(vars(record)))

    handler = Handler()
    handler.addFilter(config.logging_filter())
    # Not of `getLogger`: pytest adds handlers of its own to those, and they keep the record as it was logged.
    logger = logging.Logger("a.logger.of.this.test", logging.DEBUG)  # noqa: LOG001
    logger.addHandler(handler)
    return logger, lines


def test_the_filter_masks_all_parts_of_a_record(
    config: Config, log: tuple[logging.Logger, list[str]], canary: CanaryFactory
) -> None:
    """Message, arguments of each kind, exception, stack and extra fields; what is no secret stays."""
    logger, lines = log
    secret, url = config["SECRET_KEY"], config.service("database")["URL"]
    logger.info("key=%s, port=%d", secret, 8000)
    logger.info(f"key={secret}")  # noqa: G004 - as people write it
    logger.info("%(a)s", {"a": secret})
    logger.info("%r %s", [secret], {"k": secret.encode()})
    logger.info(url)
    logger.info("nothing", extra={"field": secret, "deep": {"a": [secret]}, "number": 5})
    logger.info(secret, stack_info=True)
    logger.info({"a": secret})
    logger.info("too few %s %s", secret)  # noqa: PLE1206 - a mistake that must not leak
    logger.info("too many", secret)  # noqa: PLE1205 - another
    try:
        raise RuntimeError(secret) from ValueError(url)  # noqa: TRY301 - the record is the point
    except RuntimeError:
        logger.exception("failed with %s", secret)
    text = "\n".join(lines)
    canary.assert_clean(text)
    assert "key=********, port=8000" in text
    assert "postgresql://app:********@db/app" in text or "********" in text
    assert "RuntimeError: ********" in text
    assert "'number': 5" in text


@pytest.mark.parametrize(
    "record",
    [
        {"msg": "shown", "field": Unshowable()},
        {"msg": "argument %s", "args": (Unshowable(),)},
        {"msg": Unshowable()},
        {"msg": Unshowable(), "args": ("argument",)},
    ],
)
def test_the_filter_never_raises(config: Config, record: dict[str, Any]) -> None:
    """An object that cannot be shown would otherwise end the code that logs it; the record passes as it is."""
    made = logging.makeLogRecord(record)
    before = dict(vars(made))
    assert config.logging_filter().filter(made)
    assert vars(made) == before


def test_the_filter_masks_what_libraries_make_of_a_secret(project: MakeProject, canary: CanaryFactory) -> None:
    """As JSON, repr and URLs write it, and each line of a key of several lines, with either line end."""
    first, second = canary(before='a"b\\ '), canary(before="/+é ")
    pem = f"-----BEGIN {first}\r\n{second}\r\n-----END-----\n"
    store = MemoryProvider({"pem": pem})
    made = project({"env/test/security.env": "KEY=$<memory:pem>\n"})
    masked = resolve_config("test", root=made.root, environ={}, stores={"memory": store}).logging_filter()
    for text in (
        *(pem, repr(pem), json.dumps(pem), json.dumps({"k": pem}, ensure_ascii=False), quote(pem), quote(pem, safe="")),
        *(line for part in pem.splitlines() for line in (part, repr(part), json.dumps(part), quote(part))),
        *(quote_plus(second), second.strip()),
    ):
        record = logging.makeLogRecord({"msg": "body: %s.", "args": (text,)})
        assert masked.filter(record)
        # What quoting and splitting leave may be the head of a line, and never the canary's own letters.
        canary.assert_clean(record.getMessage(), f"a log record of {re.sub('[^a-z]', '', type(text).__name__)}")
        assert record.getMessage().startswith("body: ")


def test_short_secrets_do_not_make_a_log_unreadable(project: MakeProject) -> None:
    """Below four characters nothing is masked: "on" stands in every other word."""
    store = MemoryProvider({"a": "on", "b": "1", "c": "", "d": "long"})
    made = project({"env/test/security.env": "".join(f"{name}=$<memory:{name}>\n" for name in "abcd")})
    masked = resolve_config("test", root=made.root, environ={}, stores={"memory": store}).logging_filter()
    record = logging.makeLogRecord({"msg": "connection 1 took longer"})
    assert masked.filter(record)
    assert record.getMessage() == "connection 1 took ********er"


def test_a_filter_without_secrets_changes_nothing(project: MakeProject) -> None:
    """A configuration of settings alone has nothing to mask."""
    made = project({"env/test/common.env": "A=some text\n"})
    masked = resolve_config("test", root=made.root, environ={}).logging_filter()
    record = logging.makeLogRecord({"msg": "some text"})
    assert masked.filter(record)
    assert record.getMessage() == "some text"


def test_a_setting_is_not_masked(config: Config) -> None:
    """Ports and names stand in logs for good reason."""
    record = logging.makeLogRecord({"msg": "port 8000 some words"})
    assert config.logging_filter().filter(record)
    assert record.getMessage() == "port 8000 some words"
