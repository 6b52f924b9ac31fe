"""The manifest of a Kubernetes Secret."""

from __future__ import annotations

import binascii

from secretsync.core.errors import UsageError
from secretsync.rendering.formats.shared import text_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Limits: ValidateSecret of Kubernetes. The name of a Secret is a DNS subdomain, the name of a namespace a DNS label.
KEY_LIMIT = 253
SIZE_LIMIT = 1_048_576
KEY_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
LABEL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def refusal(key: str, value: str, /, **_options: object) -> str | None:
    """Return why a Secret cannot carry the entry, or None."""
    if not key or not KEY_CHARACTERS.issuperset(key) or key == "." or key.startswith(".."):
        return (
            "its name cannot be a key of a Secret: use letters, digits, '-', '_' and '.', but not '..' at the beginning"
        )
    if len(key) > KEY_LIMIT:
        return f"its name is longer than {KEY_LIMIT} characters"
    return text_refusal(value)


def refusal_of_all(items: Mapping[str, str], /) -> str | None:
    """Return why one Secret cannot carry all of `items`, or None."""
    if sum(len(value.encode()) for value in items.values()) > SIZE_LIMIT:
        return "the values together are over 1 MiB"
    return None


def render(items: Mapping[str, str], /, *, name: str = "", namespace: str | None = None) -> str:
    """Return `items` as a Secret called `name`. Raises UsageError if Kubernetes would refuse `name` or `namespace`.

    All values are in `data`, in base64, because YAML would read some values in `stringData` as numbers or booleans.
    """
    if len(name) > KEY_LIMIT or not all(_is_label(part) for part in name.split(".")):
        raise UsageError(
            "the Secret of the format kubernetes needs a name; give --name with lower case letters, digits, '-', '.'"
        )
    if namespace is not None and not _is_label(namespace):
        raise UsageError("the namespace is not a name of Kubernetes; use lower case letters, digits and '-'")
    lines = ["apiVersion: v1", "kind: Secret", "metadata:", f'  name: "{name}"']
    if namespace is not None:
        lines.append(f'  namespace: "{namespace}"')
    lines += ["type: Opaque", "data:" if items else "data: {}"]
    lines += [f'  "{key}": "{_base64(items[key])}"' for key in sorted(items)]
    return "\n".join(lines) + "\n"


def _base64(value: str) -> str:
    return binascii.b2a_base64(value.encode(), newline=False).decode("ascii")


def _is_label(text: str) -> bool:
    return 0 < len(text) <= 63 and LABEL_CHARACTERS.issuperset(text) and text[0] != "-" and text[-1] != "-"
