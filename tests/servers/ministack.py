"""ministack: Secrets Manager, Parameter Store, IAM and STS with signatures and policies checked."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.aws import AwsAccount, Principal
from tests.servers.process import HOST, ServerProcess, get_status, start_server
from tests.servers.tools import faketime_library, server_program

_numbers = itertools.count(os.getpid() * 10_000)


@dataclass(frozen=True, slots=True)
class Ministack:
    """A running ministack."""

    process: ServerProcess = field(repr=False)
    clock: Path | None = None

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"http://{HOST}:{self.process.port}"

    def account(self) -> AwsAccount:
        """Return a new, empty account. Twelve digits as an access key are the root of the account of that number."""
        number = f"{next(_numbers) % 10**12:012d}"
        return AwsAccount(self.url, Principal(number, "not-checked-for-root"))

    @contextlib.contextmanager
    def at(self, seconds_ago: float) -> Iterator[None]:
        """Yield the server's clock goes so far behind while the block runs. Write with the root key in it."""
        if self.clock is None:
            raise ValueError("this ministack was started without a clock of its own")
        _set(self.clock, -seconds_ago)
        try:
            yield
        finally:
            _set(self.clock, 0)


def start_ministack(folder: Path, *, clock: bool = False) -> Ministack:
    """Return a ministack that answers. `clock`: its time can be moved with `at()`."""
    program = server_program("ministack")
    file = folder / "clock" if clock else None
    moved: dict[str, str] = {}
    if file is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _set(file, 0)
        moved = {
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # the older spelling of the same
        }

    def environ(port: int) -> dict[str, str]:
        return {
            "AUTH": "true",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "SERVICES": "secretsmanager,ssm,iam,sts",
            "DOCKER_HOST": f"unix://{folder}/no-docker",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",  # it would take a fixed port
            **moved,
        }

    process = start_server(
        "ministack",
        lambda _port: [program],
        folder=folder,
        environ=environ,
        ready=lambda port: get_status(port, "/_ministack/health") == 200,
    )
    return Ministack(process, file)


def _set(file: Path, offset: float) -> None:
    """Write atomically: the server reads the file at each look at its clock."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{offset:+.0f}\n")
    fresh.replace(file)
