"""`secretsync permissions`: the text of the policies, options, exit status. Servers are in tests/end_to_end."""

import json

import pytest

from tests.support.projects import MakeProject, Project

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:by-arn-AbCdEf"
FILES = {
    "env/production/security.env": (
        f"A=$<aws:{ARN}#a>\nB=$<aws:shop/b?version=x>\nC=$<aws:shop/b#c>\nD=$<china:d>\n"
        "E=$<vault:secret/app#e>\nF=$<one:kv/team/f#f>\nG=$<azure:g>\nH=$<vault:database/creds/app#username>\n"
        'I=$<docker:i>\nJ=$<stars:secret/a*#x>\nK=$<quotes:secret/a"b#x>\nL=$<azure-unset:l>\n'
    ),
    "providers/production.toml": (
        '[stores.aws]\nregion = "eu-west-1"\nrole_arn = "arn:aws:iam::123456789012:role/reader"\n'
        '[stores.china]\nprovider = "aws"\nregion = "cn-north-1"\n'
        '[stores.one]\nprovider = "vault"\nkv_version = 1\n'
        '[stores.stars]\nprovider = "vault"\nkv_version = 2\n[stores.quotes]\nprovider = "vault"\nkv_version = 2\n'
        '[stores.azure]\nvault_url = "https://shared.vault.azure.net"\n[stores.azure-unset]\nprovider = "azure"\n'
    ),
}


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Return a project with secrets in several stores."""
    return project(FILES)


def policy(shop: Project, store: str, *options: str, expect: int = 0) -> str:
    """Return the output of the command."""
    done = shop.cli("permissions", "-e", "production", "--store", store, *options, expect=expect)
    return done.stdout if expect == 0 else done.stderr


def test_a_policy_of_iam_has_each_secret_once(shop: Project) -> None:
    """Name a secret by its ARN, or by its name with the characters that AWS appends."""
    values, batches = json.loads(policy(shop, "aws"))["Statement"]
    assert values["Action"] == "secretsmanager:GetSecretValue"
    assert values["Resource"] == [ARN, "arn:aws:secretsmanager:eu-west-1:*:secret:shop/b-??????"]
    assert batches == {
        "Sid": "OptionalBatches",
        "Effect": "Allow",
        "Action": "secretsmanager:BatchGetSecretValue",
        "Resource": ["*"],
    }
    assert '"arn:aws-cn:secretsmanager:cn-north-1:*:secret:d-??????"' in policy(shop, "china")
    notes = shop.cli("permissions", "-e", "production", "--store", "aws").stderr
    assert "sts:AssumeRole" in notes
    assert shop.cli("permissions", "-e", "production", "--store", "aws", "-q").stderr == ""


def test_metadata_only_has_no_right_to_a_value(shop: Project) -> None:
    """Write no action that returns a value, and no path that holds one."""
    assert "GetSecretValue" not in policy(shop, "aws", "--metadata-only")
    assert policy(shop, "vault", "--metadata-only", "--kv-version", "2").split("\n\n") == [
        'path "database/roles/app" {\n  capabilities = ["read"]\n}',
        'path "secret/metadata/app" {\n  capabilities = ["read"]\n}',
        (
            "# Optional: the names of fields for `check`, without values.\n"
            'path "secret/subkeys/app" {\n  capabilities = ["read"]\n}\n'
        ),
    ]
    assert policy(shop, "one", "--metadata-only").endswith('path "kv/team/" {\n  capabilities = ["list"]\n}\n')
    assert "Key Vault Reader" in policy(shop, "azure", "--metadata-only")


def test_a_path_of_vault_depends_on_its_mount(shop: Project) -> None:
    """Write `data/` for KV version 2 only, escape quotes, and refuse a pattern and an unknown version."""
    assert policy(shop, "vault", "--kv-version", "2").startswith('path "database/creds/app" {')
    assert 'path "secret/data/app"' in policy(shop, "vault", "--kv-version", "2")
    assert policy(shop, "one") == 'path "kv/team/f" {\n  capabilities = ["read"]\n}\n'
    assert 'path "secret/data/a\\"b"' in policy(shop, "quotes")
    assert "would be a pattern in a policy" in policy(shop, "stars", expect=6)
    unknown = policy(shop, "vault", expect=6)
    assert "env/production/security.env:5" in unknown
    assert "give --kv-version 1 or --kv-version 2" in unknown


def test_a_role_of_azure_is_for_one_secret(shop: Project) -> None:
    """Write one assignment for each secret, below the id of its vault."""
    lines = policy(shop, "azure").splitlines()
    assert lines[1] == "VAULT_ID=$(az keyvault show --name shared --query id --output tsv)"
    assert lines[2].startswith('az role assignment create --role "Key Vault Secrets User"')
    assert lines[2].endswith('--scope "$VAULT_ID/secrets/g"')
    assert "vault_url" in policy(shop, "azure-unset", expect=6)


@pytest.mark.parametrize(("store", "message"), [("docker", "no policy for docker"), ("azrue", "name one of aws")])
def test_other_stores_have_no_policy(shop: Project, store: str, message: str) -> None:
    """Name the stores that the environment uses."""
    assert message in policy(shop, store, expect=2)
