"""Write all secrets to a new folder and switch to it in one step, as Kubernetes does with its volumes.

    DIR/NAME -> .secretsync-data/NAME     .secretsync-data -> .secretsync-data-<time>

A reader of DIR/.secretsync-data that opens the folder once gets old or new files, and never a mix.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.running.secret_files import DATA, known_files, remove_file, remove_folders, write_list, write_value

_NEW_LINK = ".secretsync-new-link"


def write_generation(folder: str, values: Mapping[str, str]) -> None:
    """Write a file (mode 0400) for each name, switch to these files, and remove the earlier ones.

    Raises OutputError. If the folder contains a file of another program, nothing is written.
    """
    before, _ = known_files(folder)
    write_list(folder, before | set(values))
    generation = f"{DATA}-{time.time_ns()}"
    failure = None
    try:
        os.mkdir(os.path.join(folder, generation), 0o700)
        for name, value in values.items():
            write_value(os.path.join(folder, generation, name), value)
        _link(generation, folder, DATA)
        for name in values:
            _link(os.path.join(DATA, name), folder, name)
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        cause = f"the new secrets cannot be written: {failure}"
        raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=folder, cause=cause)])
    for name in before - set(values):
        remove_file(os.path.join(folder, name))
    write_list(folder, values)
    remove_folders(folder, kept=generation)


def _link(target: str, folder: str, name: str) -> None:
    """Make the link `name` lead to `target`. It is replaced in one step if it leads elsewhere."""
    path, new = os.path.join(folder, name), os.path.join(folder, _NEW_LINK)
    if os.path.islink(path) and os.readlink(path) == target:
        return
    remove_file(new)
    os.symlink(target, new)
    os.rename(new, path)
