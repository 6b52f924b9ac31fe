"""Start `secretsync run` for each line of stdin, in a fork of this process, which has imported everything already.

The fork runs the real command: it resolves, and the kernel replaces it with the program. Only the start of the
interpreter is saved. This is a process of its own, because a test process may have threads.
"""

import base64
import json
import os
import sys
import tempfile
from importlib import import_module
from typing import Any

from secretsync.cli import main

# Imported before the first fork, so that no fork imports them again.
for name in ("secretsync.cli.commands.run", "secretsync.resolving.pipeline", "secretsync.resolving.value_checks"):
    import_module(name)


def start(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the status of the command and what it wrote."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(asked, out.fileno(), err.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = {}
        for name, file in (("stdout", out), ("stderr", err)):
            file.seek(0)
            found[name] = base64.b64encode(file.read()).decode()
        return {"status": status, **found}


def _become(asked: dict[str, Any], out: int, err: int) -> None:
    status = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(asked["folder"])
        os.environb.clear()
        os.environb.update({base64.b64decode(name): base64.b64decode(value) for name, value in asked["environ"]})
        status = main(asked["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(status)


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(start(json.loads(line)))}\n")
        sys.stdout.flush()
