"""Build the environment of the application, and refuse one that the kernel would not take."""

from __future__ import annotations

import os

from secretsync.core.errors import OutputError, Problem
from secretsync.core.files import Input, read_file
from secretsync.core.model import Resolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

# Linux, MAX_ARG_STRLEN: one string of the environment, with its NUL, fits into 32 pages.
MAX_VARIABLE_BYTES = 131_071

# Linux: arguments and environment may take a quarter of the stack's limit, but at least and at most these sizes.
_LEAST_BYTES, _MOST_BYTES = 131_072, 6 * 1024 * 1024
_POINTER_BYTES = 8
_LARGEST_SHOWN = 5  # variables in a message

_WILDCARDS = frozenset("*?[")

# The inherited variables that `--clean` keeps.
_CLEAN_NAMES = ("PATH", "HOME", "LANG", "LC_*", "TZ", "TERM", "HOSTNAME", "USER")


def inherited_environment() -> dict[str, str]:
    """Return the environment that this process was started with.

    In the C locale Python adds LC_CTYPE to its own environment (PEP 538). The application must not get that addition.
    """
    environment = dict(os.environ)
    if "LC_CTYPE" not in environment:
        return environment
    data = read_file("/proc/self/environ", Input.KERNEL)
    if not isinstance(data, bytes):
        return environment
    inherited = [entry.partition(b"=")[2] for entry in data.split(b"\0") if entry.startswith(b"LC_CTYPE=")]
    if inherited:
        environment["LC_CTYPE"] = os.fsdecode(inherited[0])
    else:
        del environment["LC_CTYPE"]
    return environment


def used_credentials(patterns: Iterable[str], environ: Mapping[str, str], kept: Collection[str]) -> tuple[str, ...]:
    """Return the variables of `environ` that one of `patterns` matches and none of `kept`, sorted.

    `patterns`: the variables with literal credentials of the providers in use. `kept`: the patterns of --pass-env.
    """
    patterns = tuple(patterns)
    return tuple(sorted(name for name in environ if matches(name, patterns) and not matches(name, kept)))


def matches(name: str, patterns: Collection[str]) -> bool:
    """Return True if `name` is one of `patterns`, or if one of them is a pattern such as `AWS_*` that matches it."""
    if name in patterns:
        return True
    globs = [pattern for pattern in patterns if not _WILDCARDS.isdisjoint(pattern)]
    if not globs:
        return False
    from fnmatch import fnmatchcase  # Imported only for a pattern, because it imports `re`.

    return any(fnmatchcase(name, glob) for glob in globs)


def inherited_variables(environ: Mapping[str, str], *, is_clean: bool, passed: Collection[str]) -> dict[str, str]:
    """Return the variables that the application inherits. The arguments are those of `child_environment`."""
    if not is_clean:
        return dict(environ)
    kept = (*_CLEAN_NAMES, *passed)
    return {name: value for name, value in environ.items() if matches(name, kept)}


def child_environment(
    environ: Mapping[str, str],
    resolved: Mapping[str, str],
    *,
    is_clean: bool,
    passed: Collection[str],
    removed: Collection[str],
) -> dict[bytes, bytes]:
    """Return the environment of the application: the inherited variables without `removed`, then the resolved ones.

    The result is bytes, because a value is UTF-8 in every locale, and inherited bytes must not change.
    `is_clean`: inherit only PATH, HOME and the like, and the variables that `passed` matches, such as `AWS_*`.
    """
    inherited = inherited_variables(environ, is_clean=is_clean, passed=passed)
    for name in removed:
        inherited.pop(name, None)
    environment = {os.fsencode(name): os.fsencode(value) for name, value in inherited.items()}
    # Bytes that are not UTF-8 came from a variable of this process, so they go back as they were.
    environment.update((name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in resolved.items())
    return environment


def refuse_unfit(environment: Mapping[bytes, bytes], resolved: Mapping[str, Resolved]) -> None:
    """Raise OutputError for every variable that the kernel would not take: with a NUL, or too large."""
    problems = []
    for name, value in environment.items():
        key = os.fsdecode(name)
        if b"\0" in value:
            cause, hint = "it holds a NUL character, which no variable can hold", "take it with ?as=base64"
        elif len(name) + 1 + len(value) > MAX_VARIABLE_BYTES:
            cause = f"KEY=value is over {MAX_VARIABLE_BYTES} bytes, the most for one variable"
            is_secret = key in resolved and resolved[key].is_secret
            hint = "pass it in a file: --files DIR" if is_secret else "keep it in a file, and set the path of the file"
        else:
            continue
        from secretsync.core.problems.kinds import ProblemKind  # Imported only for a problem.

        entry = resolved[key].entry if key in resolved else None
        file, line = (None, None) if entry is None else (entry.file, entry.line)
        problems.append(Problem(kind=ProblemKind.OUTPUT, key=key, file=file, line=line, cause=cause, hint=hint))
    if problems:
        raise OutputError(problems)


def refuse_too_large(path: str, argv: Collection[str], environment: Mapping[bytes, bytes]) -> None:
    """Raise OutputError if the kernel would not take the arguments and the environment together."""
    import resource

    strings = [*map(os.fsencode, (path, *argv)), *(name + b"=" + value for name, value in environment.items())]
    total = sum(len(string) + 1 + _POINTER_BYTES for string in strings)
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    limit = _MOST_BYTES if stack == resource.RLIM_INFINITY else min(max(stack // 4, _LEAST_BYTES), _MOST_BYTES)
    if total > limit:
        raise too_large(environment)


def too_large(environment: Mapping[bytes, bytes]) -> OutputError:
    """Return the error for an environment that is too large. It names variables without their lengths.

    The variables of the handover are not named, because they grow with the number of entries and cannot be in files.
    """
    others = [name for name in environment if not name.startswith(b"SECRETSYNC_RESOLVED")]
    largest = sorted(others, key=lambda name: len(name) + len(environment[name]), reverse=True)
    names = ", ".join(os.fsdecode(name) for name in largest[:_LARGEST_SHOWN])
    return OutputError(
        f"the environment of {len(others)} variables and the arguments together are too large for the kernel; select "
        f"services with --service, or pass the largest variables in files: {names}"
    )
