"""The plan: scopes, variables, circles, and every configuration error at once, before any store is asked."""

import sys

import pytest

from secretsync.core.errors import UsageError
from secretsync.core.model import SecretRef
from secretsync.inspection import explain
from secretsync.planning.plan import EntryPart, EnvironPart, SecretPart
from secretsync.project.placeholders import Text
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.support.plans import config_of, good_plan, plan_errors, planned

LEVELS = {"common": "A=c\nB=c\nC=c\n", "security": "B=s\nC=s\nD=s\n", "api": "C=a\nE=a\n", "web": "C=w\nB=w\n"}


def values(files: dict[str, str], service: str | None = None, **environ: str) -> dict[str, str]:
    """Return a configuration without secrets, as a whole or as a service sees it."""
    config = config_of(files, stores={}, environ=environ)
    return dict(config if service is None else config.service(service))


def test_three_levels() -> None:
    """Security.env wins over common.env, a service file wins over both, and no service sees another."""
    assert values(LEVELS) == {"A": "c", "B": "s", "C": "s", "D": "s"}
    assert values(LEVELS, "api") == {"A": "c", "B": "s", "C": "a", "D": "s", "E": "a"}
    assert values(LEVELS, "web") == {"A": "c", "B": "w", "C": "w", "D": "s"}


def test_variables_see_their_file_s_scope() -> None:
    """An entry of common and security sees the whole, one of a service that service."""
    files = {
        "common": "URL=${HOST}:${PORT}\nHOST=c\nPORT=1\n",
        "security": "HOST=s\nALSO=${PORT}\n",
        "web": "PORT=2\nOWN=${HOST}:${PORT}\nTHROUGH=${URL}\n",
        "api": "HOST=a\nOWN=${HOST}\n",
    }
    assert values(files)["URL"] == "s:1"
    web = values(files, "web")
    assert (web["OWN"], web["URL"], web["THROUGH"], web["ALSO"]) == ("s:2", "s:1", "s:1", "1")
    assert (values(files, "api")["OWN"], values(files, "api")["URL"]) == ("a", "s:1")


def test_a_service_is_not_seen_from_outside() -> None:
    """A key that only a service defines is not a variable of the whole configuration or of another service."""
    (error,) = plan_errors({"common": "A=${X}", "web": "X=1"})
    assert "env/test/common.env:1:3: A: the variable X is neither an entry nor in the process environment" in error
    (error,) = plan_errors({"api": "A=${X}", "web": "X=1"})
    assert "env/test/api.env:1:3: A: " in error


def test_variables_in_order() -> None:
    """An entry, else the process environment, else the default, else an error; with a colon, empty counts as unset."""
    files = {"common": "A=${X:-d}\nX=e"}
    assert values(files, X="p")["A"] == "e"
    assert values({"common": "A=${X:-d}"}, X="p")["A"] == "p"
    assert values({"common": "A=${X:-d}\nB=${X-d}"}, X="") == {"A": "d", "B": ""}
    assert values({"common": "A=${X:-d}"})["A"] == "d"
    assert values({"common": "A=${X:-}"})["A"] == ""
    assert values({"common": "A=${X?m}\nX="})["A"] == ""
    (error,) = plan_errors({"common": "A=${X:?set it in the shell}"})
    assert error.startswith("env/test/common.env:1:3: A: the variable X is neither")
    assert "set it in the shell" in error
    (error,) = plan_errors({"common": "A=${PROT}\nPORT=1"})
    assert "did you mean PORT?" in error


def test_own_names_mean_the_next_lower_entry() -> None:
    """From a service to security to common, level by level, whatever stands around."""
    files = {"common": "P=c", "security": "P=${P}:s", "web": "P=x:${P}", "api": "P=${P}"}
    assert values(files)["P"] == "c:s"
    assert values(files, "web")["P"] == "x:c:s"
    assert values(files, "api")["P"] == "c:s"
    assert values({"common": "P=c", "web": "P=${P}:w"}, "web")["P"] == "c:w"
    assert values({"common": "P=c", "web": "P=${P:-d}:w"}, "web", P="p")["P"] == "c:w"


def test_own_names_with_text_are_the_process_environment_s() -> None:
    """A variable with its own name and more text is read from the process environment if no lower entry exists."""
    assert values({"common": "P=/x:${P}"}, P="/bin")["P"] == "/x:/bin"
    assert values({"common": "P=/x:${P:-d}"})["P"] == "/x:d"
    assert values({"common": "P=${P}${P}"}, P="a")["P"] == "aa"
    (error,) = plan_errors({"common": "P=/x:${P}"})
    assert "env/test/common.env:1:6: P: the variable P is neither" in error


