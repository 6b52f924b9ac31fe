"""In an environment without boto3, hvac and the SDK of Azure: values and ages from files, Vault and AWS."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.servers.aws import AwsAccount, ContainerCredentials
from tests.servers.faults import running
from tests.servers.openbao import ROOT_TOKEN, VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import CommandResult, clean_environment, run_command
from tests.support.projects import MakeProject, Project

SOURCE = Path(__file__).parents[2] / "src"
Run = Callable[..., CommandResult]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the interpreter of a virtual environment with SecretSync and python-dotenv, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    make = [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")]
    run_command(make, cwd=folder, env=clean_environment(folder), expect=0)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "secretsync.pth").write_text(f"{SOURCE}\n")
    dotenv = find_spec("dotenv")
    assert dotenv is not None
    assert dotenv.origin is not None
    shutil.copytree(Path(dotenv.origin).parent, packages / "dotenv")
    metadata = next(file for file in distribution("secretsync-adapter").files or () if file.name == "METADATA")
    found = Path(str(metadata.locate())).parent
    shutil.copytree(found, packages / found.name)
    found_python = str(folder / "venv" / "bin" / "python")
    program = (
        "from importlib.util import find_spec; print([find_spec(n) for n in ('boto3', 'botocore', 'hvac', 'azure')])"
    )
    shown = run_command([found_python, "-I", "-c", program], cwd=folder, env=clean_environment(folder), expect=0)
    assert shown.stdout == "[None, None, None, None]\n"
    return found_python


def _cli(python: str, project: Project, environ: dict[str, str], *arguments: str, expect: int = 0) -> CommandResult:
    env = {**clean_environment(project.home), **environ}
    command = [python, "-I", "-m", "secretsync", *arguments]
    return run_command(command, cwd=project.root, env=env, expect=expect, reveals=True)


@pytest.fixture(params=["keys", "web identity", "container endpoint"])
def identity(request: pytest.FixtureRequest, aws: AwsAccount, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the variables of each identity that needs no SDK."""
    if request.param == "keys":
        yield aws.environ(aws.principal())
    elif request.param == "web identity":
        yield aws.pod(tmp_path)
    else:
        task = ContainerCredentials(aws.assume(aws.role(), aws.principal(())))
        with running(task):
            yield task.environ(aws.url)


def test_values_and_ages(
    python: str,
    project: MakeProject,
    aws: AwsAccount,
    vault: VaultSpace,
    canary: CanaryFactory,
    identity: dict[str, str],
) -> None:
    """Resolve, and judge ages, with files, Vault, and AWS by variables, a web identity and a container's endpoint."""
    values = {name: canary() for name in ("A", "B", "C", "D")}
    aws.create("app", {"key": values["A"]})
    mount = vault.kv2()
    vault.write(mount, "app", {"key": values["B"]})
    made = project(
        {
            "env/production/security.env": f"A=$<aws:app#key>\nB=$<vault:{mount}/app#key>\nC=$<C>\nD=$<env:D_VALUE>\n",
            "providers/production.toml": f'timeout = "{HANG}s"\n[stores.docker]\ndir = "files"\n[secrets]\n'
            'C = { ref = "docker:c", rotated = 2020-01-01 }\n[rotation]\nmax_age = "90d"\non_unknown = "warn"\n',
            "files/c": values["C"],
        }
    )
    environ = {
        **identity,
        "VAULT_ADDR": vault.url,
        "VAULT_TOKEN": ROOT_TOKEN,
        "D_VALUE": values["D"],
    }
    done = _cli(python, made, environ, "run", "-e", "production", "--", "sh", "-c", 'printf %s "$A/$B/$C/$D"')
    assert done.stdout == "/".join(values.values())
    report = _cli(python, made, environ, "check-rotation", "-e", "production", "--format", "json", expect=1)
    states = {row["keys"][0]: row["state"] for row in json.loads(report.stdout)["secrets"]}
    assert states == {"A": "ok", "B": "ok", "C": "overdue", "D": "unknown"}
    program = "from secretsync import resolve_config; print(*resolve_config('production').values(), sep='/')"
    env = {**clean_environment(made.home), **environ}
    library = run_command([python, "-I", "-c", program], cwd=made.root, env=env, expect=0, reveals=True)
    assert library.stdout == f"{'/'.join(values.values())}\n"


@pytest.mark.parametrize(
    ("reference", "bindings", "words"),
    [
        ("aws:app", '[stores.aws]\nregion = "eu-west-1"\ntransport = "sdk"\n', "secretsync-adapter[aws]"),
        ("aws:app", '[stores.aws]\nregion = "eu-west-1"\nprofile = "work"\n', "secretsync-adapter[aws]"),
        ("azure:app", '[stores.azure]\nvault_url = "https://v.vault.azure.net"\n', "secretsync-adapter[azure]"),
        (
            "vault:secret/app#key",
            '[stores.vault]\naddress = "https://127.0.0.1:9"\nauth = { method = "aws" }\n',
            "secretsync-adapter[vault]",
        ),
    ],
)
def test_what_needs_an_sdk(python: str, project: MakeProject, reference: str, bindings: str, words: str) -> None:
    """Fail with status 2 and the extra to install, and start nothing."""
    files = {"env/production/security.env": f"A=$<{reference}>\n", "providers/production.toml": bindings}
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"}
    done = _cli(python, project(files), keys, "run", "-e", "production", "--", "true", expect=2)
    assert f'pip install "{words}"' in done.stderr
