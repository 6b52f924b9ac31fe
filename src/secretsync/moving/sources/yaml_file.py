"""Read YAML that is imported."""

from __future__ import annotations

from typing import Any

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.system.yaml_documents import NotYamlError, parse_yaml


def load_documents(data: bytes, file: str) -> list[Any]:
    """Return the documents of a file; scalars are texts as written. Raises ConfigurationError."""
    try:
        return parse_yaml(data)
    except NotYamlError as error:
        cause, hint = f"it {error.cause}", error.hint
    raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, file=file, cause=cause, hint=hint)])
