"""What a start imports: nothing that it does not need, since each module costs every container's start."""

import sys
from pathlib import Path

import pytest

from secretsync.providers.registry import BUILT_IN
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project

SDKS = {"boto3", "botocore", "hvac", "azure", "requests", "urllib3", "rich"}
# Each of these costs as much as several of our own modules together, and a start from files needs none of them.
COSTLY = SDKS | {
    *("asyncio", "concurrent", "decimal", "difflib", "email", "hashlib", "http", "importlib.metadata", "logging"),
    *("multiprocessing", "pathlib", "platform", "random", "shutil", "socket", "ssl", "subprocess", "tempfile"),
    *("unittest", "urllib", "uuid", "xml", "zipfile", "base64"),
}
MODULES = Path(__file__).parent / "data" / "modules_of_a_start.txt"
# Of ours: what belongs to other commands, to other stores and to tests.
OTHERS = {
    *(
        "secretsync.resolving.requests.activity",
        "secretsync.inspection.check",
        "secretsync.inspection.explain",
        "secretsync.config.log_filter",
        "secretsync.testing.contract",
    ),
    *(target.partition(":")[0] for target in BUILT_IN.values() if ".provider:" in target),
    *(
        "secretsync.resolving.requests.access_log",
        "secretsync.core.system.current_user",
        "secretsync.tracking.history",
        "secretsync.tracking.compare",
        "secretsync.tracking.track",
    ),
    *(
        "secretsync.config.convert",
        "secretsync.config.binding.bind",
        "secretsync.config.binding.fields",
        "secretsync.config.binding.text_types",
        "secretsync.config.binding.type_hints",
    ),
    *(
        "secretsync.cli.commands.check",
        "secretsync.cli.commands.explain",
        "secretsync.cli.commands.init",
        "secretsync.cli.commands.providers",
    ),
}


# Says which modules there are at the moment at which the process ends or becomes another one.
SHOW = """
import os, sys
end = os._exit
def show(*_):
    sys.stderr.write("\\n".join(["modules:", *sys.modules]))
    sys.stderr.flush()
    end(0)
os._exit = os.execve = show
"""


def imports_of(program: str, cwd: Path, home: Path) -> set[str]:
    """Return the modules that `program` imports, without those that an interpreter has anyway."""
    found = []
    for text in (program, ""):
        command = [sys.executable, "-I", "-c", f"{SHOW}{text}\nshow()"]
        done = run_command(command, cwd=cwd, env=clean_environment(home), reveals=True, expect=0)
        found.append(set(done.stderr.partition("modules:\n")[2].split("\n")))
    return found[0] - found[1]


def imports_of_command(arguments: list[str], cwd: Path, home: Path) -> set[str]:
    """Return the modules that `secretsync ARGUMENTS` imports."""
    modules = imports_of(f"from secretsync.cli import main; main({arguments!r})", cwd, home)
    assert "secretsync.cli" in modules
    return modules


