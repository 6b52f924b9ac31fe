"""A platform without POSIX gets one message that names the next step."""

import sys
from pathlib import Path

import pytest

from secretsync.core.system.platforms import refusal
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject

WINDOWS = ("fcntl", "grp", "posix", "pwd", "resource", "termios")
# Programs that Python runs while it cannot import the modules in `hidden`, as on Windows.
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
for name in hidden:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
"""
COMMANDS = (
    ("--help",),
    ("run", "--env-file", ".env", "--", "true"),
    ("render", "--env-file", ".env", "--format", "json"),
    ("check", "--env-file", ".env"),
    ("doctor", "--env-file", ".env"),
    ("init",),
)


def program(hidden: tuple[str, ...], code: str) -> list[str]:
    """Return the command that runs `code` without the hidden modules."""
    return [sys.executable, "-c", f"hidden = {hidden!r}{HIDE}{code}"]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_command_on_windows_names_wsl(project: MakeProject, arguments: tuple[str, ...]) -> None:
    """Each command prints one line without a traceback, with status 2, and writes nothing."""
    made = project({".env": "A=1\n"})
    argv = program(WINDOWS, f"from secretsync.cli import main; main({list(arguments)!r})")
    done = run_command(argv, cwd=made.root, env=clean_environment(made.home), expect=2)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("secretsync: this platform is not a POSIX system")
    assert "use WSL (Windows Subsystem for Linux)" in line
    assert [path.name for path in made.root.iterdir()] == [".env"]


def test_a_single_module_that_is_missing(project: MakeProject) -> None:
    """A Python that does not have one of the modules gets the same message from the command that needs it."""
    made = project({".env": "A=1\n"})
    code = "from secretsync.cli import main; main(['run', '--env-file', '.env', '--', 'true'])"
    done = run_command(program(("resource",), code), cwd=made.root, env=clean_environment(made.home), expect=2)
    assert "does not have the module resource here; use Linux or macOS" in done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.parametrize("name", ["resolve_config", "check_rotation", "AppConfig", "Secret"])
def test_the_library_on_windows_names_wsl(tmp_path: Path, name: str) -> None:
    """An import from the library raises ImportError with the message; the package itself can be imported."""
    code = f"import secretsync\ntry:\n    from secretsync import {name}\nexcept ImportError as error:\n    print(error)"
    done = run_command(program(WINDOWS, code), cwd=tmp_path, env=clean_environment(tmp_path), expect=0)
    assert done.stdout.startswith("secretsync: this platform is not a POSIX system")
    assert "WSL" in done.stdout


def test_other_missing_modules_are_not_about_the_platform() -> None:
    """A package that is not installed keeps its own error."""
    assert refusal("boto3") is None
    assert refusal(None) is None
