"""The failures of requests that an SDK sent: proxies and TLS, distinguished as in SecretSync's own requests."""

from __future__ import annotations

import os
import re
import ssl
from urllib.parse import urlsplit

from secretsync.providers.http.connecting import proxy_failure, proxy_refusal
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.proxy import Proxy, find_proxy
from secretsync.providers.http.tls_errors import tls_failure, wrong_host
from secretsync.providers.remote import causes

# Of urllib3, requests and botocore. By name, so that none of them is imported.
_PROXY_ERRORS = {"ProxyError", "ProxyConnectionError"}
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")


def sdk_failure(error: BaseException, url: str, hint: str | None = None) -> HttpError | None:
    """Return the failure for an exception of an SDK, if a proxy or TLS is its cause; None if neither is.

    `url`: that of the request. `hint`: the next step if the authority of the certificate is not trusted.
    """
    parts = urlsplit(url)
    found = tuple(causes(error))
    if any(type(one).__name__ in _PROXY_ERRORS for one in found):
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return _of_proxy(found, _proxy_of(url), f"{parts.hostname}:{port}")
    for one in found:
        if isinstance(one, ssl.SSLError):
            return tls_failure(one, parts.hostname or "", hint)
        if type(one).__name__ == "CertificateError":  # of urllib3, which may compare the names itself
            return wrong_host(parts.hostname or "")
    return None


def _proxy_of(url: str) -> Proxy | None:
    """Return the proxy that the SDK used. SDKs read the environment of the process."""
    try:
        return find_proxy(url, os.environ)
    except HttpError:
        return None


def _of_proxy(found: tuple[BaseException, ...], proxy: Proxy | None, place: str) -> HttpError:
    status = next((int(match[1]) for one in found if (match := _TUNNEL.search(str(one)))), None)
    if proxy is None:
        cause = f"the proxy cannot be used{f' ({status})' if status else ''}"
        return HttpError(Fault.PROXY, cause, "a variable such as HTTPS_PROXY, or the SDK's settings, name the proxy")
    if status is not None:
        return proxy_refusal(proxy, status, place)
    return proxy_failure(proxy, _reason(found))


def _reason(found: tuple[BaseException, ...]) -> HttpError:
    for one in found:
        if isinstance(one, ConnectionRefusedError):
            return HttpError(Fault.REFUSED, "it refuses connections")
        if isinstance(one, OSError) and type(one).__name__ == "gaierror":
            return HttpError(Fault.NAME_UNKNOWN, "its name is not known")
    if any("Timeout" in type(one).__name__ for one in found):
        return HttpError(Fault.UNREACHABLE, "no connection in time")
    return HttpError(Fault.CLOSED, "the connection was closed")
