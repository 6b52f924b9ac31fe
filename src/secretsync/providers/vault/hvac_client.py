"""Requests through a client of hvac that the application made, and the login by AWS IAM that hvac signs."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import requests
from hvac import aws_utils
from hvac.adapters import RawAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.messages import Response
from secretsync.providers.http.sdk_failures import sdk_failure
from secretsync.providers.interface import Deadline, RequestCounter, StoreContext
from secretsync.providers.registry import is_installed
from secretsync.providers.remote import RequestError, is_lasting
from secretsync.providers.sdk_body import BodyError, read_body
from secretsync.providers.sdk_logging import silenced
from secretsync.providers.threads import no_answer

if TYPE_CHECKING:
    import hvac

_CONNECT, _READ = 2.0, 5.0  # seconds


class HvacConnections:
    """The connections of a client of hvac, in the form of `HttpClient`: its session, proxies and certificates."""

    def __init__(self, client: hvac.Client, counter: RequestCounter) -> None:
        """Request nothing. The client is not changed and not closed."""
        self._adapter = RawAdapter.from_adapter(client.adapter)
        self._adapter.allow_redirects = False
        self._adapter.token = self._adapter.namespace = None  # the headers of each request have them
        self._counter = counter

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        deadline: Deadline,
        is_repeatable: bool = False,  # noqa: ARG002 - the parameters of HttpClient.request
    ) -> Response:
        """Send one request and return its response, whatever its status. Raises HttpError."""
        left = deadline.remaining()
        if left <= 0:
            raise HttpError(Fault.DEADLINE, no_answer(deadline).cause)
        self._counter.add(method)
        with silenced():
            failure = None
            try:
                response = self._adapter.request(
                    method.lower(),
                    path,
                    headers=dict(headers or {}),
                    data=body,
                    timeout=(min(_CONNECT, left), min(_READ, left)),
                    raise_exception=False,
                    stream=True,
                )
                fields = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status_code, fields, read_body(response.raw, deadline))
            except BodyError as error:
                failure = HttpError(Fault.TOO_LARGE, error.cause, was_sent=True)
            except ReadTimeoutError:
                failure = HttpError(Fault.SILENT, "no answer in time", was_sent=True)
            except HTTPError:
                failure = HttpError(Fault.CLOSED, "the response was cut off", was_sent=True)
            except (requests.RequestException, OSError, ValueError) as error:
                failure = _failure(error, self._adapter.base_uri)
        raise failure

    def warm(self, deadline: Deadline, is_needed: Callable[[], bool]) -> None:
        """Open no connection in advance: the session of the client opens its own."""

    def close(self) -> None:
        """Leave the connections open, because they belong to the application."""


def _failure(error: Exception, url: str) -> HttpError:
    if (failure := sdk_failure(error, url, "verify of the hvac client names the file with its authority")) is not None:
        return failure
    if isinstance(error, requests.ConnectTimeout):
        return HttpError(Fault.UNREACHABLE, "no connection in time")
    if isinstance(error, requests.Timeout):
        return HttpError(Fault.SILENT, "no answer in time", was_sent=True)
    if is_lasting(error) or (isinstance(error, ValueError) and not isinstance(error, OSError)):
        return HttpError(Fault.PROTOCOL, f"the request failed ({type(error).__name__})", was_sent=True)
    return HttpError(Fault.CLOSED, "the connection was closed before the response", was_sent=True)


def iam_login(context: StoreContext, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the document of a login by AWS IAM: a signed request that Vault sends to AWS. Raises RequestError."""
    access_key, secret_key, session_token = _aws_keys(context)
    region = settings.get("region") or context.environ.get("AWS_REGION") or context.environ.get("AWS_DEFAULT_REGION")
    with silenced():
        request = aws_utils.generate_sigv4_auth_request(header_value=settings.get("server_id"))
        aws_utils.SigV4Auth(access_key, secret_key, session_token, region or "us-east-1").add_auth(request)
    parts = {
        "iam_request_url": str(request.url),
        "iam_request_headers": json.dumps(dict(request.headers)),
        "iam_request_body": str(request.body),
    }
    document = {name: b64encode(text.encode()).decode() for name, text in parts.items()}
    role = {"role": settings["role"]} if settings.get("role") else {}
    return {"iam_http_request_method": str(request.method), **document, **role}


def _aws_keys(context: StoreContext) -> tuple[str, str, str | None]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    access_key, secret_key, session_token = (context.environ.get(name) or None for name in names)
    if access_key and secret_key:
        return access_key, secret_key, session_token
    found = None if access_key or secret_key else _platform_keys()
    if found is not None:
        return found
    cause = "the method aws needs AWS keys, and none was found"
    hint = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN"
    if not is_installed("botocore"):
        hint += '; for the role of a platform or a profile: pip install "secretsync-adapter[aws]"'
    raise RequestError(Failed(ProblemKind.DENIED, cause, hint))


def _platform_keys() -> tuple[str, str, str | None] | None:
    """Return the keys of a profile, or of the role of the platform, if the SDK is installed, or None.

    The SDK reads the environment of the process. Raises RequestError.
    """
    if not is_installed("botocore"):
        return None
    from botocore.session import Session  # Imported only if no variable has keys.

    code = ""
    with silenced():
        try:
            credentials = Session().get_credentials()
            keys = credentials.get_frozen_credentials() if credentials else None
        except Exception as error:  # noqa: BLE001 - files, programs and metadata services may raise anything
            code, keys = type(error).__name__, None
    if code:
        cause = f"the method aws got no AWS keys ({code})"
        hint = "`aws sts get-caller-identity` shows the cause; for a session of SSO, run `aws sso login`"
        raise RequestError(Failed(ProblemKind.DENIED, cause, hint))
    if not keys or not keys.access_key or not keys.secret_key:
        return None
    return keys.access_key, keys.secret_key, keys.token
