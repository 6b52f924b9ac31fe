"""The page on containers: what it says to type, to write into a unit or to set as an entrypoint is what there is."""

import json
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cli.commands import render, run
from secretsync.cli.parser import build_parser
from tests.container.images import ENTRYPOINT, ROOT
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject
from tests.support.tools import needs_tool

TEXT = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
PREFIX = ENTRYPOINT[:4]  # python -I -m secretsync
PARSERS = {"run": build_parser("run", run), "render": build_parser("render", render)}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def check_call(words: list[str]) -> None:
    """`words` begin with a command of SecretSync that takes the options between it and the application's command."""
    assert words[0] in PARSERS, words
    parser: ArgumentParser = PARSERS[words[0]]
    options = words[1:]
    if words[0] == "run":
        assert "--" in options, words
        options, _ = run.split(options)
    parser.parse_args(options)


def test_entrypoints() -> None:
    """Each is the images' own, with options of `run` or an init in front."""
    found = [json.loads(line) for line in re.findall(r"^ENTRYPOINT (\[.*\])$", TEXT, re.MULTILINE)]
    assert len(found) == 3
    for words in found:
        begin = words.index(PREFIX[0])
        assert words[:begin] in ([], ["/usr/bin/tini", "--"])
        assert words[begin : begin + 4] == PREFIX
        check_call(words[begin + 4 :])
    copied = re.findall(r"^COPY --from=\S+ .*$", TEXT, re.MULTILINE)
    assert copied[0] in (ROOT / "docker" / "Dockerfile.app").read_text()


def test_commands() -> None:
    """Every line of a shell that calls SecretSync, here or in a container, is one that it takes."""
    lines = [
        line for block in blocks("sh") for line in block.replace("\\\n", " ").split("\n") if "-m secretsync" in line
    ]
    assert len(lines) == 2
    for line in lines:
        check_call(shlex.split(line.partition("-m secretsync ")[2]))


