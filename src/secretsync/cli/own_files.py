"""Refuse to write a report, a record or secrets over a file of the configuration."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping

from secretsync.core.errors import UsageError
from secretsync.core.text import path_or

_TARGETS = ("output", "record")
_SOURCES = ("env_file", "bindings", "template")
_FOLDERS = {"env": (".env", 3), "providers": (".toml", 2)}  # the end of the name, and the steps up to the project


def refuse_own_files(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Raise UsageError if an option names a file to write that this command may read as a part of the configuration.

    `render --output` would put secrets into a file that people commit.
    """
    for name in _TARGETS:
        path = vars(options).get(name)
        if path and path != "-" and _is_own(path, options, environ):
            shown = path_or(path, "this file")
            raise UsageError(f"--{name} {shown}: it is a file of the configuration; name another file")


def _is_own(path: str, options: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    return any(_is_same(path, source) for source in _sources(options)) or _is_in_project(path, options, environ)


def _sources(options: argparse.Namespace) -> Iterator[str]:
    for name in _SOURCES:
        value = vars(options).get(name) or ()
        yield from (str(one) for one in ([value] if isinstance(value, str) else value))


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.isfile(other) and os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def _is_in_project(path: str, options: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    """Return True for an env file or the bindings of the project, also if it does not exist yet."""
    parts = os.path.realpath(path).split(os.sep)
    for folder, (end, steps) in _FOLDERS.items():
        if len(parts) > steps and parts[-steps] == folder and parts[-1].endswith(end):
            return _is_project(os.sep.join(parts[:-steps]) or os.sep, options, environ)
    return False


def _is_project(folder: str, options: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    """Return True if `folder` is the project that the command reads: the named one, or the nearest one upwards."""
    given = vars(options).get("root") or environ.get("SECRETSYNC_ROOT")
    if given:
        return os.path.realpath(given) == folder
    return os.path.commonpath([folder, os.path.realpath(os.curdir)]) == folder
