"""YAML by the safe loader, within bounds."""

import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.system.yaml_documents import NotYamlError, parse_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20))
MERGES = "a0: &a0 {x: y}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 20))


def test_documents_and_scalars_as_written() -> None:
    """Return each document, and no number, date or boolean."""
    assert parse_yaml("a: 0123\n---\nb: [yes, 2020-01-01, 1e3, null, '']\n--- \n") == [
        {"a": "0123"},
        {"b": ["yes", "2020-01-01", "1e3", None, ""]},
        None,
    ]


def test_aliases_and_merges() -> None:
    """Read the anchors that files for CI use."""
    assert parse_yaml("a: &a {x: y}\nb: {<<: *a, z: w}\nc: *a\n") == [
        {"a": {"x": "y"}, "b": {"x": "y", "z": "w"}, "c": {"x": "y"}}
    ]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (BOMB, "too many elements"),
        (MERGES, "too many elements"),
        ("a: &a [*a]\n", "contains itself"),
        ("a: &a {b: *a}\n", "contains itself"),
        ("a: 1\nb: 2\na: 3\n", r"equal keys \(line 3\)"),
        ("x: {a: 1, a: 3}\n", "equal keys"),
        ("[" * 100_000, "nested too deeply"),
        ("a: b: c\n", r"is not YAML \(line 1\)"),
        ("a: \x00\n", "is not YAML"),
        ("? [a, b]\n: c\n? {a: b}\n: c\n", "is not YAML"),
        ("a: *absent\n", "is not YAML"),
        ("a: !!python/object/apply:os.system [x]\n", "is not YAML"),
        ("a: !reference [b]\n", "is not YAML"),
    ],
)
def test_refused(text: str, cause: str) -> None:
    """Raise an error for aliases without bound, for equal keys and for what is no YAML."""
    with pytest.raises(NotYamlError, match=cause):
        parse_yaml(text)


def test_tags_of_applications() -> None:
    """A value with a tag is neither text nor an object, if the caller accepts tags."""
    assert parse_yaml("a: !reference [b]\nc: !x {d: e}\nf: !y z\n", has_tags=True) == [{"a": ..., "c": ..., "f": ...}]


def test_without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the extra that has PyYAML."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(NotYamlError, match="PyYAML is not installed") as caught:
        parse_yaml("a: b\n")
    assert caught.value.hint == 'run pip install "secretsync-adapter[yaml]"'


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_text(data: bytes | str) -> None:
    """Any input gives documents or NotYamlError, without a part of the text in the error."""
    failure = None
    try:
        documents = parse_yaml(data, has_tags=True)
    except NotYamlError as error:
        failure = error
    if failure is None:
        assert isinstance(documents, list)
    else:
        assert (failure.__cause__, failure.__context__) == (None, None)


@given(st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_what_is_written_is_read(value: object) -> None:
    """Read each document that PyYAML writes."""
    assert parse_yaml(yaml.safe_dump_all([value, value])) == [value, value]
