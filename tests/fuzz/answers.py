"""Feed the answers of stores, with mutations, to the functions that read them."""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any

from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.remote import RequestError, Retries
from tests.fuzz.mutations import Mutated

_DATE = 1_700_000_000
_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
_VAULT_DATE = "2026-01-02T03:04:05.123456789Z"
_HOST = "fuzz.vault.azure.net"

Outcomes = list[object]


def aws_answers(secret: str) -> dict[str, Any]:
    """Return an answer of Secrets Manager to each operation."""
    names = ("app", "b", "c", "d", "e")
    values = [
        {
            "ARN": f"{_ARN}{name}-AbCdEf",
            "Name": name,
            "VersionId": "v1",
            "SecretString": secret,
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": _DATE,
        }
        for name in names
    ]
    details = {
        "ARN": f"{_ARN}app-AbCdEf",
        "Name": "app",
        "RotationEnabled": True,
        "RotationRules": {"AutomaticallyAfterDays": 30, "ScheduleExpression": "rate(30 days)"},
        "NextRotationDate": _DATE,
        "DeletedDate": None,
    }
    versions = [
        {"VersionId": "v1", "VersionStages": ["AWSCURRENT"], "CreatedDate": _DATE},
        {"VersionId": "v2", "VersionStages": ["AWSPENDING"], "CreatedDate": _DATE + 1},
    ]
    refused = {"SecretId": "e", "ErrorCode": "ResourceNotFoundException", "Message": "not found"}
    return {
        "GetSecretValue": values[0],
        "BatchGetSecretValue": {"SecretValues": values[:-1], "Errors": [refused]},
        "ListSecretVersionIds": {"ARN": details["ARN"], "Name": "app", "Versions": versions},
        "DescribeSecret": details,
        "ListSecrets": {"SecretList": [details]},
    }


def ssm_answers(secret: str) -> dict[str, Any]:
    """Return an answer of Parameter Store to each operation."""
    record = {
        "Name": "app",
        "Type": "SecureString",
        "Version": 3,
        "ARN": "arn:aws:ssm:eu-west-1:123456789012:parameter/app",
        "LastModifiedDate": _DATE,
    }
    return {
        "GetParameters": {"Parameters": [{**record, "Value": secret}], "InvalidParameters": ["b"]},
        "DescribeParameters": {"Parameters": [{**record, "Policies": [{"PolicyText": "{}"}]}], "NextToken": None},
    }


def vault_answers(secret: str) -> dict[str, Any]:
    """Return an answer of Vault to each path."""
    version = {"version": 3, "created_time": _VAULT_DATE, "deletion_time": "", "destroyed": False}
    lease = {"lease_id": "database/creds/app/x1", "lease_duration": 3600, "renewable": True}
    static = {"password": secret, "last_vault_rotation": _VAULT_DATE, "rotation_period": 86400, "ttl": 500}
    mounts = {"secret": ("kv", {"version": "2"}), "kv1": ("kv", {"version": "1"}), "database": ("database", None)}
    return {
        **{
            f"sys/internal/ui/mounts/{name}": {"data": {"path": f"{name}/", "type": kind, "options": options}}
            for name, (kind, options) in mounts.items()
        },
        "secret/data/": {"data": {"data": {"password": secret}, "metadata": version}, "warnings": ["a warning"]},
        "secret/metadata/": {
            "data": {"current_version": 3, "versions": {"3": version}, "custom_metadata": {"max_age": "30d"}}
        },
        "secret/subkeys/": {"data": {"subkeys": {"password": None}, "metadata": version}},
        "kv1/": {"data": {"password": secret}, "lease_duration": 2764800},
        "database/creds/": {**lease, "data": {"username": "app", "password": secret}},
        "database/roles/": {"data": {"default_ttl": 3600, "max_ttl": 7200}},
        "database/static-creds/": {"data": static},
        "database/static-roles/": {"data": {"last_vault_rotation": _VAULT_DATE, "rotation_period": 86400}},
        "auth/token/lookup-self": {"data": {"ttl": 1000, "display_name": "app", "policies": ["app"]}},
        "sys/health": {"initialized": True, "sealed": False, "standby": False, "replication_dr_mode": "disabled"},
        "": {"errors": ["no handler"], "data": None},
    }


