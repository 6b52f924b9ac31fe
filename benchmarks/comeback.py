"""How soon an application starts after its store is back, and how many requests the store gets before: in real time.

    python -m benchmarks.comeback [--seconds 1,5,20] [--store aws,vault]

`secretsync run` reads 20 secrets from a store on loopback that is down in five ways for some seconds.
The store does not see connections that are refused or get no answer, so that they are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.servers.faults import aws_error, reset, respond
from tests.servers.loopback import LoopbackServer, Request, Response
from tests.support import simulated_stores
from tests.support.processes import clean_environment, scrub

SECRETS = 20
PATHS = {"aws": "aws:app-{}", "vault": "vault:secret/app-{}#value"}


class Store(LoopbackServer):
    """A store in which every name exists."""

    def __init__(self, reply: Callable[[simulated_stores.Request], simulated_stores.Reply]) -> None:
        self._reply = reply
        super().__init__()

    def answer(self, request: Request) -> Response:
        """Return the answer of the store."""
        lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers.items())]
        data = "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body
        status, document, headers = self._reply(simulated_stores.Request(data))
        return Response(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


def break_down(server: Store, way: str, store: str) -> None:
    """Let a store be down in one of the ways."""
    if way == "refused":
        server.refuse()
    elif way == "black hole":
        server.black_hole()
    elif way == "reset":
        server.fail(reset())
    elif way == "429" and store == "aws":
        server.fail(aws_error("ThrottlingException"))
    else:
        server.fail(respond(int(way)))


def measure(store: str, way: str, seconds: float, folder: Path) -> tuple[int, float]:
    """Return the requests before the store is back, and the seconds after it until the application starts."""
    server = Store(simulated_stores.answer_aws if store == "aws" else simulated_stores.answer_vault)
    environ: Mapping[str, str] = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "the-key-of-a-benchmark",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": server.url,
        "VAULT_ADDR": server.url,
        "VAULT_TOKEN": "the-token-of-a-benchmark",
    }
    file = folder / f"{store}.env"
    file.write_text("".join(f'SECRET_{n}="$<{PATHS[store].format(n)}>"\n' for n in range(SECRETS)))
    argv = [sys.executable, "-I", "-m", "secretsync", "run", "-q", "--env-file", file.name, "--"]
    argv += [sys.executable, "-I", "-c", "import time; print(time.monotonic())"]
    break_down(server, way, store)
    found: list[tuple[int, float]] = []

    def heal() -> None:
        found.append((server.requests.count(), time.monotonic()))
        server.heal()

    timer = threading.Timer(seconds, heal)
    timer.start()
    try:
        done = subprocess.run(argv, cwd=folder, env=clean_environment(folder, environ), capture_output=True, check=True)
    finally:
        timer.join()
        server.stop()
    before, back = found[0]
    return before, float(done.stdout) - back


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="1,5,20", help="how long the store is down (1,5,20)")
    parser.add_argument("--store", default="aws,vault", help="which stores (aws,vault)")
    options = parser.parse_args()
    scrub(os.environ)
    print(f"{'store':6}{'down':>6}  {'way':11}{'requests before':>16}{'start after':>12}")
    with tempfile.TemporaryDirectory() as temporary:
        for store in options.store.split(","):
            for seconds in map(float, options.seconds.split(",")):
                for way in simulated_stores.WAYS:
                    before, after = measure(store, way, seconds, Path(temporary))
                    print(f"{store:6}{seconds:4.0f} s  {way:11}{before:16}{after:10.2f} s", flush=True)


if __name__ == "__main__":
    main()
