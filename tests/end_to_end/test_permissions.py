"""The policies of `secretsync permissions`, applied to real servers: each required right is needed, and no other."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.servers.aws import AwsAccount, Principal
from tests.servers.names import unique
from tests.servers.openbao import VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

MODES = ((), ("--metadata-only",))
Environ = Callable[[Sequence[str]], dict[str, str]]
RESOLVES, CHECKS = ("render", "--format", "json"), ("check-rotation",)


def permissions(project: Project, store: str, *options: str) -> str:
    """Return the policy for a store; no store is asked, because its address is not in the environment."""
    version = ("--kv-version", "2") if store == "vault" else ()
    return project.cli("permissions", "-e", "production", "--store", store, *version, *options).stdout


def works(project: Project, command: Sequence[str], env: Mapping[str, str]) -> bool:
    """Return True if a command ends with 0, and False if it ends because something is denied."""
    done = project.cli(*command, "-e", "production", env=dict(env), reveals=command is RESOLVES)
    assert done.status in (0, 1, 4), done.stderr
    # `check-rotation` ends with 1 if it finds a secret whose age is denied.
    assert (done.status == 0) == ("denied" not in done.stdout + done.stderr), done.stderr
    return done.status == 0


def check_needed(
    project: Project, command: Sequence[str], parts: Sequence[str], required: Sequence[str], environ: Environ
) -> None:
    """Check that all `parts` of a policy are enough, that the `required` parts are, and that nothing less is.

    `environ`: return the variables of an application whose policy has these parts.
    """
    assert works(project, command, environ(parts))
    assert works(project, command, environ(required))
    for left_out in required:
        assert not works(project, command, environ([part for part in required if part != left_out])), left_out


@pytest.fixture
def vault_project(project: MakeProject, vault: VaultSpace, postgresql: PostgreSql, canary: CanaryFactory) -> Project:
    """Return a project with two secrets of KV, one below the other, and a password that Vault rotates."""
    mount = vault.kv2(unique("kv"))
    vault.write(mount, "shop", {"key": canary()})
    vault.write(mount, "shop/deep", {"key": canary()})
    vault.write(mount, "other", {"key": canary()})
    roles = vault.database(postgresql)
    return project(
        {
            "env/production/security.env": (
                f"A=$<vault:{mount}/shop#key>\nB=$<vault:{mount}/shop/deep#key>\nC=$<vault:{roles.static_creds}#password>\n"
            ),
            "providers/production.toml": "[stores.vault]\n",
        }
    )


@pytest.mark.parametrize(("options", "command"), [(MODES[0], RESOLVES), (MODES[1], CHECKS)])
def test_each_rule_for_vault_is_needed(
    vault_project: Project, vault: VaultSpace, options: tuple[str, ...], command: tuple[str, ...]
) -> None:
    """Resolve, or check, with the policy as it is printed; fail without any one of its required rules."""

    def environ(rules: Sequence[str]) -> dict[str, str]:
        name = unique("policy")
        vault.root.sys.create_or_update_policy(name, "\n".join(rules))
        return vault.environ(vault.token(name))

    rules = permissions(vault_project, "vault", *options).split("\n\n")
    required = [rule for rule in rules if not rule.startswith("# Optional")]
    assert (len(required), len(rules)) == (3, 5 if options else 3)
    check_needed(vault_project, command, rules, required, environ)


def test_the_metadata_policy_of_vault_reads_no_value(vault_project: Project, vault: VaultSpace) -> None:
    """Deny every value to a token that can check the whole environment, fields included."""
    name = unique("policy")
    vault.root.sys.create_or_update_policy(name, permissions(vault_project, "vault", "--metadata-only"))
    env = vault.environ(vault.token(name))
    assert not works(vault_project, RESOLVES, env)
    vault_project.cli("check", "-e", "production", env=env, expect=0)
    references = [line.split("=", 1)[1] for line in vault_project.read("env/production/security.env").splitlines()]
    for reference in references:
        denied = vault_project.cli("get", "-e", "production", reference[2:-1], "--reveal", env=env, expect=4)
        assert denied.stdout == ""


@pytest.fixture
def aws_project(project: MakeProject, aws: AwsAccount, canary: CanaryFactory) -> Project:
    """Return a project with a secret by its name, and a secret by its ARN."""
    arn = aws.create("by-arn", canary())
    aws.create("by-name", {"key": canary()})
    aws.create("by-name-2", canary())
    return project(
        {
            "env/production/security.env": f"A=$<aws:{arn}>\nB=$<aws:{aws.name('by-name')}#key>\n",
            "providers/production.toml": '[stores.aws]\nregion = "eu-west-1"\n',
        }
    )


def user_with(aws: AwsAccount, policy: Mapping[str, Any]) -> Principal:
    """Return a new user who has only this policy."""
    iam, name = aws.client("iam"), unique("user")
    arn: str = iam.create_user(UserName=name)["User"]["Arn"]
    if policy["Statement"]:  # IAM refuses a policy without statements
        iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Principal(key["AccessKeyId"], key["SecretAccessKey"], None, arn)


@pytest.mark.parametrize(("options", "command"), [(MODES[0], RESOLVES), (MODES[1], CHECKS)])
def test_each_statement_for_aws_is_needed(
    aws_project: Project, aws: AwsAccount, options: tuple[str, ...], command: tuple[str, ...]
) -> None:
    """Resolve, or check, with the policy as it is printed; fail without any one of its required statements."""

    def environ(statements: Sequence[str]) -> dict[str, str]:
        policy = {"Version": "2012-10-17", "Statement": [json.loads(one) for one in statements]}
        return aws.environ(user_with(aws, policy))

    policy = json.loads(permissions(aws_project, "aws", *options))
    statements = [json.dumps(one) for one in policy["Statement"]]
    required = [json.dumps(one) for one in policy["Statement"] if not one["Sid"].startswith("Optional")]
    assert len(required) < len(statements)
    check_needed(aws_project, command, statements, required, environ)


def test_the_policies_for_parameters(project: MakeProject, aws: AwsAccount, canary: CanaryFactory) -> None:
    """Print the rights to read the parameters, by name and by ARN; for metadata, a right that is enough for a check."""
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/by-arn"
    aws.client("ssm").put_parameter(Name="/shop/key", Value=canary(), Type="SecureString")
    made = project(
        {
            "env/production/security.env": "A=$<ssm:/shop/key>\n",
            "env/staging/security.env": f"A=$<ssm:/shop/key>\nB=$<ssm:{arn}>\nC=$<ssm:plain>\n",
            "providers/production.toml": '[stores.ssm]\nregion = "eu-west-1"\n',
        }
    )
    printed = made.cli("permissions", "-e", "staging", "--store", "ssm").stdout
    [statement] = json.loads(printed)["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "ssm:GetParameters")
    assert statement["Resource"] == ["arn:aws:ssm:*:*:parameter/shop/key", arn, "arn:aws:ssm:*:*:parameter/plain"]
    policy = json.loads(permissions(made, "ssm", *MODES[1]))
    user = user_with(aws, policy)
    assert works(made, CHECKS, aws.environ(user))
    assert not works(made, RESOLVES, aws.environ(user))
    policy["Statement"] = []
    assert not works(made, CHECKS, aws.environ(user_with(aws, policy)))


def test_the_policies_of_aws_allow_no_other_secret(aws_project: Project, aws: AwsAccount) -> None:
    """Deny a secret whose name begins with the name of an allowed one, and every value for metadata only."""
    for options in MODES:
        user = user_with(aws, json.loads(permissions(aws_project, "aws", *options)))
        client = aws.client(principal=user)
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.get_secret_value(SecretId=aws.name("by-name-2"))
        if options:
            with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
                client.get_secret_value(SecretId=aws.name("by-name"))
            assert not works(aws_project, RESOLVES, aws.environ(user))