def azure_answers(secret: str) -> dict[str, Any]:
    """Return an answer of Key Vault to each kind of request."""
    item = {
        "id": f"https://{_HOST}/secrets/app/ab12",
        "attributes": {"enabled": True, "created": _DATE, "updated": _DATE, "exp": 4_000_000_000, "nbf": _DATE},
        "contentType": "text/plain",
        "tags": {"a": "b"},
    }
    return {
        "secret": {**item, "value": secret},
        "versions": {"value": [item, {**item, "id": f"https://{_HOST}/secrets/app/cd34"}], "nextLink": None},
        "error": {"error": {"code": "SecretNotFound", "message": "none", "innererror": {"code": "SecretDisabled"}}},
    }


# AWS


class _Channel:
    region, endpoint = "eu-west-1", "https://fuzz.test"

    def __init__(self, answers: Mapping[str, Any], mutated: Mutated) -> None:
        self._answers = answers
        self._mutated = mutated

    def send(self, operation: str, parameters: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        from secretsync.providers.aws_account.messages import read_json

        return read_json(respond(self._answers, self._mutated, operation), operation)


class _Way:
    workers = 1
    login_end: datetime | None = None

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    @property
    def credentials(self) -> Any:
        from secretsync.providers.aws_account.identities import KeySource

        return type("Credentials", (), {"source": KeySource("environment")})()

    def connect(self, region: str | None, service: str, deadline: Deadline) -> _Channel:
        return self._channel

    def close(self) -> None:
        return None


def read_aws(answers: Mapping[str, Any], mutated: Mutated) -> Outcomes:
    """Return the outcomes of reads of values and of metadata in Secrets Manager."""
    from secretsync.providers.aws.describe import describe
    from secretsync.providers.aws.fetch import fetch

    few = [SecretRef("aws", "app"), SecretRef("aws", f"{_ARN}app-AbCdEf", stage="AWSCURRENT")]
    many = [SecretRef("aws", name) for name in ("app", "b", "c", "d", "e")]
    outcomes: Outcomes = []
    for read, refs in ((fetch, few), (fetch, many), (describe, few[:1])):
        outcomes += (
            outcome for _, outcome in read(_aws_client("secretsmanager", answers, mutated), refs, _end(mutated))
        )
    return outcomes


def read_ssm(answers: Mapping[str, Any], mutated: Mutated) -> Outcomes:
    """Return the outcomes of reads of values and of metadata in Parameter Store."""
    from secretsync.providers.ssm.describe import describe
    from secretsync.providers.ssm.fetch import fetch

    refs = [SecretRef("ssm", "app"), SecretRef("ssm", "b")]
    outcomes: Outcomes = []
    for read in (fetch, describe):
        outcomes += (outcome for _, outcome in read(_aws_client("ssm", answers, mutated), refs, _end(mutated)))
    return outcomes


def _aws_client(service: str, answers: Mapping[str, Any], mutated: Mutated) -> Any:
    from secretsync.providers.aws_account.client import AwsClient

    return AwsClient("aws", service, lambda: _Way(_Channel(answers, mutated)))


# Vault


class _Connections:
    def __init__(self, answers: Mapping[str, Any], mutated: Mutated) -> None:
        self._answers = answers
        self._mutated = mutated

    def request(self, method: str, path: str, **options: Any) -> Any:
        names = (name for name in self._answers if path.removeprefix("/v1/").startswith(name))
        return respond(self._answers, self._mutated, next(names))

    def warm(self, deadline: Deadline, is_needed: Callable[[], bool]) -> None:
        return None

    def close(self) -> None:
        return None


def read_vault(answers: Mapping[str, Any], mutated: Mutated) -> Outcomes:
    """Return the outcomes of reads of values, of metadata and of names of fields in Vault."""
    from secretsync.providers.vault.describe import describe_one, identity, outline_one
    from secretsync.providers.vault.fetch import fetch_one
    from secretsync.providers.vault.session import Round, Session

    context = StoreContext(store="vault", environment="test", environ={"VAULT_TOKEN": "fuzz"})
    session = Session(context, "https://fuzz.test", _Connections(answers, mutated))
    round_ = Round(session, Retries(Deadline(30.0), once=True))
    outcomes = [_attempt(partial(identity, round_))]
    paths = ("secret/app", "kv1/app", "database/creds/app", "database/static-creds/app")
    refs = [SecretRef("vault", "secret/app", "3"), *(SecretRef("vault", path) for path in paths)]
    reads: tuple[Callable[[Round, SecretRef], object], ...] = (fetch_one, describe_one, outline_one)
    outcomes += [_attempt(partial(read, round_, ref)) for ref in refs for read in reads]
    return outcomes


def _attempt(call: Callable[[], object]) -> object:
    try:
        return call()
    except RequestError as error:
        return error.outcome


# Azure


class _SdkError(Exception):
    """The SDK has raised an exception, which SecretSync turns into an outcome."""


class _Sdk:
    """The SDK's client. Its own exceptions differ from those of the code that reads what it returns."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_secret(self, *args: Any, **options: Any) -> Any:
        return _of_sdk(lambda: self._client.get_secret(*args, **options))

    def list_properties_of_secret_versions(self, *args: Any, **options: Any) -> Iterator[Any]:
        return iter(_of_sdk(lambda: list(self._client.list_properties_of_secret_versions(*args, **options))))


def _of_sdk(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        raise _SdkError from error


class _AzureClient:
    """An `AzureClient` that passes on the exceptions of the code that reads answers."""

    host = _HOST

    def __init__(self, sdk: _Sdk) -> None:
        self._sdk = sdk

    def ask(self, call: Callable[..., Any], right: str, retries: Retries) -> Any:
        from secretsync.providers.azure.errors import vault_error

        try:
            return call(self._sdk, deadline=retries.deadline)
        except _SdkError as error:
            cause = error.__cause__
            assert isinstance(cause, Exception)
            if isinstance(cause, RequestError):
                return cause.outcome
            return vault_error(cause, vault=self.host, right=right, object_id="1").outcome


def read_azure(answers: Mapping[str, Any], mutated: Mutated) -> Outcomes:
    """Return the outcomes of reads of values and of metadata in Key Vault."""
    from secretsync.providers.azure.describe import describe_one
    from secretsync.providers.azure.fetch import fetch_one

    adapter, sdk = _azure_sdk()
    client: Any = _AzureClient(sdk)
    outcomes: Outcomes = []
    names = ("secret", "versions") if mutated.name != "error" else ("error", "error")
    for name, read in zip(names, (fetch_one, describe_one), strict=True):
        for version in (None, "ab12"):
            adapter.answers = [respond(answers, mutated, name)]
            outcomes.append(read(client, SecretRef("azure", "app", version), Retries(Deadline(30.0), once=True)))
    return outcomes


@cache
def _azure_sdk() -> tuple[Any, _Sdk]:
    """Return the SDK's client over a transport without a network, and the adapter that has its next answers."""
    import requests
    from azure.core.credentials import AccessToken
    from azure.keyvault.secrets import SecretClient
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPResponse

    from secretsync.providers.azure.transport import transport

    class Adapter(HTTPAdapter):
        answers: list[Any]

        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            if not self.answers:
                message = "a second page"
                raise requests.ConnectionError(message)
            answer = self.answers.pop()
            headers = {"content-type": "application/json", **answer.headers}
            stream = io.BytesIO(answer.body)
            raw = HTTPResponse(body=stream, headers=headers, status=answer.status, preload_content=False)
            return self.build_response(request, raw)

    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken("fuzz", int(time.time()) + 10**6)

    adapter, sender = Adapter(), transport(1)
    sender.session.mount("https://", adapter)
    client = SecretClient(
        f"https://{_HOST}", Credential(), transport=sender, retry_total=0, permit_redirects=False, logging_enable=False
    )
    return adapter, _Sdk(client)


# All


def respond(answers: Mapping[str, Any], mutated: Mutated, name: str) -> Any:
    """Return the response to a request: with the mutated body if the request has the name of the mutated answer."""
    import json

    from secretsync.providers.http.messages import Response

    if name == mutated.name:
        return Response(mutated.status, mutated.headers, mutated.body)
    return Response(200, {}, json.dumps(answers[name]).encode())


def _end(mutated: Mutated) -> Deadline:
    return Deadline(mutated.seconds)


def is_outcome(value: object) -> bool:
    """Return True if `value` is a result that a provider may return."""
    from secretsync.providers.interface import Identity

    return isinstance(value, Found | Missing | Failed | Identity)
