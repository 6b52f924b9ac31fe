"""`config.bind`: names of keys, defaults, classes inside classes, and what a class itself refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, NamedTuple, NotRequired, Required, TypedDict

import annotated_types
import attrs
import msgspec
import pydantic
import pytest

from secretsync import Config, ConfigurationError, Key, Secret, UsageError, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project
from tests.support.walker import everything_shown
from tests.test_imports import imports_of, under

ConfigOf = Callable[..., Config]


@pytest.fixture
def config_of(project: MakeProject) -> ConfigOf:
    """`config_of(KEY="text", ...)` has these values; `services` are the texts of other env files."""

    def make(services: Mapping[str, str] | None = None, /, **values: str) -> Config:
        lines = "".join(f"{key}=$<env:IN_{key}>\n" for key in values)
        files = {f"env/test/{name}.env": text for name, text in (services or {}).items()}
        root = project({"env/test/common.env": lines, **files}).root
        return resolve_config("test", root=root, environ={f"IN_{key}": text for key, text in values.items()})

    return make


# One set of settings, written in each kind of class: nested, optional, with defaults


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataclassDatabase:
    """Nested."""

    host: str
    pool_size: int = 5


@dataclasses.dataclass
class DataclassSettings:
    """The outer class."""

    name: str
    database: DataclassDatabase
    replica: DataclassDatabase | None
    extra: Secret | None
    url: Annotated[str, Key("APP_URL")]
    hosts: list[str] = dataclasses.field(default_factory=lambda: ["localhost"])


@attrs.frozen
class AttrsDatabase:
    """Nested."""

    host: str
    pool_size: int = 5


@attrs.define
class AttrsSettings:
    """The outer class."""

    name: str
    database: AttrsDatabase
    replica: AttrsDatabase | None
    extra: Secret | None
    url: str = attrs.field(metadata={"key": "APP_URL"})
    hosts: list[str] = attrs.Factory(lambda: ["localhost"])


class TupleDatabase(NamedTuple):
    """Nested."""

    host: str
    pool_size: int = 5


class TupleSettings(NamedTuple):
    """The outer class."""

    name: str
    database: TupleDatabase
    replica: TupleDatabase | None
    extra: Secret | None
    url: Annotated[str, Key("APP_URL")]
    hosts: list[str] = ["localhost"]  # noqa: RUF012 - not changed


class StructDatabase(msgspec.Struct):
    """Nested."""

    host: str
    pool_size: int = 5


class StructSettings(msgspec.Struct, rename="camel"):
    """The outer class."""

    name: str
    database: StructDatabase
    replica: StructDatabase | None
    extra: Secret | None
    url: Annotated[str, Key("APP_URL")]
    hosts: list[str] = msgspec.field(default_factory=lambda: ["localhost"])


class ModelDatabase(pydantic.BaseModel):
    """Nested."""

    host: str
    pool_size: int = 5


class ModelSettings(pydantic.BaseModel):
    """The outer class."""

    name: str
    database: ModelDatabase
    replica: ModelDatabase | None
    extra: pydantic.SecretStr | None
    url: str = pydantic.Field(alias="appUrl")
    hosts: list[str] = pydantic.Field(default_factory=lambda: ["localhost"])


SETTINGS = [DataclassSettings, AttrsSettings, TupleSettings, StructSettings, ModelSettings]


@pytest.mark.parametrize("kind", SETTINGS)
def test_names_defaults_and_nested_classes(config_of: ConfigOf, kind: Any) -> None:
    """A class in the field `database` has the keys DATABASE_...; it is None or its default if none of them exists."""
    made = config_of(NAME="shop", DATABASE_HOST="db", APP_URL="http://a").bind(kind)
    assert (made.name, made.url, made.hosts) == ("shop", "http://a", ["localhost"])
    assert (made.database.host, made.database.pool_size) == ("db", 5)
    assert (made.replica, made.extra) == (None, None)
    made = config_of(
        NAME="shop", DATABASE_HOST="db", APP_URL="x", REPLICA_HOST="r", REPLICA_POOL_SIZE="7", HOSTS="a,b"
    ).bind(kind)
    assert (made.replica.host, made.replica.pool_size, made.hosts) == ("r", 7, ["a", "b"])


@pytest.mark.parametrize("kind", SETTINGS)
def test_all_problems_at_once(config_of: ConfigOf, canary: CanaryFactory, kind: Any) -> None:
    """Of nested classes too; an optional class with some of its keys is not absent."""
    config = config_of(DATABASE_POOL_SIZE=canary(), REPLICA_POOL_SIZE=canary(), HOSTS=f"[{canary()}", APP_URL="x")
    with pytest.raises(ConfigurationError) as caught:
        config.bind(kind)
    assert [problem.key for problem in caught.value.problems] == [
        *("NAME", "DATABASE_HOST", "DATABASE_POOL_SIZE", "REPLICA_HOST", "REPLICA_POOL_SIZE", "HOSTS"),
    ]
    lines = [problem.line for problem in caught.value.problems]
    assert lines == [None, None, 1, None, 2, 3]
    canary.assert_clean(everything_shown(caught.value))


class Partial(TypedDict, total=False):
    """Texts as annotations hide Required and NotRequired from the class."""

    port: Required[int]
    host: str


class Total(TypedDict):
    """The other way round."""

    port: Annotated[int, Key("WEB_PORT")]
    host: NotRequired[Annotated[str, Key("WEB_HOST")]]
    inner: NotRequired[Partial]


def test_typed_dictionaries(config_of: ConfigOf) -> None:
    """A key that is not required is left out if it does not exist."""
    assert config_of(PORT="1").bind(Partial) == {"port": 1}
    assert config_of(WEB_PORT="1").bind(Total) == {"port": 1}
    expected = {"port": 1, "host": "h", "inner": {"port": 2}}
    assert config_of(WEB_PORT="1", WEB_HOST="h", INNER_PORT="2").bind(Total) == expected
    with pytest.raises(ConfigurationError, match="PORT: there is no such key"):
        config_of(HOST="h").bind(Partial)


@dataclasses.dataclass
class Special:
    """Fields of dataclasses that are not ordinary."""

    kept: ClassVar[int] = 1
    given: dataclasses.InitVar[int]
    made: int = dataclasses.field(init=False)
    fixed: Final[str] = "fixed"

    def __post_init__(self, given: int) -> None:
        """Make a field of a variable that is not kept."""
        self.made = given + 1


def test_fields_that_are_not_ordinary(config_of: ConfigOf) -> None:
    """InitVar is read; ClassVar and fields outside `__init__` are not."""
    made = config_of(GIVEN="4", KEPT="9", MADE="9").bind(Special)
    assert (made.made, made.fixed, Special.kept) == (5, "fixed", 1)


@dataclasses.dataclass
class Scoped:
    """Keys of other services."""

    port: int
    url: Annotated[Secret, Key("DB_URL", service="database")]
    database: DataclassDatabase = dataclasses.field(metadata={"service": "database"})
    flat: Annotated[DataclassDatabase, Key("")]
    other: Annotated[DataclassDatabase, Key("THE_OTHER")]


def test_services_and_prefixes(config_of: ConfigOf) -> None:
    """A service's file is the name space of its class; a key names another prefix, and an empty one none."""
    config = config_of(
        {"database": "DB_URL=x\nHOST=inner\nPOOL_SIZE=9\n", "web": "PORT=2\n"},
        PORT="1",
        HOST="outer",
        THE_OTHER_HOST="third",
    )
    made = config.bind(Scoped)
    assert (made.port, made.url.reveal(), made.database) == (1, "x", DataclassDatabase(host="inner", pool_size=9))
    assert (made.flat.host, made.other.host) == ("outer", "third")
    assert config.bind(Scoped, service="web").port == 2
    with pytest.raises(UsageError, match="no service 'wbe'"):
        config.bind(Scoped, service="wbe")