def test_units(tmp_path: Path) -> None:
    """The manager of services takes the units; what they start is a command of SecretSync."""
    units = blocks("ini")
    assert len(units) == 2
    analyze = needs_tool("systemd-analyze")
    for number, unit in enumerate(units):
        (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        words = shlex.split(start)
        assert words[:4] == PREFIX
        check_call(words[4:])
        # The programs and the user of the page are not here.
        text = unit.replace(start, "/bin/true").replace("User=app\n", "User=daemon\n")
        path = tmp_path / f"app-{number}.service"
        path.write_text(text)
        done = subprocess.run([analyze, "verify", str(path)], capture_output=True, text=True, check=False)
        complaints = [line for line in done.stderr.split("\n") if path.name in line]
        assert (done.returncode, complaints) == (0, []), done.stderr


def test_units_do_not_restart_in_vain() -> None:
    """A status that the table answers with "no" ends the unit; one that it answers with "yes" does not."""
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", TEXT, re.MULTILINE)
    rows = re.findall(r"^\| ([0-9, ]+) \|[^|]*\| (yes|no)\b", TEXT, re.MULTILINE)
    answers = {int(status): answer for statuses, answer in rows for status in statuses.split(",")}
    ours = {status for status in answers if status < 126}
    assert {int(status) for status in prevented.split()} == {status for status in ours if answers[status] == "no"}
    assert answers[5] == "yes"


def test_task_definition() -> None:
    """The one of ECS is JSON, of the image's user, with no value in it."""
    (block,) = blocks("json")
    (container,) = json.loads(block)["containerDefinitions"]
    assert container["user"] == "10001:10001"
    assert container["readonlyRootFilesystem"] is True
    assert {one["name"] for one in container["environment"]} == {"SECRETSYNC_ENV", "AWS_REGION"}


def test_bound_services(project: MakeProject, canary: CanaryFactory) -> None:
    """The command of the page for platforms with all services in one variable reads that variable."""
    (line,) = re.findall(r"`(DB_PASSWORD=\$<env:VCAP_SERVICES#\S+>)`", TEXT)
    value = canary()
    made = project({"env/production/security.env": f"{line}\n"})
    services = json.dumps({"postgres": [{"credentials": {"password": value}}]})
    argv = ("run", "-e", "production", "--", "printenv", "DB_PASSWORD")
    assert made.cli(*argv, env={"VCAP_SERVICES": services}, reveals=True, expect=0).stdout == f"{value}\n"


@pytest.mark.parametrize("name", re.findall(r"\]\(\.\./(docker/[^)]*)\)", TEXT))
def test_files_that_it_leads_to(name: str) -> None:
    """They are there."""
    assert (ROOT / name).exists()


def test_manifests_are_all_named() -> None:
    """The table has each file of the folder, and no other."""
    names = set(re.findall(r"^\| `([a-z-]+\.yaml)` \|", TEXT, re.MULTILINE))
    assert names == {path.name for path in (ROOT / "docker" / "kubernetes").glob("*.yaml")}


def pods() -> dict[str, Any]:
    """Return the pod of each workload of the manifests, by the workload's name."""
    found = {}
    for path in (ROOT / "docker" / "kubernetes").glob("*.yaml"):
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            spec = manifest.get("spec", {})
            template = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
            if template:
                assert manifest["metadata"]["namespace"] == "production"
                found[manifest["metadata"]["name"]] = template["spec"]
    return found


def secretsync_container(pod: Any) -> Any:
    """Return the container of a pod that runs SecretSync."""
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    (found,) = [one for one in containers if "/opt/secretsync/bin/python" in one.get("command", [])]
    return found


def mounts(container: Any) -> dict[str, str]:
    """Return the mounted volumes of a container, with their paths."""
    return {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}


def test_every_pod_that_reads_values_has_the_secrets_of_the_cluster() -> None:
    """One providers/production.toml fits all manifests, so both ways to start have the same files at the same path."""
    for name in ("app", "app-files"):
        pod = pods()[name]
        assert mounts(secretsync_container(pod))["secrets"] == "/etc/secrets", name
        assert {"name": "secrets", "secret": {"secretName": "app", "defaultMode": 0o440}} in pod["volumes"], name
    application = next(one for one in pods()["app-files"]["containers"] if one["name"] == "app")
    assert set(mounts(application)) == {"rendered"}


def test_the_rotation_check_mounts_no_secret() -> None:
    """Its pod cannot read a value, and has the image, the environment and the login of the application."""
    check, app = pods()["rotation-check"], pods()["app"]
    assert not [volume for volume in check["volumes"] if "secret" in volume]
    ours, theirs = secretsync_container(check), secretsync_container(app)
    assert ours["image"] == theirs["image"]
    assert ours["args"][:3] == ["check-rotation", "-e", theirs["env"][0]["value"]]
    assert mounts(ours)["vault-token"] == mounts(theirs)["vault-token"]


def test_the_job_that_restarts(project: MakeProject, canary: CanaryFactory, vault: VaultSpace, tmp_path: Path) -> None:
    """Its script writes a patch with the versions, which differs after a rotation alone, as who reads no value."""
    script, *arguments = secretsync_container(pods()["rotation-restart"])["args"]
    assert arguments == ["production", "/work/report.json", "/work/patch.json"]
    mount = vault.kv2()
    made = project({"env/production/security.env": f"KEY=$<vault:{mount}/app#key>\n"})
    environ = clean_environment(made.home, vault.environ(vault.token(vault.policy(f"{mount}/metadata/*"))))
    patches = []
    for is_rotation in (True, False, True):
        if is_rotation:
            vault.write(mount, "app", {"key": canary()})
        report, patch = tmp_path / "report.json", tmp_path / "patch.json"
        argv = [sys.executable, "-I", "-c", script, "production", str(report), str(patch)]
        run_command(argv, cwd=made.root, env=environ, expect=0)
        patches.append(json.loads(patch.read_text())["spec"]["template"]["metadata"]["annotations"])
        patch.unlink()
    versions = [json.loads(one["secretsync/versions"]) for one in patches]
    assert versions == [{f"vault:{mount}/app": number} for number in ("1", "1", "2")]
    # If the store does not have the secret, there is no patch.
    vault.delete(mount, "app", 2)
    run_command(argv, cwd=made.root, env=environ, expect=3)
    assert not patch.exists()


def test_the_right_to_restart_is_for_one_deployment() -> None:
    """The account may read and change the Deployment whose name is in the command, and nothing else."""
    text = (ROOT / "docker" / "kubernetes" / "restart.yaml").read_text(encoding="utf-8")
    found = {one["kind"]: one for one in yaml.safe_load_all(text)}
    (rule,) = found["Role"]["rules"]
    (container,) = found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert rule["resourceNames"] == [container["args"][2]] == ["app"]
    assert (rule["apiGroups"], rule["resources"], rule["verbs"]) == (["apps"], ["deployments"], ["get", "patch"])
    (subject,) = found["RoleBinding"]["subjects"]
    assert subject["name"] == found["ServiceAccount"]["metadata"]["name"] == found["RoleBinding"]["roleRef"]["name"]
    assert "not run in a cluster" in text


def test_the_date_of_a_cluster_secret_is_declared(project: MakeProject) -> None:
    """The binding in both manifests and in the page is a binding with a date."""
    folder = ROOT / "docker" / "kubernetes"
    binding = re.compile(r'SMTP_TOKEN = \{ ref = "docker:smtp_token", rotated = 2026-10-01 \}')
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("cronjob.yaml", "deployment.yaml")]
    (line,) = {found for text in (*texts, TEXT) for found in binding.findall(text)}
    assert all(binding.search(text) for text in (*texts, TEXT))
    bindings = f'[stores.docker]\ndir = "/etc/secrets"\n[secrets]\n{line}\n'
    made = project({"env/production/security.env": "A=$<SMTP_TOKEN>\n", "providers/production.toml": bindings})
    assert "1 with a declared date" in made.cli("audit", "-e", "production").stdout


def test_the_image_of_an_application_has_no_private_file(project: MakeProject, canary: CanaryFactory) -> None:
    """The Dockerfile with its ignore file passes the audit, and without it does not."""
    made = project({"env/production/common.env": "A=1\n", ".env": f"DB_PASSWORD={canary()}\n"})
    for name in ("Dockerfile.app", "Dockerfile.app.dockerignore"):
        made.write(name, (ROOT / "docker" / name).read_text(encoding="utf-8"))
    assert "[image-context]" not in made.cli("audit", "-e", "production").stdout
    (made.root / "Dockerfile.app.dockerignore").unlink()
    assert "the image gets .env, .git" in made.cli("audit", "-e", "production").stdout
