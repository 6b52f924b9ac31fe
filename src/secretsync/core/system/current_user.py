"""Name the user of this process: by the kernel, and by variables of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

# The user behind sudo or a CI job. Anybody can set a variable, so these are only hints in addition to the user id.
HINTS = ("SUDO_USER", "DOAS_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID")
_LONGEST = 256  # characters of a hint


def actor(environ: Mapping[str, str]) -> dict[str, str | int]:
    """Return the user's id and name, and the variables that name another user behind this one."""
    import pwd

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # containers have users without an entry
        name = str(uid)
    hints = {hint: environ[hint][:_LONGEST] for hint in HINTS if environ.get(hint)}
    return {"uid": uid, "user": name, **hints}


def actor_name(actor: Mapping[str, str | int]) -> str:
    """Return an actor on one line."""
    hints = ", ".join(f"{name}={value}" for name, value in actor.items() if name not in ("uid", "user"))
    user = str(actor.get("user", actor.get("uid", "unknown")))
    return f"{user} ({hints})" if hints else user
