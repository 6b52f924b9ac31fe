"""Write requests to AWS, and read its responses: JSON 1.1 of services with secrets, the query protocol of STS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from secretsync.providers.aws_account.endpoints import SERVICES
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.http.messages import Response
from secretsync.providers.remote import retry_after

_STS_VERSION = "2011-06-15"
# The elements of STS hold no markup. Anything else in one means that the response is not one of STS.
_ELEMENT = re.compile(r"<([A-Za-z]+)>\s*([^<>&\s]+(?: [^<>&\s]+)*)\s*</\1>")


def json_request(service: str, operation: str, parameters: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an operation of a service with secrets."""
    target = f"{SERVICES[service].target}.{operation}"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    return headers, json.dumps(parameters).encode()


def query_request(operation: str, parameters: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an operation of STS."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Accept": "text/xml"}
    return headers, urlencode({"Action": operation, "Version": _STS_VERSION, **parameters}).encode()


def read_json(response: Response, operation: str) -> dict[str, Any]:
    """Return the object in a JSON 1.1 response. Raises AwsRequestError if the response is not a success."""
    document = _json(response.body)
    if not 200 <= response.status < 300:
        found = document if isinstance(document, dict) else {}
        code = str(found.get("__type") or found.get("code") or response.headers.get("x-amzn-errortype") or "")
        message = str(found.get("message") or found.get("Message") or "")
        # The code may have a namespace before it and an address behind it.
        raise _refusal(response, operation, code.partition(":")[0].rpartition("#")[2], message)
    if not isinstance(document, dict):
        raise AwsRequestError("ResponseParserError", operation=operation, status=response.status)
    return document


def read_query(response: Response, operation: str) -> dict[str, str]:
    """Return the elements with text in a response of STS. Raises AwsRequestError if the response is not a success."""
    text = response.body.decode("utf-8", "replace")
    elements = dict(_ELEMENT.findall(text))
    if not 200 <= response.status < 300:
        # Messages may hold anything.
        message = re.search(r"<Message>([^<]*)</Message>", text)
        raise _refusal(response, operation, elements.get("Code", ""), message[1] if message else "")
    if f"<{operation}Response" not in text:
        raise AwsRequestError("ResponseParserError", operation=operation, status=response.status)
    return elements


def _refusal(response: Response, operation: str, code: str, message: str) -> AwsRequestError:
    return AwsRequestError(
        code,
        message,
        operation=operation,
        status=response.status,
        retry_after=retry_after(response.headers.get("retry-after")) or 0.0,
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
