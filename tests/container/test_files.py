"""The Dockerfiles, the Compose file and the Kubernetes manifests: valid, and of one mind with each other."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.container.checkers import load_yaml, run_checker
from tests.container.images import DOCKERFILE, DOCKERFILE_APP, ENTRYPOINT, ROOT, copied_image
from tests.support.tools import needs, needs_tool

COMPOSE = ROOT / "docker" / "compose.production.yaml"
KUBERNETES = sorted((ROOT / "docker" / "kubernetes").glob("*.yaml"))


def read_instruction(dockerfile: Path, name: str) -> str:
    """Return the arguments of the last use of an instruction, its lines joined."""
    text = dockerfile.read_text().replace("\\\n", " ")
    found: list[str] = re.findall(rf"^{name}\s+(.*)$", text, re.MULTILINE)
    return found[-1].strip()


def read_list(dockerfile: Path, name: str) -> list[str]:
    """Return the command in an instruction's exec form."""
    text = read_instruction(dockerfile, name)
    found: list[str] = json.loads(text[text.index("[") :])
    return found


def read_manifests(kind: str | None = None) -> list[Any]:
    """All Kubernetes objects, or those of one kind."""
    return [found for path in KUBERNETES for found in load_yaml(path) if kind in (None, found["kind"])]


