"""The time of parsing, planning and resolving grows linearly with the size of what is read."""

from pathlib import Path

import pytest

from secretsync.planning.plan import Plan
from secretsync.resolving.resolve import Inputs, resolve
from secretsync.resolving.stores import StoreAccess
from secretsync.resolving.value_checks import find_hazards
from secretsync.testing import MemoryProvider
from tests.support.growth import Action, AssertLinear
from tests.support.limits import HANG
from tests.support.plans import planned, resolved


def plan_and_resolve(text: str) -> Action:
    """Return the action that plans an env file, and resolves it if there is a plan."""
    store = MemoryProvider({"x": "secret/"})

    def plan() -> Plan | None:
        return planned({"common": text}, stores={"m": store}, environ={"SET": "x"})[0]

    made = plan()
    if made is None:
        return plan
    answers = StoreAccess({}, timeout=HANG, replaced={"m": store}).values(made)

    def check(inputs: Inputs, values: object) -> None:
        find_hazards(inputs, values)  # type: ignore[arg-type]

    return lambda: (plan(), resolve(made, answers, {"SET": "x"}, check=check))


def lines(form: str, count: int) -> str:
    """Return that many entries; # is the number of an entry, @ that of the next one."""
    return "\n".join(form.replace("#", str(index)).replace("@", str(index + 1)) for index in range(count))


@pytest.mark.parametrize(
    "form",
    [
        "A#=text",
        "A#=$<m:x>",
        "A#=http://u:$<m:x>@h/${SET}?a=${SET:-${SET}}",
        "A#=${SET:+x}${SET:?m}${SET-x}",
        "A#=${UNKNOWN#}",
        "A#=${UNKNOWN#:?message}",
        "A#=${SET:-${UNKNOWN#}}",
        "A#=$<unknown#:x>",
        "A#=$<",
        "A#=${A#}",
        "A#=${A@}",
        "A#=${A@:-x}",
        "B#=${A#:-x}\nA#=x",
        "A#=${B#}\nB#=${A#}",
        "DATABASE_HOST_#=x\nB#=${DATABSE_HOST_#}",
        "A#=$<DATABSE_HOST_#>",
        "A#=$<m:x?versin=1>",
    ],
)
def test_many_entries(assert_linear: AssertLinear, form: str) -> None:
    """Time grows linearly with the number of entries."""
    assert_linear(lambda size: plan_and_resolve(lines(form, size)), 30)


@pytest.mark.parametrize(
    "unit", ["text ", "$", "${SET}", "$<m:x>", "${SET:-x}", "${A-", "$<A:-b>", "$<>", "${UNKNOWN}", "{", "\\\\", "$$<"]
)
@pytest.mark.parametrize("wrap", ["{}", "http://u:{}@h/", "${{SET:-{}}}"])
def test_long_values(assert_linear: AssertLinear, unit: str, wrap: str) -> None:
    """Time grows linearly with the length of a value."""
    assert_linear(lambda size: plan_and_resolve(f'A="{wrap.format(unit * (size // len(unit)))}"'), 500)


BINDINGS = {
    "stores": "[stores.database-#]\nprovider = 'docker'\n",
    "secrets": "A# = 'docker:s#'\n",
    "secrets of unknown stores": "A# = 'dockr#:s'\n",
    "wrong references": "A# = 'docker:s?versin=#'\n",
}


@pytest.mark.parametrize("form", BINDINGS.values(), ids=BINDINGS)
def test_many_bindings(assert_linear: AssertLinear, form: str) -> None:
    """Time grows linearly with the number of stores and secrets in the bindings, and of entries that use them."""
    head = "" if form.startswith("[") else "[secrets]\n"
    entries = "A#=$<database-#:x>\nB#=$<databse-#:x>" if form.startswith("[") else "A#=$<A#>\nB#=$<A#x>"

    def prepare(size: int) -> Action:
        text, bindings = lines(entries, size), head + lines(form, size)
        return lambda: planned({"common": text}, bindings=bindings)

    assert_linear(prepare, 30)


def test_many_services(assert_linear: AssertLinear) -> None:
    """Time grows linearly with the number of services."""
    assert_linear(
        lambda size: lambda: planned({"common": "A=x", **{f"s{index}": "B=${A}" for index in range(size)}}), 30
    )


def test_nested_variables(assert_linear: AssertLinear) -> None:
    """Time grows linearly with the depth of variables inside variables, which are refused beyond a depth."""
    for unit in ("${A", "${A:-", "${A:-{", "{"):
        assert_linear(lambda size, unit=unit: plan_and_resolve(f"A=${{B:-{unit * size}{'}' * size}"), 100)  # type: ignore[misc]


@pytest.mark.parametrize("name", ["s#", "none-#"])
def test_many_secrets_files(assert_linear: AssertLinear, tmp_path: Path, name: str) -> None:
    """Time grows linearly with the number of files in a folder of secrets, whether or not they are found."""

    def prepare(size: int) -> Action:
        folder = tmp_path / str(size)
        folder.mkdir(exist_ok=True)
        for index in range(size):
            (folder / f"s{index}").write_text("x")
        text = lines(f"A#=$<docker:{name}>", size)
        return lambda: resolved({"common": text}, stores={}, bindings=f"[stores.docker]\ndir = '{folder}'\n")

    assert_linear(prepare, 20)
