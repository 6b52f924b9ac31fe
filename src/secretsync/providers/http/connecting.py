"""Open connections: name lookup, TCP, a proxy's tunnel, TLS."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from secretsync.providers.http.connection import Connection, Target, Timeouts, wait_within
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.proxy import Proxy
from secretsync.providers.http.tls import Tls
from secretsync.providers.interface import Deadline
from secretsync.providers.threads import run_in_threads

_Addresses = list[tuple[Any, ...]]


def open_connection(
    target: Target,
    tls: Tls,
    proxy: Proxy | None,
    timeouts: Timeouts,
    deadline: Deadline,
    on_reached: Callable[[], None] = lambda: None,
) -> Connection:
    """Return a new connection to `target`, through `proxy` if there is one. Raises HttpError.

    A plain HTTP target is not tunnelled: the proxy gets the requests. `on_reached`: called after TCP, before TLS.
    """
    sock = _through(proxy, timeouts, deadline) if proxy else _connect(target.host, target.port, timeouts, deadline)
    on_reached()
    connection = Connection(sock, timeouts)
    is_open = False
    try:
        if target.is_tls and proxy is not None:
            _tunnel(connection, proxy, target, deadline)
        if target.is_tls:
            connection.start_tls(tls, target.host, deadline)
        is_open = True
    finally:
        if not is_open:
            connection.close()
    return connection


def _through(proxy: Proxy, timeouts: Timeouts, deadline: Deadline) -> socket.socket:
    try:
        return _connect(proxy.host, proxy.port, timeouts, deadline)
    except HttpError as error:
        failure = error
    raise failure if failure.fault is Fault.DEADLINE else proxy_failure(proxy, failure)


def proxy_failure(proxy: Proxy, failure: HttpError) -> HttpError:
    """Return the failure for a proxy to which there is no connection, because of `failure`."""
    fault = Fault.PROXY if failure.is_passing else Fault.PROXY_REFUSED
    return HttpError(fault, f"the proxy {proxy.place} cannot be reached: {failure.cause}", _hint(proxy))


def _tunnel(connection: Connection, proxy: Proxy, target: Target, deadline: Deadline) -> None:
    place = f"{target.name}:{target.port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    status, failure = 0, None
    try:
        connection.send("\r\n".join([*lines, "", ""]).encode("ascii"), deadline)
        status = connection.accept_tunnel()
    except HttpError as error:
        failure = error
    if failure is not None and failure.fault is not Fault.DEADLINE:
        fault = Fault.PROXY if failure.is_passing else Fault.PROXY_REFUSED
        raise HttpError(fault, f"the proxy {proxy.place} gave no tunnel: {failure.cause}", _hint(proxy))
    if failure is not None:
        raise failure
    if not 200 <= status < 300:
        raise proxy_refusal(proxy, status, place)


def proxy_refusal(proxy: Proxy, status: int, place: str) -> HttpError:
    """Return the failure for a proxy that answers for itself."""
    if status == 407:
        cause = f"the proxy {proxy.place} does not accept the user and password (407)"
        if proxy.authorization is None:
            cause = f"the proxy {proxy.place} requires a user and a password (407)"
        return HttpError(Fault.PROXY_DENIED, cause, f"set {proxy.variable} to http://USER:PASSWORD@HOST:PORT")
    fault = Fault.PROXY if status >= 500 or status in (408, 429) else Fault.PROXY_REFUSED
    return HttpError(fault, f"the proxy {proxy.place} refuses a connection to {place} ({status})", _hint(proxy))


def _hint(proxy: Proxy) -> str:
    return f"{proxy.variable} names the proxy; NO_PROXY lists the hosts that are reached without it"


def _connect(host: str, port: int, timeouts: Timeouts, deadline: Deadline) -> socket.socket:
    failure = None
    for family, kind, protocol, _, address in _look_up(host, port, deadline):
        wait = wait_within(timeouts.connect, deadline)
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(wait)
            sock.connect(address)
            # Without it, the end of a request may wait for the acknowledgement of its begin.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            failure = HttpError(Fault.UNREACHABLE, f"no connection within {wait:.2g} s", _address_hint(host, port))
        except ConnectionRefusedError:
            failure = HttpError(Fault.REFUSED, "the server refuses connections", _address_hint(host, port))
        except OSError as error:
            cause = f"the server cannot be reached: {error.strerror or type(error).__name__}"
            failure = HttpError(Fault.UNREACHABLE, cause, _address_hint(host, port))
        else:
            return sock
        sock.close()
    raise failure or HttpError(Fault.NAME_UNKNOWN, f"the name {host} has no address", _address_hint(host, port))


def _address_hint(host: str, port: int) -> str:
    return f"is {host}:{port} the right address, and reachable from here?"


def _look_up(host: str, port: int, deadline: Deadline) -> _Addresses:
    """Return the addresses of a host. The lookup itself cannot be interrupted, so that it has a thread of its own."""

    def look_up(name: str) -> _Addresses | OSError | UnicodeError:
        try:
            # Bytes, because a name is encoded by IDNA, and the import of its tables takes as long as a request.
            encoded = name.encode("ascii") if name.isascii() else name
            return socket.getaddrinfo(encoded, port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return error

    found: object = None
    if _is_address(host):
        found = look_up(host)
    else:
        found = next((result for _, result in run_in_threads(look_up, (host,), workers=1, deadline=deadline)), None)
    if isinstance(found, list):
        return found
    wait_within(1.0, deadline)  # raises if the lookup is not finished at the deadline
    is_lasting = isinstance(found, UnicodeError)
    if isinstance(found, socket.gaierror):
        is_lasting = found.errno != socket.EAI_AGAIN
    if is_lasting:
        raise HttpError(Fault.NAME_UNKNOWN, "the server's name is not known", _address_hint(host, port))
    raise HttpError(Fault.NAME_FAILED, "the server's name cannot be looked up for now", _address_hint(host, port))


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
