"""Get credentials without the SDK, from variables, a web identity or a container's endpoint, and renew them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.aws_account.identities import CONTAINER, KeySource, container_refusal
from secretsync.providers.aws_account.inputs import FILES, read_token, unusable
from secretsync.providers.aws_account.messages import query_request, read_query
from secretsync.providers.aws_account.sigv4 import Keys
from secretsync.providers.aws_account.way import Source, credential_source
from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.failures import HttpError
from secretsync.providers.http.messages import Response
from secretsync.providers.interface import Deadline, StoreContext

_RENEWED_BEFORE = 600.0  # seconds before their end, as botocore does
_METHODS = {
    Source.KEYS: "env",
    Source.WEB_IDENTITY: "assume-role-with-web-identity",
    Source.CONTAINER: "container-role",
}
_ECS = "http://169.254.170.2"

Expiring = tuple[Keys, float | None]  # the end in seconds since the epoch; None: the keys do not end


class Connections(Protocol):
    """Makes HTTP clients for the services that give credentials."""

    def sts(self) -> HttpClient:
        """Return the client for STS. Raises AwsRequestError."""
        ...

    def direct(self, url: str) -> HttpClient:
        """Return a client that does not use a proxy, for an endpoint on this machine."""
        ...


class Credentials:
    """The keys of one store. Used from many threads, of which one renews the keys."""

    def __init__(
        self,
        load: Callable[[Deadline], Expiring],
        now: Callable[[], float] = time.time,
        source: KeySource | None = None,
    ) -> None:
        """`load`: returns new keys; raises AwsRequestError. `source`: of the keys, for messages."""
        self.source = source or KeySource()
        self._load = load
        self._now = now
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._end: float | None = None
        self._renewed_from = 0.0  # the time from which on the keys are renewed

    @property
    def end(self) -> float | None:
        """The end of the present keys, in seconds since the epoch; None if they do not end, or are not loaded yet."""
        return self._end

    def get(self, deadline: Deadline) -> Keys:
        """Return keys that have not ended. Raises AwsRequestError."""
        keys = self._keys
        if keys is not None and (self._end is None or self._now() < self._renewed_from):
            return keys
        if not self._lock.acquire(timeout=deadline.remaining()):
            raise AwsRequestError("CredentialEndpointError")
        try:
            if self._keys is None or (self._end is not None and self._now() >= self._renewed_from):
                self._renew(deadline)
            if self._keys is None:
                raise AwsRequestError("NoCredentialsError")
            return self._keys
        finally:
            self._lock.release()

    def replace(self, keys: Keys, deadline: Deadline) -> Keys | None:
        """Return other keys in place of expired keys, or None. Raises AwsRequestError."""
        with self._lock:
            if self._keys is keys and self._end is not None:
                self._keys = None
        other = self.get(deadline)
        return None if other == keys else other

    def _renew(self, deadline: Deadline) -> None:
        failed = None
        try:
            keys, end = self._load(deadline)
        except AwsRequestError as error:
            failed = error.with_traceback(None)
        now = self._now()
        if failed is not None:
            if self._keys is None or self._end is None or self._end <= now:
                raise failed
            self._renewed_from = min(self._end, now + 10.0)  # the present keys are good until then
            return
        if end is not None and end <= now:
            raise AwsRequestError("ExpiredToken")
        self._keys, self._end = keys, end
        if end is not None:
            # Keys that live shortly are used for half of their life. Otherwise each request would renew them.
            self._renewed_from = end - min(_RENEWED_BEFORE, (end - now) / 2)


def make_credentials(context: StoreContext, connections: Connections) -> Credentials:
    """Return the credentials that the variables of a store give. Nothing is requested yet."""
    source = credential_source(context)

    def load(deadline: Deadline) -> Expiring:
        if source is Source.KEYS:
            return _from_variables(context)
        if source is Source.WEB_IDENTITY:
            return _from_web_identity(context, connections, deadline)
        if source is Source.CONTAINER:
            return _from_container(context, connections, deadline)
        raise AwsRequestError("NoCredentialsError")

    return Credentials(load, source=KeySource(_METHODS[source] if source else None))


def _from_variables(context: StoreContext) -> Expiring:
    environ = context.environ
    token = environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN") or None
    keys = Keys(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], token)
    text = environ.get("AWS_CREDENTIAL_EXPIRATION")
    if not text:
        return keys, None
    end = _seconds(text)
    if end is None:
        cause = "AWS_CREDENTIAL_EXPIRATION is not a time"
        raise unusable(ProblemKind.CONFIGURATION, cause, "it is a time such as 2027-01-31T12:00:00Z")
    return keys, end


def _from_web_identity(context: StoreContext, connections: Connections, deadline: Deadline) -> Expiring:
    operation, variable = "AssumeRoleWithWebIdentity", FILES[Source.WEB_IDENTITY]
    parameters = {
        "RoleArn": context.environ["AWS_ROLE_ARN"],
        "RoleSessionName": context.environ.get("AWS_ROLE_SESSION_NAME") or f"secretsync-{int(time.time())}",
        # Read again for each request, because the platform replaces it.
        "WebIdentityToken": read_token(variable, context.environ[variable]),
    }
    headers, body = query_request(operation, parameters)
    client = connections.sts()
    response = send(
        lambda: client.request("POST", "/", headers=headers, body=body, deadline=deadline),
        operation,
        place=f"STS, which gives the keys for {variable},",
    )
    answer = read_query(response, operation)
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    return _expiring([answer.get(name) for name in names], operation)


def _from_container(context: StoreContext, connections: Connections, deadline: Deadline) -> Expiring:
    environ, operation = context.environ, "container credentials"
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"{_ECS}{relative}" if relative else environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    headers = {"Accept": "application/json"}
    variable = FILES[Source.CONTAINER]
    file, token = environ.get(variable), environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if file:
        token = read_token(variable, file)
    if token:
        headers["Authorization"] = token
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    client = connections.direct(url)
    code = "CredentialEndpointError"
    response = send(
        lambda: client.request("GET", path, headers=headers, deadline=deadline), operation, code=code, place=CONTAINER
    )
    client.close()
    if response.status >= 500 or response.status in (408, 429):
        raise AwsRequestError("CredentialEndpointError")
    if response.status != 200:
        raise AwsRequestError("CredentialRetrievalError", outcome=container_refusal(response.status))
    answer = _object(response.body)
    names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    return _expiring([answer.get(name) for name in names], operation)


def send(request: Callable[[], Response], operation: str, *, code: str | None = None, place: str = "") -> Response:
    """Return the response to a request. Raises AwsRequestError without one. `code`, `place`: of that error."""
    failed = None
    try:
        return request()
    except HttpError as error:
        failed = AwsRequestError.of_failure(error, operation, code=code, place=place)
    raise failed


def _expiring(parts: list[object], operation: str) -> Expiring:
    """Return the keys of an answer. Raises AwsRequestError if a part is missing, or could not be sent in a header."""
    access_key, secret_key, token, end = parts
    keys = [part for part in (access_key, secret_key, token) if isinstance(part, str) and part.isascii()]
    if len(keys) != 3 or not all(part.isprintable() and part and " " not in part for part in keys):
        raise AwsRequestError("CredentialRetrievalError", operation=operation)
    seconds = _seconds(end)
    if seconds is None:
        raise AwsRequestError("CredentialRetrievalError", operation=operation)
    return Keys(*keys), seconds


def _seconds(text: object) -> float | None:
    """Return a time in ISO 8601 in seconds since the epoch; None if it is not one. Without a zone, it is in UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
