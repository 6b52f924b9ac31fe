"""Web application of the container tests: it proves which secrets it got without showing one."""

import os
from pathlib import Path

import flask
from digests import SECRETS, digests  # type: ignore[import-not-found, unused-ignore]  # it is beside this file, in the image


def health() -> tuple[str, int]:
    """Status 200 once every secret is there."""
    return ("ok", 200) if all(os.environ.get(name) for name in SECRETS) else ("a secret is missing", 503)


def digest() -> dict[str, str]:
    """Return a salted digest of each secret in the environment."""
    shown: dict[str, str] = digests(flask.request.args["salt"], os.environ)
    return shown


def process() -> dict[str, object]:
    """Return how PID 1 and this worker run: names of variables, no values."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return {
        "command": Path("/proc/1/cmdline").read_text(encoding="utf-8").split("\0")[:-1],
        "parent": os.getppid(),
        "uid": os.getuid(),
        "groups": os.getgroups(),
        "status": dict(line.split(":\t", 1) for line in status.split("\n") if ":\t" in line),
        "names": sorted(os.environ),
    }


app = flask.Flask(__name__)
for view in (health, digest, process):
    app.add_url_rule(f"/{view.__name__}", view_func=view)
