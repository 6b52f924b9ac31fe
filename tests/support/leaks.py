"""Find secrets in what a test leaves outside of its captured output: files, arguments of programs, exceptions.

A file that the code of the tests wrote is an input, and may hold secrets. Every other file below the test's own folders
was written by SecretSync or by a program that the test started. If such a file must hold a secret, the test names it
with the marker `sink`.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.raises import RaisesExc

from tests.support.canary import ENDS, find_leaks, find_leaks_in_file, forget_short
from tests.support.walker import chain

_TESTS = f"{Path(__file__).parents[1]}{os.sep}"
_PRODUCT = f"{Path(__file__).parents[2] / 'src'}{os.sep}"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_LARGEST = 8 * 1024 * 1024  # bytes of a file that are looked through

inputs: set[str] = set()  # files that the code of the tests wrote, since a test began
found: list[str] = []  # leaks that do not stop the program, since a test began
# Folders that this process made, by their paths: listing the folder of all tests takes longer with each test.
made: list[str] = []  # since a test began
made_ever: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    """Watch this process from now on."""
    sys.addaudithook(_heed)
    RaisesExc.__exit__ = _look_into_exceptions(RaisesExc.__exit__)  # type: ignore[method-assign]


def _heed(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, mode, flags = arguments
        if (flags & _WRITING or (mode and mode[0] in "wax")) and _is_of_a_test(sys._getframe(1)):
            _note(path, inputs.add)
    elif event == "os.mkdir":
        _note(arguments[0], made.append)
    elif event in ("os.rename", "os.link"):
        _note(arguments[1], made.append)  # a folder may get another place
        if _is_of_a_test(sys._getframe(1)):
            _note(arguments[1], inputs.add)
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn"):
        _check_arguments(arguments[1] if event != "os.spawn" else arguments[2])
    elif event == "os.system":
        _check_arguments([arguments[0]])


def _is_of_a_test(frame: FrameType | None) -> bool:
    """Return True if the nearest code of this repository is that of a test."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_PRODUCT):
            return False
        if name.startswith(_TESTS):
            return True
        frame = frame.f_back
    return True  # pytest's own files, or an inner run of the tests' own tests


def _note(path: object, note: Callable[[str], None]) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        note(os.path.abspath(os.fsdecode(path)))


def _check_arguments(arguments: Iterable[object]) -> None:
    for argument in [arguments] if isinstance(arguments, str | bytes) else arguments:
        text = argument if isinstance(argument, bytes) else str(argument)
        # A path below the folder of a test that has a secret in its name is looked at with the files.
        if leaks := find_leaks(text):
            found.append(f"an argument of a program ({', '.join(leaks)})")


def _look_into_exceptions(original: Any) -> Any:
    """Return `RaisesExc.__exit__`, which also looks into each exception of SecretSync that a test expects."""

    def look(self: Any, kind: Any, error: BaseException | None, trace: Any) -> Any:
        if error is not None and type(error).__module__.partition(".")[0] == "secretsync":
            for one in chain(error):
                texts = [str(one), repr(one), *map(str, getattr(one, "__notes__", ())), repr(vars(one))]
                if leaks := find_leaks("\n".join(texts)):
                    found.append(f"an exception ({type(one).__name__}: {', '.join(leaks)})")
        return original(self, kind, error, trace)

    return look


def leaks_in_files(folders: Iterable[Path], sinks: Iterable[str]) -> Iterator[str]:
    """Yield each file below `folders` that holds a secret in its content or in its name, and is no input or sink."""
    patterns = tuple(sinks)
    for folder in folders:
        for top, folders_below, names in os.walk(folder):
            # What git keeps of files, it keeps because a test committed them.
            folders_below[:] = [name for name in folders_below if name != ".git"]
            for name in names:
                path = os.path.join(top, name)
                if any(end in name.lower() for end in ENDS):
                    yield f"the name of a file in {top}"
                is_allowed = path in inputs or any(Path(path).match(pattern) for pattern in patterns)
                if not is_allowed and (leaks := _leaks_in(path)):
                    yield f"the file {path} ({', '.join(leaks)})"


def _leaks_in(path: str) -> tuple[str, ...]:
    try:
        if os.path.islink(path):
            return find_leaks(os.readlink(path))
        if not os.path.isfile(path):
            return ()
        with open(path, "rb") as file:
            return find_leaks_in_file(file.read(_LARGEST))
    except OSError:  # the test took the right to read it, or a program that it left behind removes the file
        return ()


def _folders_in(base: Path, paths: Iterable[str]) -> list[Path]:
    """Return those of `paths` that are folders in `base`, and no links."""
    inside = {path for path in paths if os.path.dirname(path) == str(base)}
    return [Path(path) for path in sorted(inside) if not os.path.islink(path)]


@pytest.fixture(scope="session", autouse=True)
def watch_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Fail the last test if a program left a secret in a folder of its own, beside those of the tests."""
    base = tmp_path_factory.getbasetemp()
    made_ever.update(str(base / name) for name in os.listdir(base))
    yield base
    made_ever.update(made)
    others = {str(base / name) for name in os.listdir(base)} - made_ever
    if leaks := list(leaks_in_files(_folders_in(base, others), ())):
        pytest.fail(f"a secret leaked into: {'; '.join(leaks)}", pytrace=False)


@pytest.fixture(autouse=True)
def watch_traces(request: pytest.FixtureRequest, watch_base: Path) -> Iterator[None]:
    """Fail a test that left a secret in a file, in an argument of a program or in an exception."""
    inputs.clear()
    found.clear()
    # Folders of fixtures for several tests were made before the first folder of a test.
    made_ever.update(made)
    made.clear()
    forget_short()
    yield
    if request.node.get_closest_marker("reveals"):
        return
    sinks = [pattern for marker in request.node.iter_markers("sink") for pattern in marker.args]
    leaks = [*dict.fromkeys(found), *leaks_in_files(_folders_in(watch_base, made), sinks)]
    if leaks:
        pytest.fail(f"a secret leaked into: {'; '.join(leaks)}", pytrace=False)
