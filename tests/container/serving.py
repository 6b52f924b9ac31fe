"""Applications that serve HTTP from a container: asking them, and waiting until they answer."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from tests.container.engine import Container
from tests.support.limits import HANG

DEADLINE = HANG
POLL = 0.05


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of an answer; status 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def get_json(port: int, path: str) -> Any:
    """Return the body of a response of status 200."""
    status, body = get(port, path)
    assert status == 200, body
    return json.loads(body)


def wait_until(holds: Callable[[], bool], container: Container) -> None:
    """Return once it holds; fail with the container's log after a while, or when the container has ended."""
    until = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < until, container.logs()
        assert container.pid(), container.logs()
        time.sleep(POLL)


def wait_for_log(container: Container, text: str) -> None:
    """Return once the container has written it."""
    wait_until(lambda: text in container.logs(), container)


def gunicorn(port: int, application: str = "app:app") -> list[str]:
    """Return the image's own command, on a port that is free."""
    options = ["--workers=2", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
    return ["gunicorn", f"--bind=127.0.0.1:{port}", *options, application]