def test_the_process_environment_is_the_last_resort(project: MakeProject) -> None:
    """For every type, as for the getters; Secret too."""
    root = project({"env/test/common.env": "NAME=a\n"}).root
    config = resolve_config("test", root=root, environ={"PORT": "5", "TOKEN": "x", "NAME": "b"})
    kind = dataclasses.make_dataclass("Made", [("port", int), ("token", Secret), ("name", str)])
    made: Any = config.bind(kind)
    assert (made.port, made.token.reveal(), made.name) == (5, "x", "a")
    config = resolve_config("test", root=root, environ={"PORT": "five", "TOKEN": "x"})
    with pytest.raises(ConfigurationError, match=r"^PORT: its value is not a whole number; .*process environment"):
        config.bind(kind)


class Recursive(NamedTuple):
    """Settings of no fixed depth."""

    inner: Recursive | None


def test_a_class_that_contains_itself(config_of: ConfigOf) -> None:
    """It has no last key."""
    with pytest.raises(TypeError, match="contains itself"):
        config_of(A="1").bind(Recursive)


# What the libraries themselves do


class Aliases(pydantic.BaseModel):
    """Names of several kinds."""

    model_config = pydantic.ConfigDict(populate_by_name=True, extra="forbid")

    one: int = pydantic.Field(validation_alias="first-one")
    two: int = pydantic.Field(validation_alias=pydantic.AliasChoices("new", "old"))
    three: int = pydantic.Field(alias="three_", gt=2)