@pytest.mark.parametrize("value", ["${KEY}", '"${KEY}"', " ${KEY} # comment", "$<KEY>"])
@pytest.mark.parametrize("stem", ["common", "security", "web"])
def test_own_names_alone_are_placeholders(value: str, stem: str) -> None:
    """KEY=${KEY} is KEY=$<KEY>: by its binding, else by the lookup order, and not by the process environment alone."""
    plan = good_plan({stem: f"KEY={value}"}, environ={"KEY": "x"})
    (entry,) = plan.entries.values()
    (part,) = entry.parts
    assert isinstance(part, SecretPart)
    assert [target.shown for target in part.targets] == ["docker:key", "env:KEY"]
    plan = good_plan({stem: f"KEY={value}"}, bindings="[secrets]\nKEY = 'docker:other#f'")
    assert plan.refs == (SecretRef("docker", "other"),)


@pytest.mark.parametrize("stem", ["common", "web"])
def test_own_names_of_settings_are_variables(stem: str) -> None:
    """PORT=${PORT} outside security.env is the environment variable; a binding makes it a placeholder."""
    (entry,) = good_plan({stem: "PORT=${PORT}"}, environ={"PORT": "80"}).entries.values()
    assert entry.parts == (EnvironPart("PORT"),)
    (entry,) = good_plan({stem: "PORT=${PORT:-80}"}).entries.values()
    assert (entry.parts, entry.variables) == ((Text("80"),), ("PORT",))
    assert plan_errors({stem: "PORT=${PORT}"})
    (entry,) = good_plan({stem: "PORT=${PORT}"}, bindings="[secrets]\nPORT = 'docker:port'").entries.values()
    assert [target.shown for part in entry.secrets for target in part.targets] == ["docker:port"]


def test_own_names_alone_keep_default_and_message() -> None:
    """They are a placeholder's then."""
    (entry,) = good_plan({"security": "K=${K:-d}"}).entries.values()
    (part,) = entry.secrets
    assert part.default == (Text("d"),)
    (entry,) = good_plan({"security": "K=${K:?m}"}).entries.values()
    (part,) = entry.secrets
    assert part.message == "m"


def test_single_quotes_are_literal() -> None:
    """Nothing in them is replaced, refused or unescaped."""
    text = "A='$<X> ${Y} $< $$<Z> \\$<X> ${'\nB='$<docker:x #y>'\n"
    assert values({"common": text}) == {"A": "$<X> ${Y} $< $$<Z> \\$<X> ${", "B": "$<docker:x #y>"}
    (error,) = plan_errors({"common": "A=\"$<X> '$<>'\""})
    assert "is empty" in error


def test_a_comment_inside_a_placeholder() -> None:
    """A value that ' #' cut inside a placeholder says how to mend it, with its place."""
    (error,) = plan_errors({"security": "# x\nA=u:$<docker:a #b> # c"})
    assert error.startswith("env/test/security.env:2:5: A: this placeholder is not terminated")
    assert "put it in double quotes" in error


CIRCLES = [
    ({"common": "A=${B}\nB=${A}"}, ["common.env:1:3: A: the variables lead in a circle: A -> B -> A"]),
    ({"common": "A=${B}x\nB=${C}\nC=${A}"}, ["common.env:1:3: A: the variables lead in a circle: A -> B -> C -> A"]),
    # met from outside, it is noted at the entry of it that stands first
    (
        {"common": "X=${C}\nA=${B}\nB=${C}\nC=${A}"},
        ["common.env:2:3: A: the variables lead in a circle: A -> B -> C -> A"],
    ),
    ({"common": "A=${B}${B}\nB=${A}${A}"}, ["A -> B -> A"]),
    ({"common": "A=${B}\nB=${A}\nC=${D}\nD=${C}"}, ["A -> B -> A", "C -> D -> C"]),
    ({"common": "A=${B}", "security": "B=${A}"}, ["common.env:1:3: A: the variables lead in a circle: A -> B -> A"]),
    ({"common": "A=1", "web": "A=${B}\nB=${A}"}, ["web.env:1:3: A: the variables lead in a circle: A -> B -> A"]),
]


@pytest.mark.parametrize(("files", "expected"), CIRCLES)
def test_circles(files: dict[str, str], expected: list[str]) -> None:
    """Each is found once, at the entry of it that stands first, with the names in order."""
    errors = plan_errors(files)
    assert [part in error for part, error in zip(expected, errors, strict=True)] == [True] * len(expected), errors


