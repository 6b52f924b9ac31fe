"""The value of one reference, without an env file."""

import pytest

from secretsync.core.errors import ConfigurationError, ProblemKind, ResolutionError
from secretsync.inspection.get import get_secret
from secretsync.planning.request import ConfigRequest
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject


@pytest.fixture
def request_of_project(project: MakeProject) -> ConfigRequest:
    """Return a project whose bindings look up bare names in two stores."""
    stores = '[stores.m]\nprovider = "docker"\n[stores.n]\nprovider = "docker"\n'
    made = project(
        {
            "env/test/common.env": "A=text\n",
            "providers/test.toml": 'lookup = ["m", "n"]\n' + stores,
        }
    )
    return ConfigRequest(environment="test", root=str(made.root))


def read(reference: str, request: ConfigRequest, **stores: MemoryProvider) -> str:
    """Return the value of `reference`."""
    return get_secret(reference, request, StoreAccess({}, timeout=30, replaced=stores)).reveal()


def test_references_and_names(request_of_project: ConfigRequest, canary: CanaryFactory) -> None:
    """A reference is asked in its store, and a name in the stores of the lookup order, in the spelling of files."""
    first, second = canary(), canary()
    m, n = MemoryProvider({"a": {"x": first}}), MemoryProvider({"key": second})
    assert read("m:a#x", request_of_project, m=m, n=n) == first
    assert read("KEY", request_of_project, m=m, n=n) == second
    assert [ref.path for ref in m.fetched] == ["a", "key"]


def test_a_value_that_no_store_has(request_of_project: ConfigRequest) -> None:
    """The problem names each store that was asked; a store that fails is not passed over."""
    m, n = MemoryProvider(), MemoryProvider()
    with pytest.raises(ResolutionError) as missing:
        read("KEY", request_of_project, m=m, n=n)
    assert missing.value.problems[0].kind is ProblemKind.MISSING
    assert missing.value.problems[0].cause == "no store has it: m:key, n:key"
    m.fail("key", ProblemKind.UNAVAILABLE, "it is down")
    with pytest.raises(ResolutionError) as failed:
        read("KEY", request_of_project, m=m, n=n)
    assert (failed.value.problems[0].kind, n.fetched[1:]) == (ProblemKind.UNAVAILABLE, [])


def test_a_folder_that_does_not_exist(project: MakeProject) -> None:
    """The problem names the folder, also if several stores were asked."""
    lookup = 'lookup = ["docker", "env"]\n[stores.docker]\ndir = "sectrets"\n'
    made = project({"env/test/common.env": "A=text\n", "providers/test.toml": lookup})
    request = ConfigRequest(environment="test", root=str(made.root))
    folder = f"there is no folder {made.root}/sectrets"
    for reference, cause in {
        "KEY": f"no store has it: docker:key ({folder}), env:KEY",
        "docker:key": f"there is no file {made.root}/sectrets/key, because {folder}",
    }.items():
        with pytest.raises(ResolutionError) as missing:
            read(reference, request)
        assert missing.value.problems[0].cause == cause
    (made.root / "sectrets").mkdir()
    with pytest.raises(ResolutionError) as missing:
        read("KEY", request)
    assert missing.value.problems[0].cause == "no store has it: docker:key, env:KEY"


@pytest.mark.parametrize("reference", ["", "m:", "nowhere:a", "m:a#", "$<m:a>", "two words"])
def test_bad_references(request_of_project: ConfigRequest, reference: str) -> None:
    """A reference that cannot be understood is refused before a store is asked."""
    m = MemoryProvider({"a": "1"})
    with pytest.raises(ConfigurationError):
        read(reference, request_of_project, m=m, n=MemoryProvider())
    assert m.fetched == []
