"""The built image: who it runs as, what it starts, and what is not in it."""

import json
from pathlib import Path

import pytest

from tests.container.engine import Engine
from tests.container.images import DOCKERFILE, ROOT, Images, wheels_folder
from tests.support.canary import assert_clean, make_canary

PYTHON = "/opt/secretsync/bin/python"

# Prints, for the packages below each folder, the modules whose .pyc is absent or asks for its source at each import.
_STALE_PYC = """
import importlib.util, json, pathlib, sys
found = []
for top in sys.argv[1:]:
    for source in pathlib.Path(top).rglob("*.py"):
        compiled = pathlib.Path(importlib.util.cache_from_source(str(source)))
        flags = compiled.read_bytes()[4:8] if compiled.exists() else None
        if flags != bytes([1, 0, 0, 0]):
            found.append(str(source))
print(json.dumps(found))
"""


def run_python(engine: Engine, image: str, code: str, *arguments: str) -> str:
    """Return the output of a few lines of Python that run in the image instead of the entrypoint."""
    done = engine.run(image, "-I", "-c", code, *arguments, options=["--network=none", f"--entrypoint={PYTHON}"])
    assert done.status == 0, done.stderr
    return done.stdout


def test_runs_as_a_numbered_user(engine: Engine, images: Images) -> None:
    """Kubernetes can check a number, and it is not 0."""
    config = engine.inspect_image(images.secretsync)["Config"]
    assert config["User"] == "10001:10001"
    assert run_python(engine, images.secretsync, "import os; print(os.getuid(), os.getgid())") == "10001 10001\n"


def test_starts_secretsync_isolated(engine: Engine, images: Images) -> None:
    """The entrypoint takes nothing from PYTHON* variables or from the working directory."""
    config = engine.inspect_image(images.secretsync)["Config"]
    assert config["Entrypoint"] == ["python", "-I", "-m", "secretsync", "run", "--"]
    assert not config.get("Cmd")


def test_the_entrypoint_finds_the_right_python(engine: Engine, images: Images) -> None:
    """`python` is the one with SecretSync, not the base's own."""
    done = engine.run(images.secretsync, "-c", "command -v python", options=["--network=none", "--entrypoint=sh"])
    assert done.stdout == f"{PYTHON}\n"


def test_environment_of_the_image_says_nothing(engine: Engine, images: Images) -> None:
    """PATH alone: no build argument, no pip setting stayed behind."""
    config = engine.inspect_image(images.secretsync)["Config"]
    assert [entry.partition("=")[0] for entry in config["Env"]] == ["PATH"]


def test_no_installer_no_compiler_no_source_tree(engine: Engine, images: Images) -> None:
    """Nothing that built the image is in it."""
    code = """
import importlib.util, json, os, shutil
found = [name for name in ("pip", "setuptools", "hatchling") if importlib.util.find_spec(name)]
found += [name for name in ("cc", "gcc", "g++", "ld", "make") if shutil.which(name)]
found += [path for path in ("/src", "/wheels", "/root/.cache", "/tmp/pip-build") if os.path.exists(path)]
print(json.dumps(found))
"""
    assert json.loads(run_python(engine, images.secretsync, code)) == []


def test_every_module_is_compiled(engine: Engine, images: Images) -> None:
    """A read-only root cannot keep a .pyc, so every one is there, and none depends on a time stamp."""
    output = run_python(engine, images.secretsync, _STALE_PYC, "/opt/secretsync/lib")
    assert json.loads(output) == []
    # And the standard library's, those packages for example that an SDK imports.
    code = "import asyncio, email, json, logging; print(*(m.__path__[0] for m in (asyncio, email, json, logging)))"
    folders = run_python(engine, images.secretsync, code).split()
    assert len(folders) == 4
    assert json.loads(run_python(engine, images.secretsync, _STALE_PYC, *folders)) == []


@pytest.mark.parametrize(
    ("image", "there"),
    [("secretsync", ["boto3", "hvac", "azure.keyvault.secrets"]), ("secretsync_aws", ["boto3"])],
)
def test_extras_decide_what_comes_along(engine: Engine, images: Images, image: str, there: list[str]) -> None:
    """An image for AWS carries no hvac and no azure."""
    code = """
import importlib.util, json
def has(name):
    try: return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError: return False
print(json.dumps([name for name in ("boto3", "hvac", "azure.keyvault.secrets") if has(name)]))
"""
    assert json.loads(run_python(engine, getattr(images, image), code)) == there


def test_pip_configuration_of_the_build_stays_out(engine: Engine, images: Images, tmp_path: Path) -> None:
    """The address of an index, with its password, is in no layer and not in the history; no extras are needed."""
    password = make_canary()
    configuration = tmp_path / "pip.conf"
    # A setting that the installer reads, and a failing one if it were asked: the build must not go there.
    configuration.write_text(f"[global]\nextra-index-url = https://user:{password}@127.0.0.1:9/simple\n")
    tag = "localhost/secretsync-core:test"
    engine.build(
        tag,
        DOCKERFILE,
        ROOT,
        arguments={"BASE": images.base, "EXTRAS": ""},
        wheels=wheels_folder(engine),
        secrets={"pip.conf": configuration},
    )
    archive = tmp_path / "image.tar"
    engine.save(tag, archive)
    content = archive.read_bytes()
    assert b"secretsync" in content
    assert_clean(content, "the image")
    assert_clean(engine.podman("history", "--no-trunc", tag).stdout, "its history")
    code = "import importlib.util as u; print(u.find_spec('secretsync') is not None, u.find_spec('boto3') is not None)"
    assert run_python(engine, tag, code) == "True False\n"
