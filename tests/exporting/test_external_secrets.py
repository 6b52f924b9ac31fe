"""Objects for External Secrets: the mapping of each form of reference, and what is refused."""

import json
from typing import Any

import pytest

from tests.exporting.engine import schema_errors
from tests.exporting.exports import exported, objects, refusal
from tests.support.canary import CanaryFactory

WEB = {
    "common": "HOST=db\nPORT=5432\nEMPTY=\n",
    "security": (
        "WHOLE=$<aws:prod/key>\n"
        "FIELD=$<aws:prod/app?stage=AWSPREVIOUS#api.key>\n"
        "SAME=$<aws:prod/app?stage=AWSPREVIOUS#api.key>\n"
        "URL=postgresql://app:$<vault:secret/app?as=url#password>@${HOST}:${PORT}/app\n"
        "BOTH=$<vault:secret/app?version=3#/db/0/user>:$<azure:other?version=" + "a" * 32 + ">\n"
        "FILE=$<aws:prod/file?decode=base64>\n"
        "ENCODED=$<azure:blob?as=base64>\n"
        "dotted.key=$<aws:prod/dotted>\n"
    ),
    "web": "WORKERS=4\nTOKEN=$<vault-one:kv/web#token>\n",
}


def by_name(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the objects by kind and name."""
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in manifests}


def test_each_service_has_its_objects() -> None:
    """Write one ConfigMap and one ExternalSecret for the shared entries, and one of each for a service."""
    found = by_name(objects(WEB))
    assert list(found) == ["ConfigMap/shop", "ExternalSecret/shop", "ConfigMap/shop-web", "ExternalSecret/shop-web"]
    assert found["ConfigMap/shop"]["data"] == {"EMPTY": "", "HOST": "db", "PORT": "5432"}
    assert found["ConfigMap/shop-web"]["data"] == {"WORKERS": "4"}
    assert found["ExternalSecret/shop-web"]["spec"] == {
        "refreshInterval": "1h0m0s",
        "secretStoreRef": {"name": "vault-one", "kind": "SecretStore"},
        "target": {"name": "shop-web", "creationPolicy": "Owner", "deletionPolicy": "Retain"},
        "data": [{"secretKey": "TOKEN", "remoteRef": {"key": "kv/web", "property": "token"}}],
    }


def test_each_form_of_reference_is_mapped() -> None:
    """Map fields, pointers, versions, stages, base64, text around secrets, and several secrets in one value."""
    spec = by_name(objects(WEB))["ExternalSecret/shop"]["spec"]
    refs = {one["secretKey"]: one["remoteRef"] for one in spec["data"]}
    stores = {one["secretKey"]: one["sourceRef"]["storeRef"]["name"] for one in spec["data"]}
    assert refs == {
        "BOTH_1": {"key": "secret/data/app", "version": "3", "property": "db|0|user"},
        "BOTH_2": {"key": "other", "version": "a" * 32},
        "ENCODED": {"key": "blob"},
        "FIELD": {"key": "prod/app", "version": "AWSPREVIOUS", "property": "api\\.key"},
        "FILE": {"key": "prod/file", "decodingStrategy": "Base64"},
        "URL_1": {"key": "secret/data/app", "property": "password"},
        "WHOLE": {"key": "prod/key"},
        "dotted_key_1": {"key": "prod/dotted"},
    }
    assert (stores["BOTH_1"], stores["BOTH_2"], stores["WHOLE"]) == ("vault", "azure", "aws")
    assert spec["target"]["template"] == {
        "engineVersion": "v2",
        "mergePolicy": "Replace",
        "data": {
            "BOTH": '{{ .BOTH_1 }}{{ ":" }}{{ .BOTH_2 }}',
            "ENCODED": "{{ .ENCODED | b64enc }}",
            "FIELD": "{{ .FIELD }}",
            "FILE": "{{ .FILE }}",
            "SAME": "{{ .FIELD }}",
            "URL": '{{ "postgresql://app:" }}{{ .URL_1 | urlquery | replace "+" "%20" }}{{ "@db:5432/app" }}',
            "WHOLE": "{{ .WHOLE }}",
            "dotted.key": "{{ .dotted_key_1 }}",
        },
    }


def test_names_in_a_template_are_no_keys_of_the_secret() -> None:
    """Choose another name for a part if an entry has that name."""
    files = {"security": "A=x$<aws:one>\nA_1=$<aws:two>\n"}
    spec = objects(files)[0]["spec"]
    assert [one["secretKey"] for one in spec["data"]] == ["A_1_", "A_1"]
    assert spec["target"]["template"]["data"] == {"A": '{{ "x" }}{{ .A_1_ }}', "A_1": "{{ .A_1 }}"}


GENERATED = {
    "security": "USER=$<engines:database/creds/app#username>\nURL=x:$<engines:database/static-creds/app#password>\n"
}


def test_credentials_that_vault_makes_come_from_generators() -> None:
    """Write a VaultDynamicSecret for each path, and take its fields under names that no key has."""
    found = by_name(objects(GENERATED, service_account="web"))
    static = found["VaultDynamicSecret/shop-engines-database-static-creds-app"]["spec"]
    assert static == {
        "path": "database/static-creds/app",
        "method": "GET",
        "resultType": "Data",
        "provider": {
            "server": "https://vault.example.com:8200",
            "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "app", "serviceAccountRef": {"name": "web"}}},
        },
    }
    spec = found["ExternalSecret/shop"]["spec"]
    prefix = "shop_engines_database_static_creds_app_"
    assert spec["target"]["template"]["data"]["URL"] == f'{{{{ "x:" }}}}{{{{ .{prefix}password }}}}'
    assert spec["dataFrom"][0]["rewrite"] == [{"regexp": {"source": "^", "target": prefix}}]
    assert "secretStoreRef" not in spec
    assert any("time to live" in note for note in exported(GENERATED, service_account="web").notes)
    assert "--service-account" in refusal("$<engines:database/static-creds/app#password>")


def test_the_version_of_a_mount_can_be_given() -> None:
    """Take the version of the option for a store without one, and not for a path of another engine."""
    files = {"security": "A=$<engines:secret/app#a>\nB=$<engines:database/creds/app#password>\n"}
    found = by_name(objects(files, kv_version=2, service_account="web", with_stores=True))
    (data,) = found["ExternalSecret/shop"]["spec"]["data"]
    assert data["remoteRef"]["key"] == "secret/data/app"
    assert found["SecretStore/engines"]["spec"]["provider"]["vault"]["version"] == "v2"
    first = by_name(objects(files, kv_version=1, service_account="web", with_stores=True))
    assert first["ExternalSecret/shop"]["spec"]["data"][0]["remoteRef"]["key"] == "secret/app"
    assert first["SecretStore/engines"]["spec"]["provider"]["vault"]["version"] == "v1"
    with_setting = objects({"security": "A=$<vault:database/creds/app#password>\n"})
    assert with_setting[0]["spec"]["data"][0]["remoteRef"]["key"] == "database/data/creds/app"


def test_stores_are_written_only_if_asked_for() -> None:
    """Write a SecretStore for each store and each region of an ARN, with --with-stores."""
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf"
    files = {"security": f"A=$<aws:one>\nB=$<aws:{arn}>\nC=$<vault:secret/app#x>\nD=$<azure:d>\n"}
    assert not any(one["kind"] == "SecretStore" for one in objects(files))
    found = by_name(objects(files, with_stores=True, service_account="web"))
    providers = {name: one["spec"]["provider"] for name, one in found.items() if name.startswith("SecretStore/")}
    assert providers["SecretStore/aws"]["aws"]["region"] == "eu-west-1"
    assert providers["SecretStore/aws-us-east-1"]["aws"]["region"] == "us-east-1"
    assert providers["SecretStore/vault"]["vault"]["version"] == "v2"
    assert providers["SecretStore/azure"] == {
        "azurekv": {
            "vaultUrl": "https://shared.vault.azure.net",
            "authType": "WorkloadIdentity",
            "serviceAccountRef": {"name": "web"},
        }
    }
    (problem,) = exported({"security": "T=$<vault-one:kv/web#token>\n"}, with_stores=True).problems
    assert "login by token" in problem.cause
    assert problem.file == "providers/test.toml"


@pytest.mark.parametrize("options", [{}, {"with_stores": True, "reloader": True, "namespace": "shop"}])
def test_all_objects_are_valid_against_the_schemas(options: dict[str, Any]) -> None:
    """Check each object against the schema of its kind, which knows no other field."""
    files = {**WEB, "security": WEB["security"] + GENERATED["security"].replace("URL=", "GENERATED=")}
    files["web"] = "WORKERS=4\n"
    found = objects(files, service_account="web", **options)
    checked = [one for one in found if one["kind"] != "ConfigMap"]
    assert {one["kind"] for one in checked} >= {"ExternalSecret", "VaultDynamicSecret"}
    assert [error for one in checked for error in schema_errors(one)] == []


def test_the_schema_refuses_an_unknown_field() -> None:
    """Return an error for a field that the schema does not have, at any depth."""
    (manifest,) = objects({"security": "A=$<aws:one>\n"})
    manifest["spec"]["target"]["deletion"] = "Retain"
    manifest["spec"]["data"][0]["remoteRef"]["field"] = "x"
    assert len(schema_errors(manifest)) == 2


def test_ages_are_an_annotation() -> None:
    """Write the limit, its reason and the declared date for each key that has one."""
    bindings = (
        '[secrets]\nOLD = { ref = "aws:old", max_age = "never", reason = "frozen", until = 2027-03-01 }\n'
        'NEW = { ref = "aws:new", max_age = "30d", rotated = 2026-10-01 }\nPLAIN = "aws:plain"\n'
    )
    files = {"security": "OLD=$<OLD>\nNEW=$<NEW>\nPLAIN=$<PLAIN>\nURL=x:$<NEW>\n"}
    (manifest,) = objects(files, bindings=bindings)
    assert json.loads(manifest["metadata"]["annotations"]["secretsync/limits"]) == {
        "NEW": {"max_age": "30d", "rotated": "2026-10-01T00:00:00+00:00"},
        "OLD": {"max_age": "never", "reason": "frozen", "until": "2027-03-01"},
        "URL": {"max_age": "30d", "rotated": "2026-10-01T00:00:00+00:00"},
    }


def test_reloader_is_told_on_request() -> None:
    """Annotate the Secret itself, and keep all of its keys in the template."""
    (manifest,) = objects({"security": "A=$<aws:one>\n"}, reloader=True)
    template = manifest["spec"]["target"]["template"]
    assert template["metadata"] == {"annotations": {"reloader.stakater.com/match": "true"}}
    assert template["data"] == {"A": "{{ .A }}"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("$<env:TOKEN>", "the environment variable TOKEN"),
        ("$<env:TOKEN:-x>", "the environment variable TOKEN"),
        ("${ELSEWHERE}/x", "the environment variable ELSEWHERE"),
        ("${ELSEWHERE:-x}", "the environment variable ELSEWHERE"),
        ("$<docker:token>", "a file of the container"),
        ("$<UNBOUND>", 'bind it to one place: UNBOUND = "store:path"'),
        ("$<aws:one:-default>", "it has a default"),
        ("$<aws:one?as=json>", "as=json"),
        ("$<aws:one?trim=true>", "trim=true"),
        ("$<aws:one?version=ab&stage=AWSCURRENT>", "a version or a stage"),
        ("$<vault:secret/app>", "name a field"),
        ("$<vault-unknown:secret/app#x>", "give --kv-version 1 or --kv-version 2"),
        ("$<vault-one:secret/app?version=2#x>", "KV version 1 has no versions"),
        ("$<aws:one#/a//b>", "the name of a field is empty"),
        ("literal-password", "a secret in plain text"),
        ("https://user:hunter22@host/$<aws:one>", "a secret in plain text"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(value: str, reason: str) -> None:
    """Name the reason and the nearest way; the entry is not in the text."""
    key = "KEY_SECRET" if value == "literal-password" else "KEY"
    written = exported({"security": f"{key}={value}\nOTHER=$<aws:other>\n"})
    (problem,) = written.problems
    assert reason in f"{problem.cause}; {problem.hint}"
    assert (problem.key, problem.line) == (key, 1)
    assert f'"{key}"' not in written.text
    assert "hunter22" not in f"{written.text}{problem}"


def test_a_secret_in_plain_text_is_not_written_through_a_variable(canary: CanaryFactory) -> None:
    """Refuse each entry that contains a secret of another entry that is written in a file."""
    secret = canary()
    common = "URL=x-${API_TOKEN}\nDSN=${API_TOKEN:-none}\n"
    written = exported({"common": common, "security": f"API_TOKEN={secret}\n"})
    assert [problem.key for problem in written.problems] == ["URL", "DSN", "API_TOKEN"]
    assert secret not in written.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${HOST:-other}", "db"),
        ("${HOST:+set}", "set"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${EMPTY:+set}", ""),
        ("${EMPTY+set}", "set"),
        ("'$<aws:x> ${HOST}'", "$<aws:x> ${HOST}"),
        ("$$<aws:x>", "$<aws:x>"),
        ("a-${HOST}-${PORT}", "a-db-5432"),
    ],
)
def test_variables_of_settings_are_replaced_when_the_manifest_is_written(value: str, expected: str) -> None:
    """Write the text that `run` gives."""
    (manifest,) = objects({"common": f"HOST=db\nPORT=5432\nEMPTY=\nVALUE={value}\n"})
    assert manifest["data"]["VALUE"] == expected


def test_a_choice_by_a_secret_is_known_only_if_it_cannot_be_empty() -> None:
    """Refuse `:-` on a secret alone, and accept it if text is around the secret or if only absence counts."""
    files = {"security": "S=$<aws:one>\nT=x$<aws:one>\n", "common": "A=${S:-no}\n"}
    assert [problem.key for problem in exported(files).problems] == ["A"]
    (manifest,) = objects({**files, "common": "A=${S-no}\nB=${T:-no}\n"})
    assert manifest["spec"]["target"]["template"]["data"]["B"] == '{{ "x" }}{{ .A }}'


def test_two_services_with_the_same_object_name_are_refused() -> None:
    """Refuse names that differ only in characters that a name of Kubernetes cannot have."""
    with pytest.raises(Exception, match="rename one env file"):
        exported({"web_one": "A=1\n", "web-one": "A=2\n"})


def test_the_text_is_the_same_for_any_order_of_entries() -> None:
    """Write entries in the order of their keys."""
    lines = WEB["security"].splitlines(keepends=True)
    other = {**WEB, "security": "".join(sorted(lines, reverse=True))}
    assert exported(other).text == exported(WEB).text
