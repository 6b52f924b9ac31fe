"""Copy standard output and error of the application through pipes, and mask the secrets in them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable

from secretsync.config.masking.masker import Masker
from secretsync.core.secret import Secret
from secretsync.supervising.stream_masker import StreamMasker

_CHUNK = 64 * 1024
DELAY = 0.1  # seconds until the beginning of a line is written
_LONGEST_DELAY = 1.0  # seconds until it is written although it may be the beginning of a secret


class MaskedOutput:
    """The pipes between the application and the standard output and error of this process."""

    def __init__(self) -> None:
        """Open a pipe for each that is not a terminal. If both are the same file, one pipe keeps the order."""
        self._pipes: dict[int, tuple[int, int, tuple[int, ...]]] = {}  # by target: both ends, descriptors to replace
        self._secrets = os.pipe()
        self._copies: list[_Copy] = []
        self._ended = os.pipe()
        self.descriptors: tuple[int, ...] = ()  # those that must stay open in the supervisor
        numbers = [number for number in (1, 2) if _is_redirected(number)]
        if len(numbers) == 2 and os.path.sameopenfile(1, 2):
            self._pipes[1] = (*os.pipe(), (1, 2))
            return
        for number in numbers:
            self._pipes[number] = (*os.pipe(), (number,))

    # In the process that becomes the application

    def close_reading_ends(self) -> None:
        """Close what only the supervisor needs."""
        for number in (self._secrets[0], *self._ended, *(pipe[0] for pipe in self._pipes.values())):
            os.close(number)

    def redirect(self, secrets: Iterable[str]) -> None:
        """Send the secrets to the supervisor, and put the pipes into the place of standard output and error."""
        if not self._pipes:
            return
        with open(self._secrets[1], "w", encoding="ascii") as pipe:
            json.dump(list(secrets), pipe)
        for _, writer, numbers in self._pipes.values():
            for number in numbers:
                os.dup2(writer, number)

    # In the supervisor

    def start(self, wake: Callable[[], None]) -> None:
        """Start to copy. `wake`: called if everything is written."""
        for number in (self._secrets[1], *(writer for _, writer, _ in self._pipes.values())):
            os.close(number)
        masking = _Masking(self._secrets[0])
        for target, (reader, _, _) in self._pipes.items():
            self._copies.append(_Copy(reader, target, self._ended[0], masking, wake))
        for copy in self._copies:
            threading.Thread(target=copy.run, daemon=True).start()
        self.descriptors = (self._secrets[0], *self._ended, *(reader for reader, _, _ in self._pipes.values()))

    def drain(self) -> None:
        """Let the threads copy what is in the pipes, and end. A process that still holds a pipe is not waited for."""
        os.close(self._ended[1])

    def is_done(self) -> bool:
        """Return True if everything is written."""
        return all(copy.is_done for copy in self._copies)


class _Masking:
    """The secrets that the application sends before it starts."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._secrets: list[Secret] | None = None
        self._masker = Masker()

    def stream(self) -> StreamMasker:
        """Wait for the secrets, and return the masker for one stream."""
        with self._lock:
            if self._secrets is None:
                with open(self._reader, encoding="ascii") as pipe:
                    text = pipe.read()
                self._secrets = [Secret(value) for value in dict.fromkeys(json.loads(text or "[]"))]
                self._masker.add(self._secrets)
            return StreamMasker(self._masker, self._secrets)


class _Copy:
    """One stream from a pipe to a descriptor. A slow reader slows the application down, because writing waits."""

    def __init__(self, reader: int, target: int, ended: int, masking: _Masking, wake: Callable[[], None]) -> None:
        """`ended`: a descriptor that can be read as soon as the application has ended. `wake`: called at the end."""
        self._reader, self._target, self._ended, self._masking, self._wake = reader, target, ended, masking, wake
        self.is_done = False

    def run(self) -> None:
        """Copy until the pipe ends, nobody reads the target, or the application has ended and the pipe is empty."""
        try:
            stream = self._masking.stream()
            self._copy(stream)
            self._write(stream.finish())
        except OSError:  # Nobody reads the target. The application gets an error too, because its pipe is closed.
            os.close(self._reader)
        finally:
            if self._target == 1:  # The reader of the target sees its end although this process goes on.
                _close(1)
            self.is_done = True
            self._wake()

    def _copy(self, stream: StreamMasker) -> None:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        since = tried = 0.0  # when the beginning of a line came, and when it was last written
        while True:
            due = min(max(since, tried) + DELAY, since + _LONGEST_DELAY)
            timeout = max(0.0, due - time.monotonic()) * 1000 if stream.has_kept else None
            ready = dict(poll.poll(timeout))
            now = time.monotonic()
            if self._ended in ready:
                self._copy_rest(stream)
                return
            if ready:
                data = os.read(self._reader, _CHUNK)
                if not data:
                    return
                if not stream.has_kept or b"\n" in data:
                    since = now
                self._write(stream.feed(data))
            if stream.has_kept and now >= due and since < due:
                self._write(stream.partial() if now < since + _LONGEST_DELAY else stream.finish())
                tried = now

    def _copy_rest(self, stream: StreamMasker) -> None:
        """Copy what the pipe holds now. Another process may fill it without an end."""
        size = struct.unpack("i", fcntl.ioctl(self._reader, termios.FIONREAD, b"\0" * 4))[0]
        while size > 0 and (data := os.read(self._reader, min(size, _CHUNK))):
            size -= len(data)
            self._write(stream.feed(data))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._target, view) :]
            except BlockingIOError:  # A process that has the same file set it to "non-blocking".
                select.select((), (self._target,), ())


def _close(number: int) -> None:
    """Close a standard descriptor. The null device takes its place, so that no other file gets the number."""
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _is_redirected(number: int) -> bool:
    """Return True if the descriptor is open and not a terminal."""
    with contextlib.suppress(OSError):
        os.fstat(number)
        return not os.isatty(number)
    return False
