"""What is built and published: only what users need, always the same bytes, and it works by itself."""

import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from email.parser import HeaderParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from secretsync.providers.registry import BUILT_IN, load_provider
from tests.support.processes import clean_environment, run_command

ROOT = Path(__file__).parents[2]
NOT_PUBLISHED = {
    ".ci",
    ".github",
    "action.yml",
    "templates",
    "benchmarks",
    "constraints.txt",
    "demo",
    "docker",
    "env",
    "Makefile",
    "providers",
    "tests",
}


def build(source: Path, target: Path, *what: str) -> Mapping[str, Path]:
    """Return the distributions built of `source`, by suffix, with the build backend of this environment."""
    env = clean_environment(target, {"SOURCE_DATE_EPOCH": "1790000000"})
    argv = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *what, str(source)]
    run_command(argv, cwd=target, env=env, expect=0, timeout=300)
    return {path.suffix: path for path in target.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return the sdist, and the wheel that is made of it."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: Mapping[str, Path]) -> Path:
    """Return the wheel."""
    return built[".whl"]


def test_the_sdist_holds_sources_and_nothing_else(built: Mapping[str, Path]) -> None:
    """No configuration, no tests, no tools of ours."""
    with tarfile.open(built[".gz"]) as archive:
        names = [Path(name).relative_to("secretsync_adapter-0.1.0") for name in archive.getnames()]
    top = {name.parts[0] for name in names}
    # The build backend puts .gitignore into each sdist.
    assert top - {".gitignore"} == {"src", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "PKG-INFO"}
    assert not top & NOT_PUBLISHED
    assert Path("src/secretsync/providers/interface.py") in names
    assert {name.parts[1] for name in names if name.parts[0] == "src"} == {"secretsync"}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Each module of src/, its README, the marker for type checkers, and the license."""
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    # Others may be compiling them at this moment.
    files = {path for path in source.rglob("*") if path.is_file() and path.suffix not in {".pyc", ".pyo"}}
    expected = {path.relative_to(source).as_posix() for path in files if "__pycache__" not in path.parts}
    info = "secretsync_adapter-0.1.0.dist-info"
    extra = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert names == expected | {f"{info}/{name}" for name in extra}
    assert {"secretsync/py.typed", "secretsync/providers/__init__.py"} <= names
    assert not {name.split("/")[0] for name in names} & NOT_PUBLISHED


def test_the_core_needs_python_dotenv_only(wheel: Path) -> None:
    """Everything else comes with an extra that is asked for."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read("secretsync_adapter-0.1.0.dist-info/METADATA").decode())
        scripts = archive.read("secretsync_adapter-0.1.0.dist-info/entry_points.txt").decode()
    required = metadata.get_all("Requires-Dist", [])
    extras = {load_provider(name).spec.extra for name in BUILT_IN}
    assert [line for line in required if "extra ==" not in line] == ["python-dotenv>=1.2.4"]
    assert metadata.get_all("Provides-Extra", []) == ["all", *sorted({*filter(None, extras), "yaml"})]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert "secretsync = secretsync.cli:main" in scripts


def test_the_wheel_is_always_the_same(wheel: Path, tmp_path: Path) -> None:
    """Built from another folder, with other times and modes of files, it has the same bytes."""
    source = tmp_path / "somewhere" / "else"
    source.mkdir(parents=True)
    shutil.copytree(ROOT / "src", source / "src", copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"):
        shutil.copyfile(ROOT / name, source / name)
    for path in source.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    target = tmp_path / "dist"
    target.mkdir()
    again = build(source, target, "--wheel")[".whl"]
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_the_wheel_works_by_itself(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment, offline, without an extra: the package is imported, and so is nothing of any SDK."""
    env = clean_environment(tmp_path)
    venv = tmp_path / "venv"
    run_command([sys.executable, "-m", "venv", "--without-pip", str(venv)], cwd=tmp_path, env=env, expect=0)
    python = str(venv / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", str(wheel)]
    run_command(pip, cwd=tmp_path, env=env, expect=0)

    dotenv = find_spec("dotenv")
    assert dotenv is not None
    assert dotenv.origin is not None
    site_packages = next(venv.glob("lib/python*/site-packages"))
    shutil.copytree(Path(dotenv.origin).parent, site_packages / "dotenv")

    program = (
        "import secretsync, sys; print(secretsync.__file__, secretsync.__version__,"
        " sorted({'boto3', 'hvac', 'azure'} & set(sys.modules)))"
    )
    shown = run_command([python, "-I", "-c", program], cwd=tmp_path, env=env, expect=0)
    assert shown.stdout == f"{site_packages / 'secretsync' / '__init__.py'} 0.1.0 []\n"
    assert (venv / "bin" / "secretsync").is_file()
