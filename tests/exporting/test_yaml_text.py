"""What the YAML writer writes, PyYAML reads back."""

from collections.abc import Mapping

import yaml
from hypothesis import given
from hypothesis import strategies as st

from secretsync.exporting.yaml_text import Node, format_documents
from tests.support.amounts import examples
from tests.support.hostile import ENV_FILE_ATOMS, PLACEHOLDER_ATOMS

# YAML has no half of a surrogate pair, and no NUL is in an env file.
_TEXTS = st.lists(st.sampled_from((*PLACEHOLDER_ATOMS, *ENV_FILE_ATOMS)), max_size=8).map(
    lambda atoms: "".join(atoms).replace("\ud800", "").replace("\0", "")
)
_WORDS = st.sampled_from(("y", "on", "null", "~", "1e3", "0x1f", "2026-01-01", "<<", "=", "-", "? a", "key: value"))
_SCALARS = st.one_of(_TEXTS, _WORDS, st.booleans(), st.integers())
_NODES = st.recursive(
    _SCALARS,
    lambda nodes: st.one_of(st.lists(nodes, max_size=4), st.dictionaries(st.one_of(_TEXTS, _WORDS), nodes, max_size=4)),
    max_leaves=12,
)


@given(_NODES)
def test_yaml_reads_back_the_same_document(node: Node) -> None:
    """Compare any tree of mappings, lists, strings, booleans and numbers with what safe_load reads."""
    assert yaml.safe_load(format_documents([node])) == node


@examples(30)
@given(st.lists(_NODES.filter(lambda node: isinstance(node, Mapping)), min_size=1, max_size=3), st.lists(_TEXTS))
def test_comments_and_several_documents_do_not_change_a_document(nodes: list[Node], comments: list[str]) -> None:
    """Compare each document of a stream that begins with comments of any text."""
    assert list(yaml.safe_load_all(format_documents(nodes, comments))) == nodes
