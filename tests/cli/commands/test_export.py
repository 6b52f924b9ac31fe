"""`secretsync export`: options, output, exit status."""

import json
from pathlib import Path

import pytest
import yaml

from secretsync.exporting.targets import TARGETS
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf"
FILES = {
    "env/production/common.env": "HOST=db\nLEVEL=$<env:LEVEL:-INFO>\n",
    "env/production/security.env": f"KEY=$<aws:{ARN}#key>\n",
    "providers/production.toml": 'project = "shop"\n[stores.aws]\nregion = "eu-west-1"\n',
}
ROOT = Path(__file__).parents[3]


def test_an_entry_that_the_target_cannot_carry_ends_the_command(project: MakeProject) -> None:
    """End with 6, name the entry and the reason, and write nothing."""
    made = project(FILES)
    result = made.cli("export", "--to", "external-secrets", "-e", "production", "--output", "x.yaml", expect=6)
    assert "env/production/common.env:2: LEVEL: it uses the environment variable LEVEL" in result.stderr
    assert not (made.root / "x.yaml").exists()


@pytest.mark.parametrize("target", TARGETS)
def test_the_other_entries_are_written_on_request(project: MakeProject, target: str) -> None:
    """With --only-mapped, write the other entries and list what is left out."""
    result = project(FILES).cli("export", "--to", target, "-e", "production", "--only-mapped")
    assert "left out: env/production/common.env:2: LEVEL:" in result.stderr
    assert "KEY" in result.stdout
    assert "LEVEL" not in result.stdout


def test_the_result_does_not_depend_on_the_process_environment(project: MakeProject) -> None:
    """Write the same text whether or not the variables of the files are set."""
    made = project(FILES | {"env/production/common.env": "HOST=${HOST:-db}\nPORT=${PORT:?set it}\n"})
    command = ("export", "--to", "gitlab", "-e", "production", "--only-mapped")
    one, other = made.cli(*command), made.cli(*command, env={"HOST": "elsewhere", "PORT": ""})
    assert (one.stdout, one.stderr) == (other.stdout, other.stderr)
    assert "elsewhere" not in one.stdout


def test_check_compares_a_committed_file(project: MakeProject) -> None:
    """End with 0 for the text that would be written, and with 1 for another text or no file; write nothing."""
    made = project(FILES | {"env/production/common.env": "HOST=db\n"})
    command = ("export", "--to", "external-secrets", "-e", "production")
    missing = made.cli(*command, "--check", "x.yaml", expect=1)
    assert "there is no such file" in missing.stderr
    made.cli(*command, "--output", "x.yaml")
    made.cli(*command, "--check", "x.yaml")
    made.write("env/production/common.env", "HOST=other\n")
    before = made.read("x.yaml")
    assert "out of date" in made.cli(*command, "--check", "x.yaml", expect=1).stderr
    assert made.read("x.yaml") == before


@pytest.mark.parametrize("target", TARGETS)
def test_a_secret_in_plain_text_is_in_no_output(project: MakeProject, canary: CanaryFactory, target: str) -> None:
    """Refuse a secret that is written in an env file, also as a part of a URL, without a part of its value."""
    secret = canary()
    made = project(
        FILES
        | {"env/production/web.env": f"API_TOKEN={secret}\nURL=https://u:{secret}@h/$<aws:{ARN}>\nX=a${{API_TOKEN}}\n"}
    )
    result = made.cli("export", "--to", target, "-e", "production", "--only-mapped")
    assert secret not in result.stdout + result.stderr
    assert result.stderr.count("plain text") == 3


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "ecs", "--reloader"),
        ("--to", "gitlab", "--layout", "tfvars"),
        ("--to", "external-secrets", "--layout", "tfvars"),
        ("--to", "external-secrets", "--check", "a", "--output", "b"),
        ("--to", "external-secrets", "--with-stores", "--store-kind", "ClusterSecretStore"),
        ("--to", "external-secrets", "--name", "Not A Name"),
        ("--to", "external-secrets", "--namespace", "a_b"),
        ("--to", "nomad"),
        (),
    ],
)
def test_options_that_do_not_go_together_are_refused(project: MakeProject, options: tuple[str, ...]) -> None:
    """End with 2 before a file is written."""
    project(FILES).cli("export", "-e", "production", "--only-mapped", *options, expect=2)


def test_ecs_has_a_layout_for_terraform(project: MakeProject) -> None:
    """Write the same references as variables of Terraform."""
    command = ("export", "--to", "ecs", "-e", "production", "--only-mapped", "-q")
    made = project(FILES)
    (container,) = json.loads(made.cli(*command).stdout)["containerDefinitions"]
    assert container == {
        "name": "shop",
        "environment": [{"name": "HOST", "value": "db"}],
        "secrets": [{"name": "KEY", "valueFrom": f"{ARN}:key::"}],
    }
    variables = json.loads(made.cli(*command, "--layout", "tfvars").stdout)
    assert variables == {
        "containers": {"shop": {"environment": container["environment"], "secrets": container["secrets"]}}
    }


@pytest.mark.parametrize(("target", "secrets"), [("external-secrets", 8), ("ecs", 0), ("gitlab", 6)])
def test_this_repositorys_production_is_mapped_or_refused_with_its_reason(
    project: MakeProject, target: str, secrets: int
) -> None:
    """Export env/production of this repository: each entry is in the text, or listed as left out."""
    made = project()
    account = ("--service-account", "app") if target == "external-secrets" else ()
    command = ("export", "--root", str(ROOT), "--to", target, "-e", "production", "--only-mapped", *account)
    result = made.cli(*command)
    left_out = [line.split(": ")[4] for line in result.stderr.splitlines() if "left out: " in line]
    keys = {
        line.split("=")[0]
        for file in (ROOT / "env" / "production").glob("*.env")
        for line in file.read_text().splitlines()
        if line and not line.startswith("#")
    }
    assert {key for key in keys if f'"{key}"' not in result.stdout and f"{key}:" not in result.stdout} == set(left_out)
    if target == "external-secrets":
        manifests = list(yaml.safe_load_all(result.stdout))
        specs = [one["spec"] for one in manifests if one["kind"] == "ExternalSecret"]
        assert sum(len(spec["target"].get("template", spec).get("data", ())) for spec in specs) == secrets
