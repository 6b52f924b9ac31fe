"""The references in manifests, read back."""

import json
from typing import Any

import pytest

from secretsync.exporting.manifests import Manifests, Unreadable
from secretsync.project.bindings import Bindings
from secretsync.project.bindings_file import parse_bindings
from tests.exporting.exports import objects

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf"


def read(*documents: object, bindings: Bindings | None = None) -> tuple[Manifests, Bindings]:
    """Return what is in the documents, and the bindings with their stores and limits."""
    manifests = Manifests(bindings or Bindings())
    for number, document in enumerate(documents):
        manifests.add(f"{number}.json", json.dumps(document).encode())
    return manifests, manifests.read()


def texts(manifests: Manifests) -> dict[str, str]:
    """Return the reference of each key."""
    return {entry.key: entry.text for entry in manifests.entries}


def store(name: str, provider: dict[str, Any], kind: str = "SecretStore", namespace: str = "shop") -> dict[str, Any]:
    """Return a store of External Secrets."""
    metadata = {"name": name} if kind == "ClusterSecretStore" else {"name": name, "namespace": namespace}
    return {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": metadata, "spec": {"provider": provider}}


def secret(*data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an ExternalSecret."""
    metadata = {"name": "web", "namespace": "shop"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": metadata,
        "spec": {"secretStoreRef": {"name": "main"}, "data": list(data), **more},
    }


def ref(key: str, path: str, **more: str) -> dict[str, Any]:
    """Return one element of `data`."""
    return {"secretKey": key, "remoteRef": {"key": path, **more}}


def test_what_export_writes_is_read_back() -> None:
    """Find the secrets, versions, stores and limits of the env files in the exported objects."""
    bindings = '[secrets]\nLIMITED = { ref = "aws:limited", max_age = "30d", rotated = 2026-10-01 }\n'
    files = {
        "security": (
            f"ARN=$<aws:{ARN}#key>\nSTAGE=$<aws:app?stage=AWSPREVIOUS>\nVERSION=$<aws:app?version=ab>\n"
            "LIMITED=$<LIMITED>\n"
            "DATA=$<vault:secret/data/x#key>\nV1=$<vault-one:kv/data/x#key>\nPINNED=$<vault:secret/app?version=3#key>\n"
        )
    }
    found = objects(files, bindings=bindings)
    stores = [
        store("aws", {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}, namespace="default"),
        store("vault", {"vault": {"server": "https://v", "version": "v2"}}, namespace="default"),
        store("vault-one", {"vault": {"server": "https://v", "version": "v1"}}, namespace="default"),
    ]
    manifests, read_bindings = read([*stores, *found])
    assert manifests.unchecked == []
    assert texts(manifests) == {
        "ARN": f"$<default-aws:{ARN}>",
        "STAGE": "$<default-aws:app?stage=AWSPREVIOUS>",
        "VERSION": "$<default-aws:app?version=ab>",
        "LIMITED": "$<default-aws:limited>",
        "DATA": "$<default-vault:secret/data/x>",
        "V1": "$<default-vault-one:kv/data/x>",
        "PINNED": "$<default-vault:secret/app?version=3>",
    }
    (limit,) = read_bindings.secrets.values()
    assert limit.max_age is not None
    assert (limit.max_age.written, limit.max_age.seconds) == ("30d", 30 * 86400.0)
    assert limit.rotated is not None


@pytest.mark.parametrize(
    ("vault", "key", "path"),
    [
        ({"version": "v2", "path": "team/kv"}, "app", "team/kv/app"),
        ({"version": "v2", "path": "team/kv"}, "team/kv/app", "team/kv/app"),
        ({"version": "v2", "path": "team/kv"}, "team/kv/data/app", "team/kv/app"),
        ({"version": "v2", "path": "secret"}, "data/app", "secret/data/app"),
        ({"version": "v1", "path": "kv"}, "app", "kv/app"),
        ({"path": "secret"}, "app", "secret/app"),
        ({}, "secret/app", "secret/app"),
        ({}, "secret/data/app", "secret/app"),
        ({"version": "v1"}, "kv/data/app", "kv/data/app"),
    ],
)
def test_paths_of_vault_are_read_as_the_operator_reads_them(vault: dict[str, str], key: str, path: str) -> None:
    """Return the path with its mount and without `data/`."""
    main = store("main", {"vault": {"server": "https://v", **vault}})
    assert texts(read(main, secret(ref("A", key)))[0]) == {"A": f"$<shop-main:{path}>"}


def test_stores_are_found_by_kind_and_namespace() -> None:
    """Keep two stores of one name apart, and use the store of the bindings if it has the name."""
    azure = {"azurekv": {"vaultUrl": "https://x.vault.azure.net"}}
    other = {"sourceRef": {"storeRef": {"name": "main", "kind": "ClusterSecretStore"}}}
    documents = (
        store("main", {"aws": {"service": "SecretsManager", "region": "us-east-1"}}),
        store("main", azure, kind="ClusterSecretStore"),
        secret(ref("A", "a"), ref("B", "secret/b") | other, ref("C", "key/c") | other),
    )
    manifests, bindings = read({"kind": "List", "items": documents})
    assert texts(manifests) == {"A": "$<shop-main:a>", "B": "$<cluster-main:b>"}
    assert bindings.stores["shop-main"].settings == {"region": "us-east-1"}
    assert bindings.stores["cluster-main"].settings == {"vault_url": "https://x.vault.azure.net"}
    assert manifests.unchecked == ["0.json: shop/web: C: it is a key or a certificate of Key Vault, and no secret"]
    given = parse_bindings(b'[stores.main]\nprovider = "aws"\nregion = "eu-west-1"\n', "x.toml")
    assert texts(read(*documents, bindings=given)[0])["A"] == "$<main:a>"


def test_what_cannot_be_checked_is_listed() -> None:
    """List stores that are not there, other providers, generators and damaged limits, each with its place."""
    one = secret(
        ref("A", "a"),
        ref("B", "b") | {"sourceRef": {"storeRef": {"name": "absent"}}},
        ref("C", "c") | {"sourceRef": {"storeRef": {"name": "google"}}},
        dataFrom=[{"sourceRef": {"generatorRef": {"kind": "Password", "name": "x"}}}, {"extract": {"key": "whole"}}],
    )
    one["metadata"]["annotations"] = {"secretsync/limits": '{"A": {"max_age": "1d", "rotated": "yesterday"}}'}
    main = store("main", {"aws": {"service": "SecretsManager"}})
    google = store("google", {"gcpsm": {"projectID": "x"}})
    manifests, _ = read(main, google, one)
    assert texts(manifests) == {"A": "$<shop-main:a>", "dataFrom[1]": "$<shop-main:whole>"}
    assert [line.partition("shop/web: ")[2] for line in manifests.unchecked] == [
        "B: the SecretStore absent is not in the input, nor in the bindings",
        "C: the provider of the SecretStore google has no counterpart",
        "dataFrom[0]: a generator or a search names no secret",
        "the annotation secretsync/limits is damaged, so its limits do not count",
    ]


def test_task_definitions_are_read() -> None:
    """Read ARNs with their stage and version, and list what is in another service."""
    container = {
        "name": "web",
        "secrets": [
            {"name": "A", "valueFrom": ARN},
            {"name": "B", "valueFrom": f"{ARN}:key:AWSPREVIOUS:"},
            {"name": "C", "valueFrom": f"{ARN}:::ab"},
            {"name": "D", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/x"},
            {"name": "E", "valueFrom": "/production/app"},
            {"name": "F", "valueFrom": "arn:aws:s3:::bucket/x"},
        ],
    }
    manifests, _ = read({"taskDefinition": {"family": "shop", "containerDefinitions": [container]}})
    assert texts(manifests) == {
        "A": f"$<aws:{ARN}>",
        "B": f"$<aws:{ARN}?stage=AWSPREVIOUS>",
        "C": f"$<aws:{ARN}?version=ab>",
        "D": "$<ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/x>",
        "E": "$<ssm:/production/app>",
    }
    assert manifests.unchecked == ["0.json: shop/web: F: it is not in Secrets Manager or Parameter Store"]


def test_parameters_are_read() -> None:
    """Read the SecretStore of Parameter Store, with versions and labels of its parameters."""
    parameters = store("main", {"aws": {"service": "ParameterStore", "region": "eu-west-1"}})
    one = secret(ref("A", "/app/a"), ref("B", "/app/b", version="3"), ref("C", "/app/c", version="live"))
    manifests, bindings = read(parameters, one)
    assert texts(manifests) == {
        "A": "$<shop-main:/app/a>",
        "B": "$<shop-main:/app/b?version=3>",
        "C": "$<shop-main:/app/c?stage=live>",
    }
    assert (bindings.stores["shop-main"].provider, manifests.unchecked) == ("ssm", [])


@pytest.mark.parametrize("limits", ['{"A": {"max_age": "90x"}}', "[]", '{"A": {"rotated": "x"}}', "{"])
def test_damaged_limits_are_listed(limits: str) -> None:
    """Name the object whose annotation cannot be read, because a default would be another limit."""
    one = secret(ref("A", "a"))
    one["metadata"]["annotations"] = {"secretsync/limits": limits}
    manifests, bindings = read(store("main", {"aws": {"service": "SecretsManager"}}), one)
    assert ["damaged" in line for line in manifests.unchecked] == [True]
    assert bindings.secrets == {}


@pytest.mark.parametrize("data", [b"kind: ExternalSecret\n", b"\xff", b"{}", b'{"kind": "Secret"}', b"[1, null]"])
def test_other_files_are_refused(data: bytes) -> None:
    """Raise an error that names the file, for YAML, other objects and other encodings."""
    with pytest.raises(Unreadable, match=r"^x\.json: it "):
        Manifests(Bindings()).add("x.json", data)


WRONG: tuple[object, ...] = ("x", {"a": 1}, 1, [1], ["x"], [None])


@pytest.mark.parametrize("wrong", WRONG)
def test_a_list_of_another_shape(wrong: object) -> None:
    """What should be a list of objects and is not is named, because a check that sees nothing would be green."""
    for name in ("data", "dataFrom"):
        assert read(secret(**{name: wrong}))[0].unchecked[0].endswith(f"web: {name} is not a list of objects")
    task = read({"containerDefinitions": wrong})[0]
    assert task.unchecked == ["0.json: task: containerDefinitions is not a list of objects"]
    task = read({"containerDefinitions": [{"name": "web", "secrets": wrong}]})[0]
    assert task.unchecked == ["0.json: task/web: secrets is not a list of objects"]


@pytest.mark.parametrize("remote", ["x", {}, {"key": None}, {"key": ["x"]}])
def test_a_reference_without_a_key(remote: object) -> None:
    """A reference that names no secret is named, and no other secret is checked in its place."""
    main = store("main", {"aws": {"service": "SecretsManager", "region": "eu-west-1"}})
    manifests, _ = read(main, secret({"secretKey": "A", "remoteRef": remote}))
    assert manifests.entries == []
    assert manifests.unchecked == ["1.json: shop/web: A: it names no secret, because it has no key"]


@pytest.mark.parametrize("limits", ["x", "[]", "5", '{"A": 5}', '{"A": {"max_age": 5}}', "[" * 100_000, 5, {"A": {}}])
def test_damaged_limits(limits: object) -> None:
    """Limits that cannot be read are named, because a secret without a limit is never overdue."""
    main = store("main", {"aws": {"service": "SecretsManager", "region": "eu-west-1"}})
    made = secret(ref("A", "app"))
    made["metadata"]["annotations"] = {"secretsync/limits": limits}
    assert "the annotation secretsync/limits is damaged" in read(main, made)[0].unchecked[0]


def test_nesting_that_is_too_deep() -> None:
    """A file that is nested too deeply is refused by its name."""
    with pytest.raises(Unreadable, match=r"x\.json: its JSON is nested too deeply"):
        Manifests(Bindings()).add("x.json", b"[" * 100_000)
