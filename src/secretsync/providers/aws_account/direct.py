"""Ask AWS by SecretSync's own requests, signed with keys that the environment gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from secretsync.providers.aws_account.credentials import make_credentials, send
from secretsync.providers.aws_account.endpoints import SERVICES, regional_endpoint
from secretsync.providers.aws_account.error_codes import EXPIRED, SIGNATURE
from secretsync.providers.aws_account.errors import OPENING, AwsRequestError
from secretsync.providers.aws_account.messages import json_request, query_request, read_json, read_query
from secretsync.providers.aws_account.responses import in_utc
from secretsync.providers.aws_account.sigv4 import Keys, signed_headers
from secretsync.providers.aws_account.way import configured_endpoint, configured_region, is_true
from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.failures import HttpError
from secretsync.providers.http.messages import Response
from secretsync.providers.http.proxy import find_proxy
from secretsync.providers.http.tls import NamedPath, Tls
from secretsync.providers.interface import Deadline, RequestCounter, StoreContext

_TLS_HINT = "AWS_CA_BUNDLE names the file with the authority of a private endpoint"
# A signature is accepted for five minutes, so that a smaller difference of the clocks is not the cause.
_LEAST_SKEW = 240.0  # seconds


class DirectWay:
    """The connections, the credentials and the clock of one store. Used from many threads."""

    # Measured on two cores with a round trip of 20 ms: the ages of 500 secrets take a quarter less time than with 16
    # threads, and their values, in 25 batches at once, 15 % less, over TLS 5 %. For ages, 48 threads only gain over
    # TLS. The SDK has fewer, because each of its connections reads the authorities' file.
    workers = 32

    def __init__(self, context: StoreContext, requests: RequestCounter, now: Callable[[], float] = time.time) -> None:
        """Request nothing yet. `now`: returns the seconds since the epoch."""
        self._context = context
        self._requests = requests
        self._now = now
        self._skew = 0.0  # seconds that the clock of AWS is ahead
        self._http: dict[str, HttpClient] = {}
        bundle = next((name for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE") if context.environ.get(name)), None)
        named = NamedPath(context.environ[bundle], bundle) if bundle else None
        self._tls = Tls(authorities=named, hint=_TLS_HINT)
        self.credentials = make_credentials(context, self)

    def connect(self, region: str | None, service: str, deadline: Deadline) -> DirectChannel:
        """Return the requests to `service` in a region; None: the store's. Raises AwsRequestError."""
        region = region or configured_region(self._context)
        if region is None:
            raise AwsRequestError("NoRegionError")
        self.credentials.get(deadline)
        return DirectChannel(self, service, region, self._endpoint(service, region))

    def sts(self) -> HttpClient:
        region = configured_region(self._context)
        if region is None:
            raise AwsRequestError("NoRegionError")
        return self.http(self._endpoint("sts", region))

    def direct(self, url: str) -> HttpClient:
        return HttpClient(url, tls=self._tls, counter=self._requests)

    def http(self, url: str) -> HttpClient:
        """Return the client for an endpoint. Raises AwsRequestError."""
        failed = None
        try:
            if url not in self._http:
                proxy = find_proxy(url, self._context.environ)
                # If two threads come here, both get the client of the first.
                self._http.setdefault(url, HttpClient(url, tls=self._tls, proxy=proxy, counter=self._requests))
            return self._http[url]
        except HttpError as error:
            failed = AwsRequestError.of_failure(error, OPENING)
        raise failed

    def now(self) -> float:
        """Return the time of the clock of AWS, in seconds since the epoch."""
        return self._now() + self._skew

    def keys_for_another_try(
        self, error: AwsRequestError, response: Response, keys: Keys, deadline: Deadline
    ) -> Keys | None:
        """Return the keys with which a refused request may succeed; None if it may not. Raises AwsRequestError."""
        if error.code in EXPIRED:
            return self.credentials.replace(keys, deadline)
        if error.code not in SIGNATURE:
            return None
        theirs = _time_of(response)
        if theirs is None or abs(theirs - self.now()) < _LEAST_SKEW:
            return None
        self._skew = theirs - self._now()
        return keys

    @property
    def login_end(self) -> datetime | None:
        """See Way."""
        return in_utc(self.credentials.end)

    def close(self) -> None:
        """Close the connections."""
        for client in self._http.values():
            client.close()

    def _endpoint(self, service: str, region: str) -> str:
        is_ignored = is_true(self._context.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        found = configured_endpoint(self._context, service, is_ignored=is_ignored)
        return found[1].rstrip("/") if found else regional_endpoint(service, region)


class DirectChannel:
    """Requests to one service in one region. Used from many threads."""

    def __init__(self, way: DirectWay, service: str, region: str, endpoint: str) -> None:
        self._way = way
        self._service = service
        self.region = region
        self.endpoint = endpoint
        self._http = way.http(endpoint)
        self._is_sts = service == "sts"

    def send(self, operation: str, parameters: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the answer to one operation. Raises AwsRequestError.

        A request that AWS refuses because of its time, or because its keys have expired, is sent once more.
        """
        keys: Keys | None = self._way.credentials.get(deadline)
        refused = None
        while keys is not None:
            response = self._post(operation, parameters, keys, deadline)
            failed = None
            try:
                return read_query(response, operation) if self._is_sts else read_json(response, operation)
            except AwsRequestError as error:
                failed = error.with_traceback(None)
            keys = None if refused else self._way.keys_for_another_try(failed, response, keys, deadline)
            refused = failed
        raise refused or AwsRequestError("NoCredentialsError")

    def _post(self, operation: str, parameters: Mapping[str, Any], keys: Keys, deadline: Deadline) -> Response:
        if self._is_sts:
            headers, body = query_request(operation, parameters)
        else:
            headers, body = json_request(self._service, operation, parameters)
        headers["Host"] = self._http.target.host_header
        headers = signed_headers(keys, self._service, self.region, headers, body, at=self._way.now())
        del headers["Host"]  # the client adds it

        is_repeatable = self._is_sts or operation not in SERVICES[self._service].once

        def request() -> Response:
            return self._http.request(
                "POST",
                "/",
                headers=headers,
                body=body,
                deadline=deadline,
                operation=operation,
                is_repeatable=is_repeatable,
            )

        return send(request, operation)


def _time_of(response: Response) -> float | None:
    """Return the time at which a response was made, in seconds since the epoch; None if it does not have one."""
    from email.utils import parsedate_to_datetime  # Imported only if a signature is refused.

    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return None
