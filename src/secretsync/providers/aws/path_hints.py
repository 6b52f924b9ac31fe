"""Recognize the forms in which other tools write a secret of AWS, and write them as a reference."""

from __future__ import annotations

import re

from secretsync.core.text import looks_like_value

# The form of `valueFrom` in a task definition of ECS: secret, key of its JSON, stage, version. Each part may be empty.
_ECS = re.compile(
    r"(?P<secret>arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]+:secret:[A-Za-z0-9/_+=.@!-]{1,512}|(?!arn:)[A-Za-z0-9/_+=.@!-]{1,512})"
    r":(?P<key>[A-Za-z0-9_.-]{0,64})(?::(?P<stage>[A-Za-z0-9_]{0,64}))?(?::(?P<version>[A-Za-z0-9-]{0,64}))?"
)
_PARAMETER = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]+:parameter/.+")


def path_of_other_tool(path: str) -> str | None:
    """Return what is wrong with a path that another tool of AWS understands; None for any other path."""
    if _PARAMETER.fullmatch(path):
        return f"this is a parameter of Systems Manager: write $<ssm:{path}>"
    found = _ECS.fullmatch(path)
    if found is None:
        return None
    if any(map(looks_like_value, (found["secret"].rpartition(":")[2].rpartition("-")[0], found["key"]))):
        return "this is the form of ECS: write the key of the JSON behind a #, and the stage as ?stage="
    version = (
        f"?version={found['version']}" if found["version"] else f"?stage={found['stage']}" if found["stage"] else ""
    )
    field = f"#{found['key']}" if found["key"] else ""
    return f"this is the form of ECS: write $<aws:{found['secret']}{version}{field}>"
