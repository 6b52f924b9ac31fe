"""Parse YAML by the safe loader of PyYAML."""

from __future__ import annotations

from typing import Any

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.moving.sources import bad_source


def load_documents(data: bytes, file: str) -> list[Any]:
    """Return the documents of a file; scalars are texts as written. Raises ConfigurationError."""
    try:
        import yaml
    except ImportError:
        yaml = None  # type: ignore[assignment]
    if yaml is None:
        cause, hint = "PyYAML is not installed, and this file is YAML", 'pip install "secretsync-adapter[yaml]"'
        raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, file=file, cause=cause, hint=hint)])

    class _Loader(yaml.SafeLoader):
        """The safe loader, which reads every scalar except null as the text that the file has."""

    # Otherwise 0123, 1e3, yes and 2020-01-01 would become other texts than the program gets.
    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    _Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in kept]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    problem = None
    try:
        return list(yaml.load_all(data, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark  # its text holds a part of the file
        problem = f"it is not YAML (line {mark.line + 1})" if mark else "it is not YAML"
    except (yaml.YAMLError, ValueError, RecursionError):
        problem = "it is not YAML"
    raise bad_source(file, problem)