def pod_specs() -> list[tuple[str, Any]]:
    """Return the pods that the manifests make, with the name of what makes them."""
    found = []
    for manifest in read_manifests():
        spec = manifest["spec"]["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else manifest.get("spec", {})
        if "containers" in spec.get("template", {}).get("spec", {}):
            found.append((manifest["metadata"]["name"], spec["template"]["spec"]))
    return found


@pytest.mark.parametrize("path", [DOCKERFILE, DOCKERFILE_APP], ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    """The Dockerfiles are clean."""
    assert run_checker("hadolint", path) == (0, "")


def test_both_images_have_one_base() -> None:
    """The files that Dockerfile.app copies fit its interpreter, and the base has one exact version."""
    (base,) = {
        re.findall(r"^ARG BASE=(\S+)$", path.read_text(), re.MULTILINE)[0] for path in (DOCKERFILE, DOCKERFILE_APP)
    }
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)


def test_copied_image_is_of_this_version() -> None:
    """Dockerfile.app names the version that this repository is."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert copied_image() == f"secretsync:{version}"


def test_compose_file_is_valid() -> None:
    """The Compose specification has no objection."""
    status, output = run_checker("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
    assert status == 0, output


def test_compose_checker_refuses_what_is_wrong(tmp_path: Path) -> None:
    """The check above can fail."""
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true"))
    assert run_checker("check-jsonschema", "--builtin-schema", "vendor.compose-spec", broken)[0] == 1


def test_swarm_takes_the_compose_file(tmp_path: Path) -> None:
    """`docker stack` knows an older format: it refuses what only Compose knows."""
    stack = [needs_tool("docker"), "stack", "config"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "APP_IMAGE": "app:1", "SECRETS_DIR": "/run/x"}
    known = subprocess.run([*stack, "--help"], env=env, capture_output=True, text=True, check=False)
    needs("docker stack config" in known.stdout, "a docker with `stack config`")
    argv = [*stack, "--compose-file", str(COMPOSE)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "file: /run/x/db_password" in done.stdout


def test_compose_app_is_as_production_wants_it() -> None:
    """Secrets as files, two replicas, limits, a health check, a restart, no rights that it does not need."""
    (document,) = load_yaml(COMPOSE)
    app = document["services"]["app"]
    assert [secret["source"] for secret in app["secrets"]] == ["db_password", "secret_key"]
    assert {secret["uid"] for secret in app["secrets"]} == {read_instruction(DOCKERFILE_APP, "USER").partition(":")[0]}
    assert app["deploy"]["replicas"] == 2
    assert app["deploy"]["resources"]["limits"]["memory"] == "512M"
    assert app["restart"] == "unless-stopped"
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert app["security_opt"] == ["no-new-privileges:true"]
    # The image's own health check, word for word.
    assert app["healthcheck"]["test"][1:] == read_list(DOCKERFILE_APP, "HEALTHCHECK")


def test_compose_database_gets_its_password_from_a_file() -> None:
    """The database reads the very secret that the application reads."""
    (document,) = load_yaml(COMPOSE)
    database = document["services"]["database"]
    assert database["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/db_password"
    assert database["secrets"] == ["db_password"]
    assert "POSTGRES_PASSWORD" not in database["environment"]


def test_compose_file_names_only_files_outside_the_repository() -> None:
    """No env_file, and each secret is in a folder that the deployment has to name."""
    (document,) = load_yaml(COMPOSE)
    assert all("env_file" not in service for service in document["services"].values())
    assert all(secret["file"].startswith("${SECRETS_DIR:?") for secret in document["secrets"].values())


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_kubernetes_manifests_are_valid(version: str) -> None:
    """The schemas of an old and of a new Kubernetes have no objection, not even to an unknown field."""
    status, output = run_checker("kubernetes-validate", "--strict", "-k", version, *KUBERNETES)
    assert status == 0, output
    assert output.count(" passed for resource ") == len(read_manifests())


def test_kubernetes_checker_refuses_what_is_wrong(tmp_path: Path) -> None:
    """The check above can fail."""
    broken = tmp_path / "cronjob.yaml"
    text = (ROOT / "docker" / "kubernetes" / "cronjob.yaml").read_text()
    broken.write_text(text.replace("timeZone:", "timezone:"))
    assert run_checker("kubernetes-validate", "--strict", "-k", "1.37", broken)[0] != 0


def test_pods_run_secretsync_isolated() -> None:
    """Whatever a manifest starts of SecretSync is the image's entrypoint, or another command of the same program."""
    commands = {
        (name, container["name"]): container["command"]
        for name, pod in pod_specs()
        for container in [*pod.get("initContainers", []), *pod["containers"]]
        if "command" in container
    }
    assert commands == {
        ("app", "app"): ENTRYPOINT,
        ("app-files", "secrets"): ENTRYPOINT[:-2],
        ("rotation-check", "check"): ENTRYPOINT[:-2],
        ("rotation-restart", "versions"): [*ENTRYPOINT[:2], "-c"],
        ("rotation-restart", "patch"): ["kubectl"],
    }
    assert read_list(DOCKERFILE_APP, "ENTRYPOINT") == ENTRYPOINT


def test_pods_have_no_rights_that_they_do_not_need() -> None:
    """No root, no writable root folder, no capability, no token of the API server."""
    uid = int(read_instruction(DOCKERFILE_APP, "USER").partition(":")[0])
    for name, pod in pod_specs():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == uid, name
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_no_volume_is_mounted_inside_a_read_only_one() -> None:
    """A container runtime cannot make the folder that it would be mounted on: the pod would never start."""
    for name, pod in pod_specs():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            mounts = container.get("volumeMounts", [])
            # /var/run is a link to /run.
            paths = [PurePosixPath(mount["mountPath"].removeprefix("/var")) for mount in mounts]
            for outer, mount in zip(paths, mounts, strict=True):
                inside = [str(path) for path in paths if outer in path.parents]
                assert not (mount.get("readOnly") and inside), f"{name}: {inside} inside {outer}"


def test_rendered_configuration_stays_in_memory() -> None:
    """The init container writes into memory, and the application sees the same file, read-only."""
    pod = dict(pod_specs())["app-files"]
    (rendered,) = [volume for volume in pod["volumes"] if volume["name"] == "rendered"]
    assert rendered["emptyDir"]["medium"] == "Memory"
    (init,) = pod["initContainers"]
    (app,) = pod["containers"]
    assert init["args"][init["args"].index("--output") + 1] == app["env"][0]["value"]
    (mount,) = app["volumeMounts"]
    assert (mount["name"], mount["readOnly"]) == ("rendered", True)


def test_service_accounts_are_those_that_pods_use() -> None:
    """Those that read metadata have another identity than the application, in each cloud."""
    accounts = {manifest["metadata"]["name"]: manifest["metadata"] for manifest in read_manifests("ServiceAccount")}
    assert {name: pod["serviceAccountName"] for name, pod in pod_specs()} == {
        "app": "app",
        "app-files": "app",
        "rotation-check": "rotation-check",
        "rotation-restart": "rotation-restart",
    }
    assert set(accounts) == {"app", "rotation-check", "rotation-restart"}
    for prefix in ("eks.amazonaws.com/role-arn", "azure.workload.identity/client-id"):
        identities = [account["annotations"][prefix] for account in accounts.values()]
        assert len(set(identities)) == 2, prefix
