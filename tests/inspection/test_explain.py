"""Where each value of a plan comes from."""

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.names import SensitiveNames
from secretsync.core.secret import MASK
from secretsync.inspection.explain import Row, explain_plan
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.plans import good_plan


def rows(text: str, store: MemoryProvider, *, names: SensitiveNames | None = None) -> dict[str, Row]:
    """Return the row of each key of an env file whose placeholders name the store `m`."""
    plan = good_plan({"common": text}, stores={"m": store}, environ={"SHELL_NAME": "zsh"}, names=names)
    access = StoreAccess({"SHELL_NAME": "zsh"}, timeout=30, replaced={"m": store})
    return {row.key: row for row in explain_plan(plan, access)}


def test_settings_are_shown_and_secrets_are_masked(canary: CanaryFactory) -> None:
    """The value of a secret, and of each entry that uses it, is neither shown nor requested."""
    store = MemoryProvider({"key": canary()})
    found = rows("HOST=db\nKEY=$<m:key>\nURL=http://${HOST}/\nAUTH=Bearer ${KEY}\nSHELL_IS=${SHELL_NAME}", store)
    shown = {key: (row.shown, row.is_secret) for key, row in found.items()}
    assert shown == {
        "HOST": ("db", False),
        "KEY": (MASK, True),
        "URL": ("http://db/", False),
        "AUTH": (MASK, True),
        "SHELL_IS": ("zsh", False),
    }
    assert store.fetched == []


def test_names_of_the_policy_are_masked(canary: CanaryFactory) -> None:
    """An entry whose name the policy calls sensitive is masked, although it is a literal."""
    found = rows(f"CARD_PIN={canary()}\nCOPY=text", MemoryProvider(), names=SensitiveNames(sensitive=("*_PIN",)))
    assert (found["CARD_PIN"].shown, found["COPY"].shown) == (MASK, "text")


def test_the_origin_of_an_entry_that_uses_others() -> None:
    """Each placeholder on the way to a value is listed once, with its version."""
    store = MemoryProvider({"a": "1"})
    store.put("a", "2")
    found = rows("A=$<m:a>\nB=${A}$<m:none:-x>${A}", store)
    origins = [(origin.reference, origin.status, origin.version) for origin in found["B"].origins]
    assert origins == [("m:a", "found", "2"), ("m:none", "default", None)]


@pytest.mark.parametrize("kind", [ProblemKind.DENIED, ProblemKind.UNAVAILABLE])
def test_failures_keep_their_kind(kind: ProblemKind) -> None:
    """A store that fails is told apart from a secret that is missing, and the other rows are there."""
    store = MemoryProvider({})
    store.fail("bad", kind, "the cause")
    found = rows("A=$<m:bad>\nB=$<m:none>\nC=text", store)
    told = {key: [(origin.status, origin.cause) for origin in row.origins] for key, row in found.items()}
    assert told == {"A": [(kind.value, "the cause")], "B": [("missing", "memory has no none")], "C": []}
