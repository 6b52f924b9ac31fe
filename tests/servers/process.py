"""Server processes on free loopback ports, from the first sign of life to the last."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.limits import HANG

HOST = "127.0.0.1"
POLL = 0.02


class ServerStartError(Exception):
    """A server did not come up; the text has the end of its log."""


@dataclass(slots=True)
class ServerProcess:
    """A running server. `stop()` ends it surely; `pause()` makes it hang with its connections open."""

    name: str
    port: int
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    ports: PortReservation = field(repr=False)
    started_in: float = 0.0  # seconds from the start of the process to the first good answer
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def is_running(self) -> bool:
        """Return True if the process exists."""
        return self.process.poll() is None

    def pause(self) -> None:
        """Stop the process with SIGSTOP: it accepts connections and never answers."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self, *, patience: float = 1.0) -> None:
        """End the process and all of its group: politely for `patience` seconds, then not. Nothing is worth saving."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGCONT)
            os.killpg(self.process.pid, self.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.ports.release()

    def read_log(self) -> str:
        """Return what the server has written to stdout and stderr."""
        return self.log.read_text(errors="replace")


class PortReservation:
    """A loopback port, and `count - 1` ports after it, that no other program gets until `release()`.

    A socket that is bound and does not listen keeps a port. A server that sets SO_REUSEADDR may listen there all the
    same. The kernel gives the port to nobody who asks for any free port, neither to a server nor to a client.
    """

    def __init__(self, count: int = 1) -> None:
        self._sockets: list[socket.socket] = []
        while True:
            try:
                self.port: int = self._bind(0)
                for offset in range(1, count):
                    self._bind(self.port + offset)
            except (OSError, OverflowError):
                self.release()
            else:
                return

    def release(self) -> None:
        """Give the ports back."""
        for kept in self._sockets:
            kept.close()
        self._sockets.clear()

    def _bind(self, port: int) -> int:
        kept = socket.socket()
        self._sockets.append(kept)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind((HOST, port))
        bound: int = kept.getsockname()[1]
        return bound


def get_status(port: int, path: str, *, ca_cert: Path | None = None) -> int | None:
    """Return the status of a GET on loopback, by TLS where there is a `ca_cert`; None where nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        if ca_cert is not None:
            context = ssl.create_default_context(cafile=str(ca_cert))
            connection = http.client.HTTPSConnection(HOST, port, timeout=2, context=context)
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a server: nothing of the caller's but PATH, and its own HOME."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        **more,
    }


def start_server(
    name: str,
    command: Callable[[int], Sequence[str | Path]],
    *,
    folder: Path,
    ready: Callable[[int], bool],
    environ: Callable[[int], Mapping[str, str]] = lambda _port: {},
    ports: int = 1,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> ServerProcess:
    """Return a server that has answered `ready`.

    `command` and `environ` get the port. The server must set SO_REUSEADDR. `folder` becomes its HOME and holds its log.
    `ports`: how many consecutive ports it takes. `user`: who runs it, where we are root.
    `stop_signal`: what makes it end at once, however many clients it has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    reserved = PortReservation(ports)
    port = reserved.port
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_dies_with_us(), *map(str, command(port))],
            env=clean_environment(folder, **environ(port)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            user=user,
        )
    server = ServerProcess(name=name, port=port, log=log, process=process, ports=reserved, stop_signal=stop_signal)
    if _wait_until_ready(server, ready, begun + HANG):
        server.started_in = time.monotonic() - begun
        return server
    server.stop(patience=0.5)
    raise ServerStartError(f"{name} did not start:\n{server.read_log()[-2000:]}")


def _wait_until_ready(server: ServerProcess, ready: Callable[[int], bool], until: float) -> bool:
    while time.monotonic() < until:
        if ready(server.port) and server.is_running:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(POLL)
            return False
    return False


def _dies_with_us() -> Sequence[str]:
    """Return a prefix that ends the server when the test run is killed, where util-linux is there."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL", "--"] if program else []
