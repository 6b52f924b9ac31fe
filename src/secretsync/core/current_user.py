"""Who runs us: what the kernel knows, and what the environment claims."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["actor", "actor_name"]

# Who stands behind sudo or a CI job. Anybody can set a variable: these are hints beside the user id.
HINTS = ("SUDO_USER", "DOAS_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID")
_LONGEST = 256  # characters of a hint


def actor(environ: Mapping[str, str]) -> dict[str, str | int]:
    """The user's id and name, and each of the variables that say for whom a user works."""
    import pwd

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # containers have users without an entry
        name = str(uid)
    hints = {hint: environ[hint][:_LONGEST] for hint in HINTS if environ.get(hint)}
    return {"uid": uid, "user": name, **hints}


def actor_name(actor: Mapping[str, str | int]) -> str:
    """An actor on one line."""
    hints = ", ".join(f"{name}={value}" for name, value in actor.items() if name not in ("uid", "user"))
    user = str(actor.get("user", actor.get("uid", "unknown")))
    return f"{user} ({hints})" if hints else user
