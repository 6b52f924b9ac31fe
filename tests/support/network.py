"""A guard that keeps the tests on this machine."""

import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Attempt(NamedTuple):
    """A host that was refused, and the thread that tried to reach it."""

    host: str
    thread: threading.Thread


attempts: list[Attempt] = []  # since a test began


class NetworkRefusedError(OSError):
    """A test tried to reach beyond loopback."""


def is_local(host: object) -> bool:
    """Return True if `host`, a name or an address, is this machine, without a request to a name server."""
    if host is None or host in ("", b""):
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(host: object) -> None:
    attempts.append(Attempt(str(host), threading.current_thread()))
    message = f"tests stay on loopback: {host} was refused"
    raise NetworkRefusedError(message)


def _guard_address(method: Callable[..., Any], position: int) -> Callable[..., Any]:
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        # sendto(data, address) and sendto(data, flags, address): the address is the last one.
        address = arguments[position]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
            _refuse(address[0])
        return method(self, *arguments)

    return guarded


def _guard_lookup(function: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: object, *arguments: Any, **options: Any) -> Any:
        if not is_local(host):
            try:
                _refuse(host)
            except NetworkRefusedError as error:
                # What callers expect of a name that is not there.
                raise socket.gaierror(socket.EAI_NONAME, str(error)) from None
        return function(host, *arguments, **options)

    return guarded


def install() -> None:
    """Refuse connections and look-ups beyond loopback, in this process, from now on."""
    for name, position in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
        setattr(socket.socket, name, _guard_address(getattr(socket.socket, name), position))
    socket.getaddrinfo = _guard_lookup(socket.getaddrinfo)
    socket.gethostbyname = _guard_lookup(socket.gethostbyname)
