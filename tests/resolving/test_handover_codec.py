"""The JSON of a handover is the one that the standard library writes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secretsync.resolving.handover_codec import _dump
from tests.support.amounts import examples
from tests.support.hostile import ENV_FILE_ATOMS

_TEXTS = st.lists(st.sampled_from(ENV_FILE_ATOMS)).map("".join) | st.text()
# Few leaves: drawing a hundred of them takes longer than all that is done with them.
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(_TEXTS, inner),
    max_leaves=10,
)


@given(_VALUES)
@examples(1000)
def test_the_json_is_that_of_the_standard_library(value: Any) -> None:
    """Numbers, lists, names and text of every kind are written alike, and in ASCII."""
    assert _dump(value) == json.dumps(value, ensure_ascii=True, separators=(",", ":"))
