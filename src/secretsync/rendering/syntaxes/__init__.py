"""The syntaxes of `render --escape`: one module for each, which is imported when its syntax is chosen."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsync.rendering.syntaxes.syntax import Syntax

_MODULES = {"json": "json_", "yaml": "yaml_", "shell": "shell", "none": "syntax"}
ESCAPES = tuple(_MODULES)


def open_syntax(name: str) -> Syntax:
    """Return a reader for a template in the syntax `name`. Raises UsageError if there is no such syntax."""
    if name not in _MODULES:
        from secretsync.core.errors import UsageError
        from secretsync.core.text import unknown

        raise UsageError(f"{unknown('syntax', name, ESCAPES)}; give --escape {', '.join(sorted(ESCAPES))}")
    import importlib

    opened: Syntax = importlib.import_module(f"{__name__}.{_MODULES[name]}").Syntax()
    return opened
