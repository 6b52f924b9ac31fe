"""What each start uses in place of modules of the standard library behaves like them."""

import re
from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core import light
from secretsync.core.files import Input
from secretsync.core.model import Found
from secretsync.core.names import is_entry_name, is_environment_name, is_key, is_store_name
from tests.support.amounts import examples

PATTERNS = [
    (is_entry_name, r"[A-Za-z_][A-Za-z0-9_]*"),
    (is_key, r"[A-Za-z_][A-Za-z0-9_.-]*"),
    (is_environment_name, r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"),
    (is_store_name, r"[a-z][a-z0-9-]*"),
]
_LETTERS = st.sampled_from("aZ09_-. \n\0éß\u0663\u00b2\u00aa\u0131\u212a")
NAMES = st.text(_LETTERS) | st.text("aZ0_-.", min_size=60, max_size=70) | st.text(max_size=4)


@pytest.mark.parametrize(("check", "pattern"), PATTERNS)
@given(NAMES)
@examples(1000)
def test_names_are_those_of_the_pattern(check: Callable[[str], bool], pattern: str, name: str) -> None:
    """A name is accepted if the pattern in the docstring matches all of it."""
    assert check(name) is (re.fullmatch(pattern, name) is not None)


def test_choices_are_like_an_enumeration() -> None:
    """Each member is a text of its class, once, in the order of the body, as in StrEnum."""

    class Enumeration(StrEnum):
        ONE = "one"
        TWO = "two words"

    class Light(light.Choices):
        ONE = "one"
        TWO = "two words"

    assert [str(one) for one in Light] == [str(one) for one in Enumeration]
    assert [f"{one}" for one in Light] == [f"{one}" for one in Enumeration]
    assert Light.ONE is next(iter(Light))
    assert isinstance(Light.ONE, Light)
    assert {Light.ONE: 1}[Light.ONE] == 1
    assert next(iter(Input)) is Input.ENV_FILE


def test_stand_ins_for_types() -> None:
    """The mapping is that of `types`, and a class with a parameter is the class."""
    assert light.MappingProxyType is MappingProxyType
    generic: Any = Found
    assert generic[str] is Found
    assert light.import_module("os.path") is __import__("os").path