@pytest.mark.parametrize(
    "files",
    [
        {"common": "A=${B}\nB=1", "security": "C=${A}"},
        {"common": "A=1\nB=${A}", "web": "A=${B}"},
        {"common": "A=${D}${E}\nD=${F}\nE=${F}\nF=1"},
        {"common": "A=1", "security": "A=${A}", "web": "A=${A}"},
    ],
)
def test_no_circles(files: dict[str, str]) -> None:
    """Entries that only look like a circle are resolved."""
    assert plan_errors(files) == []


def test_variables_that_double_are_refused() -> None:
    """Thirty lines would make a value of a billion texts: the first that is too much is named, and only that one."""
    doubling = "A0=x\n" + "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 31))
    (first, *more) = plan_errors({"common": doubling})
    assert "common.env:11:5: A10: it is made of more than 1000 texts and secrets" in first
    assert all("A10" not in line.partition(": its")[0] for line in more)
    thousand = "X=x\nA=" + "${X}" * 1000
    assert len(values({"common": thousand})["A"]) == 1000
    assert plan_errors({"common": thousand + "y"})


def test_long_chains_and_long_circles() -> None:
    """More links than Python allows calls are followed; a circle of them is one short message."""
    count = 2 * sys.getrecursionlimit()
    links = [f"V{index}=${{V{index + 1}}}" for index in range(count)]
    for ordered in (links, links[::-1]):
        assert values({"common": "\n".join([*ordered, f"V{count}=end"])})["V0"] == "end"
    (error,) = plan_errors({"common": "\n".join([*links, f"V{count}=${{V0}}"])})
    assert "V0 -> V1 -> " in error
    assert f"({count + 1} in all) -> V0" in error
    assert len(error) < 500


def test_long_chains_are_explained() -> None:
    """Explaining does not recurse either, nor does it walk one way twice."""
    count = 2 * sys.getrecursionlimit()
    links = [f"V{index}=${{V{index + 1}}}" for index in range(count)]
    twice = [f"W{index}=${{W{index + 1}:-}}${{W{index + 1}:-}}" for index in range(9)]
    store = MemoryProvider({"x": "secret", "empty": ""})
    text = "\n".join([*links, f"V{count}=$<docker:x>", *twice, "W9=$<docker:empty>"])
    plan = good_plan({"common": text}, stores={"docker": store})
    access = StoreAccess({}, timeout=30, replaced={"docker": store})
    rows = explain.explain_plan(plan, access)
    assert [len(row.origins) for row in rows] == [1] * len(rows)
    assert all(row.is_secret for row in rows)


def test_every_error_at_once_in_the_order_of_places() -> None:
    """Files, lines and columns in order; unselected services too; bindings as well."""
    files = {
        "common": "A=$<>${1}\nnot a line\nB=${MISSING}\nA=again\n",
        "security": 'C="\n$<nostore:x>"\nD=${E}\nE=${D}\n',
        "web": "F=$<docker:../x>\nG=$<docker:x?bogus=1>\n",
        "api": "H=$<1>\n",
    }
    bindings = "strickt = true\n[secrets]\nX = 'nostore:y'\n[stores.docker]\ndirr = 'x'\n"
    expected = [
        ("env/test/api.env", 1, 3),
        ("env/test/common.env", 1, 3),
        ("env/test/common.env", 1, 6),
        ("env/test/common.env", 2, 4),
        ("env/test/common.env", 3, 3),
        ("env/test/common.env", 4, 1),
        ("env/test/security.env", 2, 1),
        ("env/test/security.env", 3, 3),
        ("env/test/web.env", 1, 3),
        ("env/test/web.env", 2, 3),
        ("providers/test.toml", 1, None),
        ("providers/test.toml", 3, None),
        ("providers/test.toml", 5, None),
    ]
    for services in (None, (), ("web",)):
        plan, problems = planned(files, bindings=bindings, services=services)
        assert plan is None
        assert [(problem.file, problem.line, problem.column) for problem in problems] == expected


def test_a_broken_binding_is_noted_once() -> None:
    """A broken binding is one problem, however many entries use it."""
    (error,) = plan_errors({"common": "A=$<X>\nB=$<X>"}, bindings="[secrets]\nX = 'dokcer:y'")
    assert error.startswith("providers/test.toml:2: secrets.X: ")


def test_errors_name_the_reference() -> None:
    """As it was written, beside file, line, column and key."""
    (error,) = plan_errors({"common": "A=x$<nostore:a%41?b=c#d:-e>"})
    assert error.startswith("env/test/common.env:1:4: A: there is no store of this name")


