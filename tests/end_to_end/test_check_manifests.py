"""`check-rotation --from`: the ages of secrets that only manifests name."""

import json

from tests.exporting.test_manifests import ref, secret, store
from tests.servers.aws import AwsAccount
from tests.support.projects import MakeProject


def test_the_ages_of_a_namespace_from_its_json_alone(project: MakeProject, aws: AwsAccount) -> None:
    """Report 200 ExternalSecrets with an identity that reads no value, in a folder without env files."""
    names = [aws.name(f"shop-{number}") for number in range(200)]
    aws.create_many(names)
    objects = [secret(ref(f"KEY_{number}", name)) for number, name in enumerate(names)]
    for number, one in enumerate(objects):
        one["metadata"]["name"] = f"web-{number}"
    objects[0]["metadata"]["annotations"] = {"secretsync/limits": '{"KEY_0": {"max_age": "7d"}}'}
    made = project()
    main = store("main", {"aws": {"service": "SecretsManager", "region": "eu-west-1"}})
    made.write("cluster.json", json.dumps({"kind": "List", "items": [main, *objects]}))
    made.write("limits.toml", 'project = "cluster"\n[rotation]\nmax_age = "45d"\n')
    command = ("check-rotation", "--from", "cluster.json", "--bindings", "limits.toml", "--format", "json")
    env = aws.environ(aws.metadata_only())
    document = json.loads(made.cli(*command, env=env, expect=0).stdout)
    limits = {row["keys"][0]: row["limit"] for row in document["secrets"]}
    assert document["project"] == "cluster"
    assert len(limits) == 200
    assert (limits["KEY_0"], limits["KEY_1"]) == ("7d", "45d")
    assert {row["state"] for row in document["secrets"]} == {"ok"}
    later = made.cli(*command, "--at", "2100-01-01", env=env, expect=1)
    assert {row["state"] for row in json.loads(later.stdout)["secrets"]} == {"overdue"}


def test_a_reference_that_cannot_be_checked_is_a_finding(project: MakeProject) -> None:
    """End with 1 and name the reference, because a report without it would look complete."""
    made = project()
    made.write("x.json", json.dumps(secret(ref("KEY", "a"))))
    done = made.cli("check-rotation", "--from", "x.json", expect=1)
    assert "not checked: x.json: shop/web: KEY: the SecretStore main is not in the input" in done.stderr


def test_options_that_do_not_go_with_manifests(project: MakeProject) -> None:
    """End with 2 for options that select env files, and for a file that cannot be read."""
    made = project()
    made.write("x.yaml", "kind: Secret\n")
    for rest in (("x.yaml", "--all"), ("x.yaml", "--service", "a"), ("absent.json",), ("x.yaml",)):
        made.cli("check-rotation", "--from", *rest, expect=2)
