"""Bound the responses that a client of the SDK reads, in bytes and by the deadline."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3 import HTTPResponse
from urllib3 import exceptions as urllib3

from secretsync.core.errors import ProblemKind
from secretsync.providers.aws_account.inputs import unusable
from secretsync.providers.interface import Deadline
from secretsync.providers.sdk_body import BodyError, read_body


class Responses:
    """The responses of one client. botocore itself reads a body to its end, however long that is."""

    def __init__(self, client: Any) -> None:
        self._thread = threading.local()
        endpoint = getattr(client, "_endpoint", None)
        send = getattr(endpoint, "_send", None)
        if endpoint is not None and send is not None:
            endpoint._send = lambda request: self._read(send, request)  # noqa: SLF001 - no event is between the two

    @contextlib.contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Bound the responses in this thread by `deadline`."""
        self._thread.deadline = deadline
        try:
            yield
        finally:
            del self._thread.deadline

    def _read(self, send: Callable[[Any], Any], request: Any) -> Any:
        deadline = getattr(self._thread, "deadline", None)
        if deadline is None:
            return send(request)
        request.stream_output = True  # botocore leaves the body to us
        response = send(request)
        if isinstance(response.raw, HTTPResponse):  # not the response of a test double
            response._content = _body(response.raw, request, deadline)  # noqa: SLF001
        return response


def _body(raw: HTTPResponse, request: Any, deadline: Deadline) -> bytes:
    """Return a body. Raises what botocore raises if it reads one, and AwsRequestError."""
    failed: Exception
    try:
        return read_body(raw, deadline)
    except BodyError as error:
        failed = unusable(
            ProblemKind.UNAVAILABLE, error.cause, "is this the endpoint of AWS, without a portal before it?"
        )
    except urllib3.ReadTimeoutError as error:
        failed = ReadTimeoutError(endpoint_url=request.url, error=error)
    except urllib3.HTTPError as error:
        failed = ConnectionClosedError(error=error, request=request, endpoint_url=request.url)
    raise failed
