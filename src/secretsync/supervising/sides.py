"""The processes that the supervisor forks, each as itself sees the supervisor."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Mapping


class ApplicationSide:
    """The process that becomes the application. Its methods inform the supervisor."""

    def __init__(self, started: int) -> None:
        """Keep the descriptor. `started`: a descriptor that closes at exec too."""
        self._started = started

    def before_user_changes(self) -> None:
        """Let the supervisor become the user of the application, without which it could send no signals."""
        os.close(self._started)


class CandidateSide:
    """A process that resolves the configuration, then waits until the supervisor needs it."""

    def __init__(self, ready: int, turn: int, *, is_first: bool, key: bytes) -> None:
        """`ready`: the pipe to the supervisor. `turn`: the pipe from it. `key`: for the digests of contents.

        `is_first`: no application was started before.
        """
        self._ready, self._turn = ready, turn
        self.is_first = is_first
        self.key = key
        self.versions: Mapping[str, str] = {}  # those that the values were read with, or older ones

    def before_user_changes(self) -> None:
        """Send the versions, and wait for the supervisor. End this process if the supervisor does not need it."""
        with open(self._ready, "w", encoding="ascii") as pipe:
            json.dump(dict(self.versions), pipe)
        if not os.read(self._turn, 1):
            os._exit(1)
        os.close(self._turn)


class WatcherSide:
    """The process that watches the versions."""

    def __init__(self, reports: int, baseline: Mapping[str, str], key: bytes) -> None:
        """Keep the pipe. `reports`: the pipe to the supervisor. `baseline`: the versions of the application."""
        self.descriptor = reports
        self.baseline = baseline
        self.key = key

    def wait(self, seconds: float) -> bool:
        """Wait. Return True if the supervisor has ended."""
        poll = select.poll()
        poll.register(self.descriptor, 0)  # an error is reported as soon as the pipe has no reader
        return bool(poll.poll(seconds * 1000))

    def report(self, changes: Mapping[str, str]) -> None:
        """Send the differences from the baseline to the supervisor."""
        data = json.dumps(dict(changes)).encode() + b"\n"
        while data:
            data = data[os.write(self.descriptor, data) :]
