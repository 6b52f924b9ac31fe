"""Classes, flags and other types that `bind` makes of JSON."""

import dataclasses
import enum
import json
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic
import pytest

from secretsync import ConfigurationError, Secret, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject


@dataclasses.dataclass
class OfDataclass:
    """A replica of a database."""

    host: str
    port: int
    password: Secret | None = None


@attrs.define
class OfAttrs:
    """The same."""

    host: str
    port: int
    password: Secret | None = None


class OfNamedTuple(NamedTuple):
    """The same."""

    host: str
    port: int
    password: Secret | None = None


class OfStruct(msgspec.Struct):
    """The same."""

    host: str
    port: int
    password: str | None = None


class OfModel(pydantic.BaseModel):
    """The same."""

    host: str
    port: int
    password: pydantic.SecretStr | None = None


class OfTypedDict(TypedDict):
    """A part of it."""

    host: str
    port: int


KINDS = [OfDataclass, OfAttrs, OfNamedTuple, OfStruct, OfModel, OfTypedDict]


def field(found: Any, name: str) -> Any:
    """Return a field of an instance of any kind."""
    return found[name] if isinstance(found, dict) else getattr(found, name)


def bound(project: MakeProject, hint: Any, text: str, default: Any = dataclasses.MISSING) -> Any:
    """Return the field `it` of a class whose field has this type."""
    root = project({"env/test/common.env": f"IT='{text}'\n"}).root
    made = dataclasses.make_dataclass("Settings", [("it", hint, dataclasses.field(default=default))])
    return resolve_config("test", root=root, environ={}).bind(made).it


@pytest.mark.parametrize("kind", KINDS)
def test_classes_in_json(project: MakeProject, kind: Any) -> None:
    """A list, an object and the field itself take JSON objects with the names of the fields."""
    one = {"host": "a", "port": 5432}
    for hint, node in ((list[kind], [one, {"host": "b", "port": "1"}]), (dict[str, kind], {"x": one}), (kind, one)):
        found = bound(project, hint, json.dumps(node))
        first = found[0] if isinstance(node, list) else found["x"] if "x" in node else found
        assert (field(first, "host"), field(first, "port")) == ("a", 5432)
    assert field(bound(project, kind | None, json.dumps(one), None), "port") == 5432


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_objects(project: MakeProject, canary: CanaryFactory, kind: Any) -> None:
    """A field that is missing or of another type is one error at the key, without the value."""
    secret = canary()
    for node in ({"host": secret}, {"host": "a", "port": secret}, {"host": ["a"], "port": 1}, [secret]):
        with pytest.raises(ConfigurationError) as caught:
            bound(project, list[kind], json.dumps([node]))
        assert [(one.key, one.line) for one in caught.value.problems] == [("IT", 1)]
        canary.assert_clean(str(caught.value))
    if kind in (OfDataclass, OfAttrs, OfNamedTuple, OfTypedDict):
        with pytest.raises(ConfigurationError):
            bound(project, list[kind], '[{"host": "a", "port": 1, "hots": 1}]')


def test_secrets_inside_are_masked(project: MakeProject, canary: CanaryFactory) -> None:
    """The `repr` of a Secret inside a list of classes is a mask."""
    secret = canary()
    found = bound(project, list[OfDataclass], json.dumps([{"host": "a", "port": 1, "password": secret}]))
    assert found[0].password.reveal() == secret
    canary.assert_clean(repr(found))


@dataclasses.dataclass
class Tree:
    """A class with a list of itself."""

    name: str
    children: "list[Tree]" = dataclasses.field(default_factory=list)


def test_a_class_with_a_list_of_itself(project: MakeProject) -> None:
    """JSON has any depth."""
    found = bound(project, list[Tree], '[{"name": "a", "children": [{"name": "b"}]}]')
    assert found == [Tree("a", [Tree("b")])]


def test_keys_of_fields_win_over_an_object(project: MakeProject) -> None:
    """The object is taken if no key of a field exists."""
    root = project({"env/test/common.env": 'IT={"host": "a", "port": 1}\nIT_HOST=b\nIT_PORT=2\n'}).root
    made = dataclasses.make_dataclass("Settings", [("it", OfDataclass)])
    assert resolve_config("test", root=root, environ={}).bind(made).it == OfDataclass("b", 2)


class Numbers(pydantic.RootModel[list[int]]):
    """A list with a name."""


def test_root_models(project: MakeProject) -> None:
    """They take what the value inside takes."""
    for text in ("[1, 2]", "1,2"):
        assert bound(project, Numbers, text) == Numbers([1, 2])
    with pytest.raises(ConfigurationError):
        bound(project, Numbers, "1,x")


class Access(enum.Flag):
    """Rights."""

    READ = 1
    WRITE = 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("READ", 1), ("READ|WRITE", 3), ("READ, WRITE", 3), ("3", 3), ("0", 0), ("", 0), ("[]", None), ("4", None)],
)
def test_flags(project: MakeProject, text: str, expected: int | None) -> None:
    """Names with `|` or commas between them, or the number."""
    if expected is None:
        with pytest.raises(ConfigurationError):
            bound(project, Access, text)
    else:
        assert bound(project, Access, text) == Access(expected)


def test_an_empty_tuple(project: MakeProject) -> None:
    """The type of an empty tuple takes no item."""
    assert bound(project, tuple[()], "") == ()
    with pytest.raises(ConfigurationError):
        bound(project, tuple[()], "1")
