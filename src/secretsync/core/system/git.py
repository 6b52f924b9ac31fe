"""Run git with a clean environment, bounded in time and in size."""

from __future__ import annotations

import os
import selectors
import shlex
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping

_SECONDS = 20
_MAX_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024


class GitError(Exception):
    """The reason why git did not answer, as a clause for people. It repeats nothing that git printed.

    `hint`: the next step; None if the folder is not in a repository, so that there is nothing to repair.
    """

    def __init__(self, cause: str, hint: str | None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint


def repository_of(folder: str) -> str | None:
    """Return the nearest folder upwards with a repository, as git looks for it, or None."""
    current = os.path.abspath(folder)
    while not os.path.lexists(os.path.join(current, ".git")):
        above = os.path.dirname(current)
        if above == current:
            return None
        current = above
    return current


def _error(folder: str, cause: str, hint: str | None = None) -> GitError:
    if repository_of(folder) is None:
        return GitError("there is no git repository", None)
    return GitError(cause, hint or f"find the reason with: git -C {shlex.quote(folder)} status")


def _refusal(folder: str, status: int, complaint: bytes) -> GitError:
    """Return the error for a status of git that is not accepted."""
    top = repository_of(folder) or folder
    # The second text is that of git 2.35.2 and its patches for older versions.
    if b"dubious ownership" in complaint or b"is owned by someone else" in complaint:
        way_out = f"git config --global --add safe.directory {shlex.quote(top)}"
        return GitError(f"git refuses the repository {top}, because another user owns it", way_out)
    if b"not a git repository" in complaint:
        return _error(
            folder, f"git does not accept {top}/.git: it is damaged, or leads to a folder that does not exist"
        )
    return _error(folder, f"git failed with status {status}")


def run_git(
    folder: str,
    environ: Mapping[str, str],
    *arguments: str,
    stdin: str = "",
    keeps_index: bool = False,
    accepted: Collection[int] = (0,),
) -> str:
    """Return what git prints to stdout in `folder`. Raises GitError for each status that is not `accepted`.

    A hook's git sets GIT_DIR and other variables, which may name another repository, so git runs without them.
    `keeps_index`: keep GIT_INDEX_FILE, the index of the commit that a hook checks.
    """
    kept = {
        name: environ[name]
        for name in environ
        if not name.startswith("GIT_") or (keeps_index and name == "GIT_INDEX_FILE")
    }
    # Without fsmonitor git starts no program that the repository's configuration names.
    command = ["git", "-c", "core.fsmonitor=false", "-C", folder, *arguments]
    with tempfile.TemporaryFile() as questions:
        questions.write(stdin.encode("utf-8", "surrogateescape"))
        questions.seek(0)
        try:
            process = subprocess.Popen(
                command,
                env={**kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
                stdin=questions,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise _error(folder, "git is not installed", "install git, or run this command where git is") from None
        except OSError as error:
            raise _error(folder, f"git cannot be started: {error.strerror}") from None
    with process:
        try:
            output, complaint = _read(process, time.monotonic() + _SECONDS, folder)
        except BaseException:
            process.kill()
            raise
    if process.returncode not in accepted:
        raise _refusal(folder, process.returncode, complaint)
    return output.decode("utf-8", "surrogateescape")


def ignored_paths(
    folder: str, environ: Mapping[str, str], paths: Iterable[str], *, keeps_index: bool = False
) -> dict[str, str]:
    """Return those of `paths` that git ignores, each with the rule: `FILE:LINE:PATTERN`. Raises GitError."""
    arguments = ("check-ignore", "-z", "-v", "--stdin")
    questions = "\0".join(paths)
    # Status 1: no path is ignored.
    text = run_git(folder, environ, *arguments, stdin=questions, keeps_index=keeps_index, accepted=(0, 1))
    found = {}
    for source, line, pattern, path in zip(*[iter(text.split("\0"))] * 4, strict=False):
        if not pattern.startswith("!"):
            found[path] = f"{source}:{line}:{pattern}"
    return found


def _read(process: subprocess.Popen[bytes], until: float, folder: str) -> list[bytes]:
    """Return what `process` prints to stdout and to stderr. Raises GitError if that is too much or too slow."""
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
    found = {pipe.fileno(): bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for descriptor in found:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            left = until - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise _error(folder, "git did not answer in time")
            for key, _ in ready:
                part = os.read(key.fd, _CHUNK)
                found[key.fd] += part
                if not part:
                    selector.unregister(key.fd)
                elif len(found[key.fd]) > _MAX_BYTES:
                    raise _error(folder, f"git printed more than {_MAX_BYTES // 1024**2} MiB")
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _error(folder, "git did not answer in time") from None
    return [bytes(text) for text in found.values()]