class Renamed(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Names on the wire."""

    pool_size: int
    other: int = msgspec.field(name="fieldOther")


def test_aliases(config_of: ConfigOf) -> None:
    """An alias takes the name's place, in capitals; of several, the first that exists."""
    made = config_of(FIRST_ONE="1", OLD="2", THREE_="3").bind(Aliases)
    assert (made.one, made.two, made.three) == (1, 2, 3)
    assert config_of(FIRST_ONE="1", OLD="2", NEW="5", THREE_="3").bind(Aliases).two == 5
    struct = config_of(POOL_SIZE="1", FIELD_OTHER="2").bind(Renamed)
    assert (struct.pool_size, struct.other) == (1, 2)


def test_an_alias_with_a_dot_or_a_hyphen_is_a_key_as_it_is_written(config_of: ConfigOf) -> None:
    """Env files accept such names. The key in capitals is the first."""
    made = config_of(**{"first-one": "1", "old": "9", "OLD": "2", "THREE_": "3"}).bind(Aliases)
    assert (made.one, made.two) == (1, 2)
    assert config_of(**{"first-one": "1", "FIRST_ONE": "4", "OLD": "2", "THREE_": "3"}).bind(Aliases).one == 4
    assert config_of(**{"pool-size": "1", "FIELD_OTHER": "2"}).bind(Renamed).pool_size == 1


def split_words(text: str) -> list[str]:
    """Return words between spaces."""
    return text.split()


class Converting(pydantic.BaseModel):
    """Validators that want the text."""

    words: list[str]
    annotated: Annotated[list[str], pydantic.BeforeValidator(split_words)]
    doubled: Annotated[int, pydantic.AfterValidator(lambda number: number * 2)]
    json_list: pydantic.Json[list[int]]
    encoded: pydantic.Base64Str

    @pydantic.field_validator("words", mode="before")
    @classmethod
    def split(cls, text: str) -> list[str]:
        """Return words between spaces."""
        return split_words(text)


@pydantic.dataclasses.dataclass
class PydanticSpecial:
    """Fields of both libraries."""

    url: str = dataclasses.field(metadata={"key": "APP_URL"})
    given: dataclasses.InitVar[int]
    made: int = dataclasses.field(init=False, default=0)

    def __post_init__(self, given: int) -> None:
        """Make a field of a variable that is not kept."""
        self.made = given + 1


def test_pydantic_dataclasses_are_dataclasses(config_of: ConfigOf) -> None:
    """Metadata, InitVar and fields outside `__init__` mean the same."""
    made = config_of(APP_URL="x", GIVEN="1", MADE="7").bind(PydanticSpecial)
    assert (made.url, made.made) == ("x", 2)


@attrs.define
class Converted:
    """Converters of both kinds."""

    words: list[str] = attrs.field(converter=split_words)
    items: tuple[str, ...] = attrs.field(converter=tuple)
    untyped: Any = attrs.field(converter=int)
    _private: int = attrs.field()


def test_converters_of_the_class(config_of: ConfigOf) -> None:
    """A validator or converter that wants the text gets it; others get the typed value."""
    made = config_of(WORDS="a b", ANNOTATED="c d", DOUBLED="4", JSON_LIST="[1, 2]", ENCODED="YQ==").bind(Converting)
    assert (made.words, made.annotated, made.doubled) == (["a", "b"], ["c", "d"], 8)
    assert (made.json_list, made.encoded) == ([1, 2], "a")
    converted = config_of(WORDS="a b", ITEMS="a,b", UNTYPED="7", PRIVATE="8").bind(Converted)
    assert (converted.words, converted.items, converted.untyped) == (["a", "b"], ("a", "b"), 7)
    assert converted._private == 8


class Server(pydantic.BaseModel):
    """An item of a list."""

    host: str
    port: int


class StructServer(msgspec.Struct):
    """An item of a list."""

    host: str
    port: int


class StructServers(msgspec.Struct):
    """A list of what msgspec alone makes."""

    servers: list[StructServer]


def test_lists_of_models(config_of: ConfigOf) -> None:
    """JSON, converted by the library that has the model."""
    text = '[{"host": "a", "port": 1}]'
    kind = dataclasses.make_dataclass("Made", [("servers", list[Server])])
    made: Any = config_of(SERVERS=text).bind(kind)
    assert made.servers == [Server(host="a", port=1)]
    assert config_of(SERVERS=text).bind(StructServers).servers == [StructServer("a", 1)]


# What a class refuses


def refuse(value: object) -> Any:
    """Raise an error that shows a value, as validators do."""
    raise ValueError(f"bad value: {value}")


@dataclasses.dataclass
class RefusingDataclass:
    """Refuses every value."""

    token: str
    port: int = 0

    def __post_init__(self) -> None:
        """Refuse."""
        refuse(self.token)


@attrs.define
class RefusingAttrs:
    """Refuses two fields."""

    token: str = attrs.field(validator=attrs.validators.max_len(3))
    port: int = attrs.field(validator=attrs.validators.gt(5))


class RefusingStruct(msgspec.Struct):
    """Has constraints."""

    token: Annotated[str, msgspec.Meta(max_length=3)]
    port: Annotated[int, msgspec.Meta(gt=5)]


class RefusingModel(pydantic.BaseModel):
    """Has constraints."""

    token: Annotated[str, pydantic.StringConstraints(max_length=3)]
    port: Annotated[int, annotated_types.Gt(5)]


class RefusingValidators(pydantic.BaseModel):
    """Has validators."""

    token: Annotated[str, pydantic.AfterValidator(refuse)]
    port: int

    @pydantic.field_validator("port", mode="wrap")
    @classmethod
    def check_port(cls, value: str, handler: Any) -> int:
        """Refuse, with a type of its own that holds the value."""
        raise pydantic_core_error(value)


class RefusingWhole(pydantic.BaseModel):
    """Refuses the values together."""

    token: str
    port: int

    @pydantic.model_validator(mode="after")
    def check(self) -> RefusingWhole:
        """Refuse."""
        raise ValueError(self.token)


class RefusingCrash(pydantic.BaseModel):
    """Fails in its own code."""

    token: str
    port: int

    @pydantic.field_validator("token")
    @classmethod
    def crash(cls, value: str) -> str:
        """Look up what does not exist."""
        return dict[str, str]()[value]


@pydantic.dataclasses.dataclass
class RefusingPydanticDataclass:
    """Has constraints."""

    token: str = pydantic.Field(max_length=3)
    port: int = pydantic.Field(gt=5)


class RefusingTuple(NamedTuple):
    """Holds a class that refuses."""

    nested: RefusingDataclass


def pydantic_core_error(value: str) -> Exception:
    """Return an error whose name and message hold the value."""
    from pydantic_core import PydanticCustomError

    return PydanticCustomError(f"no_{value}", "is {value}", {"value": value})


BY_FIELD = [RefusingAttrs, RefusingStruct, RefusingModel, RefusingValidators, RefusingPydanticDataclass]


@pytest.mark.parametrize("kind", BY_FIELD)
@pytest.mark.parametrize("is_whole", [True, False])
def test_constraints_and_validators_of_fields(
    config_of: ConfigOf, canary: CanaryFactory, kind: Any, *, is_whole: bool
) -> None:
    """Each field that is refused has its place, also if another field has no value; no value is shown."""
    inner = dataclasses.make_dataclass("Outer", [("missing", str), ("it", Annotated[kind, Key("")])])
    with pytest.raises(ConfigurationError) as caught:
        config_of(TOKEN=canary(), PORT="5").bind(kind if is_whole else inner)
    places = [(problem.key, problem.line) for problem in caught.value.problems]
    assert places == [*([] if is_whole else [("MISSING", None)]), ("TOKEN", 1), ("PORT", 2)]
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    canary.assert_clean(everything_shown(caught.value))
    with pytest.raises(ConfigurationError) as caught:
        config_of(TOKEN=canary()).bind(kind)
    assert [problem.key for problem in caught.value.problems if problem.line] == ["TOKEN"]
    canary.assert_clean(everything_shown(caught.value))


@pytest.mark.parametrize("kind", [RefusingDataclass, RefusingWhole, RefusingCrash])
def test_classes_that_refuse(config_of: ConfigOf, canary: CanaryFactory, kind: Any) -> None:
    """The class is named, and the line of the application's code if there is one; no value is shown."""
    with pytest.raises(
        ConfigurationError, match=rf"^{kind.__name__} refuses the values: (value_error|\w+Error)"
    ) as caught:
        config_of(TOKEN=canary(), PORT="7").bind(kind)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert (f"raised at {__file__}" in str(caught.value)) == (kind is not RefusingWhole)
    canary.assert_clean(everything_shown(caught.value))


def test_a_nested_class_that_refuses(config_of: ConfigOf, canary: CanaryFactory) -> None:
    """It is named, not the outer one."""
    with pytest.raises(ConfigurationError, match=r"^RefusingDataclass refuses the values: ValueError") as caught:
        config_of(NESTED_TOKEN=canary()).bind(RefusingTuple)
    assert len(caught.value.problems) == 1
    canary.assert_clean(everything_shown(caught.value))


def test_a_class_is_not_made_of_some_of_its_values(config_of: ConfigOf) -> None:
    """Its own code runs on complete values only."""
    with pytest.raises(ConfigurationError) as caught:
        config_of(TOKEN="x", PORT="five").bind(RefusingDataclass)
    assert [problem.key for problem in caught.value.problems] == ["PORT"]


# What it costs


@pytest.mark.parametrize("kind", ["@dataclass\nclass S", "class S(NamedTuple)", "class S(TypedDict)"])
def test_classes_of_python_need_no_library(project: MakeProject, kind: str) -> None:
    """Neither attrs, msgspec nor pydantic is imported for them, nor by the commands."""
    made = project({"env/test/common.env": "PORT=1\nHOSTS=[1]\n"})
    program = (
        "from dataclasses import dataclass\nfrom typing import *\nfrom pathlib import Path\n"
        "from secretsync import resolve_config\n"
        f"{kind}:\n    port: int\n    hosts: list[int]\n    home: Path | None\n"
        "resolve_config('test').bind(S)\n"
    )
    modules = imports_of(program, made.root, made.home)
    assert "secretsync.config.binding.bind" in modules
    assert not under({"attr", "attrs", "cattrs", "msgspec", "pydantic", "pydantic_core"}, modules)
    assert "secretsync.config.binding.library_fields" not in modules


def test_getters_do_not_need_what_bind_needs(project: MakeProject) -> None:
    """A getter imports the conversions of texts alone."""
    made: Project = project({"env/test/common.env": "PORT=1\n"})
    program = "from secretsync import resolve_config; resolve_config('test').get_int('PORT')"
    modules = imports_of(program, made.root, made.home)
    assert "secretsync.config.convert" in modules
    assert not under(
        {
            "secretsync.config.binding.bind",
            "secretsync.config.binding.type_hints",
            "secretsync.config.binding.fields",
            "dataclasses",
        },
        modules,
    )
