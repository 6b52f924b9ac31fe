"""The proxy that the environment names for a URL."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

from secretsync.core.records import Record
from secretsync.providers.http.failures import Fault, HttpError


class Proxy(Record, kw_only=True):
    """An HTTP proxy."""

    host: str
    port: int
    variable: str  # that names it
    authorization: str | None = None  # the content of Proxy-Authorization

    _unseen = ("authorization",)

    @property
    def place(self) -> str:
        """The proxy for messages, without its user and password."""
        return f"{self.host}:{self.port} ({self.variable})"


def find_proxy(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for `url`, None if it is reached directly.

    Lower-case names win, as in curl and requests: https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY. Raises HttpError
    if the variable is not the URL of an HTTP proxy.
    """
    variable = proxy_variable(url, environ)
    return None if variable is None else _parse(environ[variable], variable)


def proxy_variable(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the variable with the proxy for `url`; None if `url` is reached directly."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    variable = _first(environ, f"{parts.scheme}_proxy") or _first(environ, "all_proxy")
    excluded = _first(environ, "no_proxy")
    return None if excluded is not None and is_excluded(host, port, environ[excluded]) else variable


def _first(environ: Mapping[str, str], name: str) -> str | None:
    return next((variable for variable in (name, name.upper()) if environ.get(variable)), None)


def is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Return True if NO_PROXY has the host: a name, a domain, an address, a network (10.0.0.0/8), or `*`."""
    host = host.lower().rstrip(".")
    return any(_matches(host, port, entry) for entry in no_proxy.lower().replace(",", " ").split())


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        import ipaddress

        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdigit() and (":" not in name or name.startswith("[")):
        if int(digits) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _parse(text: str, variable: str) -> Proxy:
    mistake = HttpError(
        Fault.SETTING,
        f"{variable} is not the URL of an HTTP proxy",
        f"set {variable} to http://host:port, or list the store's host in NO_PROXY",
    )
    url = text if "://" in text else f"http://{text}"
    host, port, user = None, None, ""
    try:
        parts = urlsplit(url)
        host, port, user = parts.hostname, parts.port, parts.netloc.rpartition("@")[0]
    except ValueError:
        host = None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or not is_plain or parts.scheme != "http" or parts.path not in ("", "/") or parts.query:
        raise mistake
    return Proxy(host=host, port=port or 80, variable=variable, authorization=_basic(user) if user else None)


def _basic(user: str) -> str:
    import binascii

    name, _, password = user.partition(":")
    pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return "Basic " + binascii.b2a_base64(pair, newline=False).decode()
