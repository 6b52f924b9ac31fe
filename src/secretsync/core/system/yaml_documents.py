"""Parse YAML by the safe loader of PyYAML, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MOST_NODES = 1_000_000  # with each alias counted as what it stands for
_KEPT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


class NotYamlError(Exception):
    """A text cannot be read as YAML. The cause holds no part of the text."""

    def __init__(self, cause: str, hint: str | None = None) -> None:
        """`cause`: continues a sentence about the file. `hint`: the next step, if there is one."""
        super().__init__(cause)
        self.cause, self.hint = cause, hint


def parse_yaml(data: bytes | str, *, has_tags: bool = False) -> list[Any]:
    """Return the documents of a text; scalars are texts as written.

    `has_tags`: a value with a tag of an application, such as `!reference`, is `...`. Otherwise the tag is an error.
    Raises NotYamlError, also for equal keys, for aliases that contain themselves, and for aliases that together stand
    for too many elements.
    """
    try:
        import yaml
    except ImportError:
        yaml = None  # type: ignore[assignment]
    if yaml is None:
        raise NotYamlError("is YAML, and PyYAML is not installed", 'run pip install "secretsync-adapter[yaml]"')

    class _Loader(yaml.SafeLoader):
        """The safe loader, which reads every scalar except null as the text that the file has."""

    # Otherwise 0123, 1e3, yes and 2020-01-01 would become other texts than the program gets.
    _Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    if has_tags:
        _Loader.add_multi_constructor("!", lambda *_: ...)
    problem = None
    try:
        return list(_documents(_Loader(data)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark  # its text holds a part of the file
        problem = f"is not YAML (line {mark.line + 1})" if mark else "is not YAML"
    except RecursionError:
        problem = "is nested too deeply"
    except (yaml.YAMLError, ValueError, TypeError):
        problem = "is not YAML"
    raise NotYamlError(problem)


def _documents(loader: Any) -> Iterator[Any]:
    """Yield the documents. Each is measured before it is constructed, because merges copy what they name."""
    while loader.check_node():
        node = loader.get_node()
        _measure(node, {})
        yield loader.construct_document(node)


def _measure(node: Any, sizes: dict[int, int]) -> int:
    """Return the number of nodes below `node`. `sizes`: those that are known; 0 for a node that is being counted."""
    known = sizes.get(id(node))
    if known == 0:
        raise NotYamlError("has an alias that contains itself")
    if known is None:
        sizes[id(node)] = 0
        known = 1
        if node.id == "mapping":
            _refuse_equal_keys(node)
            known += sum(_measure(key, sizes) + _measure(value, sizes) for key, value in node.value)
        elif node.id == "sequence":
            known += sum(_measure(item, sizes) for item in node.value)
        sizes[id(node)] = known
    if known > _MOST_NODES:
        raise NotYamlError("has aliases that stand for too many elements")
    return known


def _refuse_equal_keys(node: Any) -> None:
    """Refuse equal keys, because only one of the values would be read."""
    keys = set()
    for key, _ in node.value:
        if key.id != "scalar" or key.value == "<<":
            continue
        if key.value in keys:
            raise NotYamlError(f"has two equal keys (line {key.start_mark.line + 1})")
        keys.add(key.value)
