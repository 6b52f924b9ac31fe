"""Ask AWS through the SDK, boto3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secretsync.core.errors import ProblemKind
from secretsync.providers.aws_account.client import WORKERS
from secretsync.providers.aws_account.errors import OPENING, AwsRequestError
from secretsync.providers.aws_account.identities import KeySource, no_credentials, source_of
from secretsync.providers.aws_account.inputs import unusable
from secretsync.providers.aws_account.responses import in_utc
from secretsync.providers.interface import Deadline, RequestCounter, StoreContext
from secretsync.providers.registry import import_modules, is_installed
from secretsync.providers.sdk_logging import silenced

if TYPE_CHECKING:
    from secretsync.providers.aws_account.sdk.responses import Responses


def open_session(context: StoreContext, reason: str) -> Any:
    """Return the SDK's session for a store. Raises AwsRequestError, and exceptions of the SDK.

    `reason`: why the store needs the SDK.
    """
    if not is_installed("boto3"):
        cause = f"the SDK of AWS, boto3, is needed and not installed; it is needed for {reason}"
        raise unusable(ProblemKind.CONFIGURATION, cause, 'pip install "secretsync-adapter[aws]"')
    import_modules(("boto3",))
    from secretsync.providers.aws_account.sdk.session import make_session

    return make_session(context, WORKERS)


class SdkWay:
    """The clients of the SDK for one store. Used from many threads."""

    workers = WORKERS

    def __init__(self, make_session: Callable[[], Any], requests: RequestCounter, environ: Mapping[str, str]) -> None:
        """`make_session`: returns a boto3.Session; may raise anything. `environ`: for messages."""
        self._environ = environ
        self._make_session = make_session
        self._requests = requests
        self._session: Any = None
        self._clients: dict[tuple[str | None, str], tuple[Any, Responses]] = {}

    def connect(self, region: str | None, service: str, deadline: Deadline) -> SdkChannel:
        """Return the requests to `service` in a region; None: the store's. Raises AwsRequestError."""
        failed = None
        with silenced():
            try:
                return self._open(region, service, deadline)
            except AwsRequestError as error:
                failed = error.with_traceback(None)
            except Exception as caught:  # noqa: BLE001 - files, metadata services and the SDK may raise anything
                failed = AwsRequestError.of(caught, OPENING, source=source_of(self._session))
        raise failed

    @property
    def credentials(self) -> SdkWay:
        """The object that knows the source of the keys, which is this one."""
        return self

    @property
    def source(self) -> KeySource:
        """Where the keys come from, for messages."""
        with silenced():
            credentials = getattr(self._session, "get_credentials", lambda: None)()
            return source_of(self._session, getattr(credentials, "method", None))

    def _open(self, region: str | None, service: str, deadline: Deadline) -> SdkChannel:
        if self._session is None:
            self._session = self._make_session()
        # The SDK itself does not know the deadline. A session of an application does not have this attribute.
        inner: Any = getattr(self._session, "_session", None)
        if hasattr(inner, "deadline"):
            inner.deadline = deadline
        # The session does not keep None either, so that the next call looks for credentials again.
        if self._session.get_credentials() is None:
            outcome = no_credentials(self._environ, source_of(self._session).profile)
            raise AwsRequestError("NoCredentialsError", outcome=outcome)
        key = (region or self._session.region_name, service)
        if key not in self._clients:
            from secretsync.providers.aws_account.sdk.responses import Responses

            client = self._session.client(service, region_name=key[0])
            self._clients[key] = (client, Responses(client))
        return SdkChannel(self, *self._clients[key], self._requests)

    @property
    def login_end(self) -> datetime | None:
        """See Way."""
        credentials = None if self._session is None else self._session.get_credentials()
        return in_utc(getattr(credentials, "_expiry_time", None))  # not public in botocore

    def close(self) -> None:
        """Close the connections."""
        with silenced():
            for client, _ in self._clients.values():
                client.close()
            self._clients.clear()


class SdkChannel:
    """Requests to one service in one region. Used from many threads."""

    def __init__(self, way: SdkWay, client: Any, responses: Responses, requests: RequestCounter) -> None:
        self._way = way
        self._client = client
        self._responses = responses
        self._requests = requests
        self.region: str = client.meta.region_name
        self.endpoint: str = client.meta.endpoint_url

    def send(self, operation: str, parameters: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the answer to one operation. Raises AwsRequestError."""
        from botocore import xform_name

        self._requests.add(operation)
        failed = None
        with silenced(), self._responses.until(deadline):
            try:
                answer: dict[str, Any] = getattr(self._client, xform_name(operation))(**parameters)
            except AwsRequestError as error:
                failed = error.with_traceback(None)
            except Exception as caught:  # noqa: BLE001 - whatever the SDK raises is translated here
                failed = AwsRequestError.of(caught, operation, endpoint=self.endpoint, source=self._way.source)
            else:
                return answer
        raise failed