def under(names: set[str], modules: set[str]) -> set[str]:
    """Those of `modules` that are one of `names` or below it."""
    return {module for module in modules if any(module == name or module.startswith(f"{name}.") for name in names)}


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Create settings, an environment variable, a secrets file and bindings."""
    return project(
        {
            "env/test/common.env": "A=1\nB=$<env:B:-x>\n",
            "env/test/security.env": "C=$<docker:c>\nD=$<D>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n[secrets]\nD = "docker:c"\n',
            "files/c": "c",
        }
    )


def test_the_package_imports_nothing_of_size(tmp_path: Path) -> None:
    """`import secretsync` costs itself; its names are imported when they are used."""
    argv = [sys.executable, "-I", "-X", "importtime", "-c", "import secretsync"]
    shown = run_command(argv, cwd=tmp_path, env=clean_environment(tmp_path), expect=0).stderr
    assert "secretsync" in shown
    assert not under(SDKS, {line.rpartition("|")[2].strip() for line in shown.split("\n")})
    modules = imports_of("import secretsync", tmp_path, tmp_path)
    assert under({"secretsync"}, modules) == {"secretsync"}
    assert not under(COSTLY | {"dataclasses", "json", "argparse", "dotenv"}, modules)


def test_the_library_needs_no_sdk(shop: Project) -> None:
    """`resolve_config` imports no SDK if no store needs one."""
    program = "from secretsync import resolve_config; assert resolve_config('test')['C'] == 'c'"
    modules = imports_of(program, shop.root, shop.home)
    assert "secretsync.api" in modules
    assert not under(COSTLY | OTHERS | {"argparse", "secretsync.cli"}, modules)


@pytest.mark.parametrize("form", ["dotenv", "shell", "docker", "null"])
def test_render_needs_no_sdk(shop: Project, form: str) -> None:
    """`render` imports no SDK, no entry points, no JSON and no other format."""
    modules = imports_of_command(["render", "-e", "test", "--format", form], shop.root, shop.home)
    assert f"secretsync.rendering.formats.{form}" in modules
    assert not under(COSTLY | OTHERS | {"json", "secretsync.cli.commands.run"}, modules)
    formats = under({"secretsync.rendering.formats"}, modules) - {"secretsync.rendering.formats"}
    assert not formats & {f"secretsync.rendering.formats.{name}" for name in ("json_", "yaml_", "kubernetes", "github")}


def test_run_needs_no_sdk(shop: Project) -> None:
    """`run` imports no SDK and no module that it does not use."""
    modules = imports_of_command(["run", "-e", "test", "--", "true"], shop.root, shop.home)
    assert "secretsync.running.exec_command" in modules
    assert not under(COSTLY | OTHERS | {"secretsync.rendering.formats"}, modules)


def modules_of_a_start(command: str) -> set[str]:
    """Return the modules in the list of a command, and in that of every command."""
    found: set[str] = set()
    section = ""
    for line in MODULES.read_text().split("\n"):
        name = line.partition("#")[0].strip()
        if name.startswith("["):
            section = name.strip("[]")
        elif name and section in ("every command", command):
            found.add(name)
    return found


@pytest.mark.parametrize("command", ["render", "run"])
def test_the_modules_of_a_start_from_env_files(project: MakeProject, command: str) -> None:
    """A start from an env file without placeholders imports the modules of the list, and no other."""
    lines = ["A=1", "export B='two words'", "", "# a comment", 'C="3" # and another', "D_PASSWORD=unused"]
    made = project({"plain.env": "\n".join(lines)})
    rest = ["--format", "dotenv"] if command == "render" else ["--", "true"]
    modules = imports_of_command([command, "--env-file", "plain.env", *rest], made.root, made.home)
    listed = modules_of_a_start(command)
    shown = MODULES.relative_to(Path(__file__).parent.parent)
    assert not modules - listed, (
        f"each start of `secretsync {command}` imports more modules: {', '.join(sorted(modules - listed))}. Import "
        f"them in the function that needs them. If each start needs them, add them to {shown}, and measure the start: "
        "`python -m benchmarks --only start`."
    )
    assert not listed - modules, (
        f"a start of `secretsync {command}` does not import {', '.join(sorted(listed - modules))} any more: "
        f"remove them from {shown}"
    )


def test_bindings_are_read_only_where_there_are_some(shop: Project) -> None:
    """Without a bindings file there is no TOML to parse."""
    command = ["render", "-e", "test", "--format", "dotenv"]
    assert "tomllib" in imports_of_command(command, shop.root, shop.home)
    (shop.root / "providers/test.toml").unlink()
    shop.write("env/test/security.env", "C=$<env:B:-y>\n")
    assert "tomllib" not in imports_of_command(command, shop.root, shop.home)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_needs_next_to_nothing(tmp_path: Path, arguments: list[str]) -> None:
    """`--help` and `--version` import no parser, no file reader and no store."""
    modules = imports_of_command(arguments, tmp_path, tmp_path)
    assert not under(
        COSTLY | {"argparse", "dotenv", "secretsync.api", "secretsync.planning.request", "secretsync.planning.plan"},
        modules,
    )
