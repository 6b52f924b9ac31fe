"""moto's server: Secrets Manager with the metadata of rotations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.aws import AwsAccount, Principal
from tests.servers.names import unique
from tests.servers.process import HOST, ServerProcess, get_status, start_server
from tests.servers.tools import server_program


@dataclass(frozen=True, slots=True)
class Moto:
    """A running moto server."""

    process: ServerProcess = field(repr=False)

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"http://{HOST}:{self.process.port}"

    def account(self) -> AwsAccount:
        """Return the one account, with a prefix that no other test has."""
        return AwsAccount(self.url, Principal("AKIAMOTO", "not-checked"), f"{unique('moto')}/")


def start_moto(folder: Path) -> Moto:
    """Return a moto server that answers."""
    program = server_program("moto_server")
    process = start_server(
        "moto",
        lambda port: [program, "-H", HOST, "-p", str(port)],
        folder=folder,
        ready=lambda port: get_status(port, "/moto-api/") == 200,
    )
    return Moto(process)