def test_selected_services() -> None:
    """Stores are asked only for the selected services, and need no rights for the others."""
    files = {
        "common": "A=$<docker:a>",
        "security": "S=$<docker:s>",
        "web": "W=$<docker:w>\nA=1",
        "api": "P=$<env:P>\nQ=${R}\nR=$<docker:r>",
    }

    def asked(*services: str) -> list[str]:
        return [str(ref) for ref in good_plan(files, services=services).refs]

    assert asked() == ["docker:a", "docker:s"]
    assert asked("web") == ["docker:a", "docker:s", "docker:w"]
    assert asked("api") == ["docker:a", "docker:r", "docker:s", "env:P"]
    assert good_plan(files).refs == good_plan(files, services=("api", "web", "api")).refs
    assert sorted(good_plan(files, services=()).stores) == ["docker"]
    with pytest.raises(UsageError, match="did you mean web"):
        good_plan(files, services=("wbe",))


def test_what_is_hidden_is_not_asked() -> None:
    """An entry that every scope sees replaced needs no secret, unless something leads to it."""
    assert good_plan({"common": "A=$<docker:old>", "security": "A=1"}).refs == ()
    assert good_plan({"common": "A=$<docker:old>", "security": "A=${A}!"}).refs == (SecretRef("docker", "old"),)


def test_an_entry_stands_after_those_it_leads_to() -> None:
    """Entries are ordered after the entries they use, so that one pass resolves all."""
    plan = good_plan({"common": "A=${B}${C}\nB=${D}\nC=${D}\nD=$<docker:d>", "web": "E=${A}"})
    seen: set[tuple[str, str]] = set()
    for entry_id, entry in plan.entries.items():
        assert all(part.entry in seen for part in entry.parts if isinstance(part, EntryPart))
        seen.add(entry_id)
    assert len(seen) == 5


def test_the_parts_of_an_entry() -> None:
    """Each kind of part for what it is."""
    plan = good_plan({"common": "A=x$<docker:d>${B}${HOME}${NO:-d}$$<y\nB=1"}, environ={"HOME": "/h"})
    entry = plan.entries["env/test/common.env", "A"]
    kinds = [type(part).__name__ for part in entry.parts]
    assert kinds == ["Text", "SecretPart", "EntryPart", "EnvironPart", "Text", "Text"]
    assert entry.parts[3] == EnvironPart("HOME")


def test_the_same_secret_is_one_reference() -> None:
    """Whatever fields, options, spellings and bindings lead to it; another version is another."""
    text = "A=$<docker:a>\nB=$<docker:%61#x>\nC=$<docker:a?as=base64>\nD=$<X>\n"
    assert good_plan({"common": text}, bindings="[secrets]\nX = 'docker:a#/y'").refs == (SecretRef("docker", "a"),)
    store = MemoryProvider()
    plan = good_plan({"common": "A=$<m:a>\nB=$<m:a?version=1>\nC=$<m:a?version=1#x>"}, stores={"m": store})
    assert plan.refs == (SecretRef("m", "a"), SecretRef("m", "a", version="1"))


def test_files_in_place_of_an_environment() -> None:
    """Later over earlier, and an own name means the earlier file's."""
    files = {"one": "A=1\nB=1", "two": "B=${B}2\nC=${A}", "three": "B=${B}3\nA=3"}
    plan = good_plan(files, environment=None)
    assert plan.is_strict
    assert [plan.shared[key][0] for key in ("A", "B", "C")] == ["three.env", "three.env", "two.env"]
    (error,) = plan_errors({"one": "A=${B}"}, environment=None)
    assert error.startswith("one.env:1:3: A: the variable B is neither an entry nor in the process environment; define")


def test_services_that_disagree() -> None:
    """One list of two services that give one key different values is an error that names both and both places."""
    files = {"common": "PORT=1", "api": "PORT=2\nSAME=${X:-1}", "web": "PORT=3\nSAME=1"}
    config = config_of(files, stores={})
    with pytest.raises(Exception, match="the services api and web give it different values") as caught:
        config.as_environ()
    assert "env/test/web.env:1: PORT: " in str(caught.value)
    assert "env/test/api.env:1" in str(caught.value)
    assert config.as_environ(["web"]) == {"PORT": "3", "SAME": "1"}
    assert config.as_environ([]) == {"PORT": "1"}
    assert config_of(files, stores={}, services=("api",)).as_environ() == {"PORT": "2", "SAME": "1"}
