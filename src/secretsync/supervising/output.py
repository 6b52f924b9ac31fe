"""Copy standard output and error of the application through pipes, and mask the secrets in them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Collection, Iterable

from secretsync.config.masking.masker import Masker
from secretsync.core.secret import Secret
from secretsync.supervising.lease_link import is_readable
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
        self._ended = os.pipe()
        self._done = -1  # ends with the process that masks
        self.descriptors: tuple[int, ...] = ()  # those that must stay open in the supervisor
        numbers = [number for number in (1, 2) if _is_redirected(number)]
        if len(numbers) == 2 and os.path.sameopenfile(1, 2):
            self._pipes[1] = (*os.pipe(), (1, 2))
            return
        for number in numbers:
            self._pipes[number] = (*os.pipe(), (number,))

    # In the process that becomes the application

    def redirect(self, secrets: Iterable[str]) -> None:
        """Send the secrets to the masking process, and put the pipes into the place of standard output and error."""
        os.close(self._ended[1])
        if not self._pipes:
            return
        with open(self._secrets[1], "w", encoding="ascii") as pipe:
            pipe.write(json.dumps(list(secrets)) + "\n")
        for _, writer, numbers in self._pipes.values():
            for number in numbers:
                os.dup2(writer, number)

    # In the supervisor

    def start(self, fork: Callable[[], int], release: Callable[[Collection[int], Collection[int]], None]) -> None:
        """Start the process that masks, before the first secret is read. It serves each start of the application.

        `fork`: returns a process id, or 0 in the new process. `release`: closes the descriptors that are not in its
        first argument, and the standard streams in its second one.
        """
        done, at_end = os.pipe()
        readers = (self._secrets[0], self._ended[0], *(reader for reader, _, _ in self._pipes.values()))
        if fork() == 0:
            for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(sent, signal.SIG_IGN)  # A signal to the whole group is for the application.
            release({at_end, *readers}, (0,))
            self._mask()
            os._exit(0)
        for number in (*readers, at_end):
            os.close(number)
        self._done = done
        self.descriptors = (done, self._ended[1], self._secrets[1], *(writer for _, writer, _ in self._pipes.values()))

    def close_writers(self) -> None:
        """Let the pipes end with the application, because it is not started again. Later calls have no effect."""
        for number in self.descriptors:
            if number not in (self._done, self._ended[1]):
                os.close(number)
        self.descriptors = (self._done, self._ended[1])

    def drain(self) -> None:
        """Let the process copy what is in the pipes, and end. A process that still holds a pipe is not waited for."""
        os.close(self._ended[1])
        self.close_writers()

    def is_done(self) -> bool:
        """Return True if everything is written."""
        return is_readable(self._done)

    # In the process that masks

    def _mask(self) -> None:
        masking = _Masking(self._secrets[0])
        copies = [_Copy(reader, target, self._ended[0], masking) for target, (reader, _, _) in self._pipes.items()]
        threads = [threading.Thread(target=copy.run, daemon=True) for copy in copies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class _Masking:
    """The secrets that each application sends before it starts. Earlier ones stay masked."""

    def __init__(self, reader: int) -> None:
        self.reader = reader
        self.is_complete = False  # No application will be started any more.
        self._rest = b""
        self._lock = threading.Lock()
        self._secrets: dict[Secret, None] | None = None
        self._masker = Masker()

    def stream(self, earlier: StreamMasker | None = None) -> StreamMasker:
        """Return the masker for one stream, which continues `earlier`. The first one waits for the secrets."""
        with self._lock:
            while self._secrets is None and not self.is_complete:
                self._read()
            return StreamMasker(self._masker, self._secrets or (), earlier=earlier)

    def update(self) -> int:
        """Read the secrets that were sent in the meantime. Return how many there are."""
        with self._lock:
            while not self.is_complete and is_readable(self.reader):
                self._read()
            return len(self._secrets or ())

    def _read(self) -> None:
        data = os.read(self.reader, _CHUNK)
        self.is_complete = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            new = [Secret(value) for value in json.loads(line)]
            self._secrets = {**(self._secrets or {}), **dict.fromkeys(new)}
            self._masker.add(new)


class _Copy:
    """One stream from a pipe to a descriptor. A slow reader slows the application down, because writing waits."""

    def __init__(self, reader: int, target: int, ended: int, masking: _Masking) -> None:
        """Keep the ends. `ended`: a descriptor that can be read as soon as the application has ended."""
        self._reader, self._target, self._ended, self._masking = reader, target, ended, masking

    def run(self) -> None:
        """Copy until the pipe ends, the target has no reader, or the application has ended and the pipe is empty."""
        try:
            self._stream = self._masking.stream()
            self._known = self._masking.update()
            self._copy()
            self._write(self._stream.finish())
        except OSError:  # The target has no reader. The application gets an error too, because its pipe is closed.
            os.close(self._reader)
        finally:
            if self._target == 1:  # The reader of the target sees its end although this process goes on.
                _close(1)

    def _copy(self) -> None:
        poll = select.poll()
        for descriptor in (self._reader, self._ended, self._masking.reader):
            poll.register(descriptor, select.POLLIN)
        is_complete = False
        since = tried = 0.0  # when the beginning of a line came, and when it was last written
        while True:
            due = min(max(since, tried) + DELAY, since + _LONGEST_DELAY)
            timeout = max(0.0, due - time.monotonic()) * 1000 if self._stream.has_kept else None
            ready = dict(poll.poll(timeout))
            now = time.monotonic()
            if self._ended in ready:
                self._copy_rest()
                return
            if self._masking.reader in ready:  # A long list must be read before the application starts.
                self._refresh()
            if not is_complete and self._masking.is_complete:
                poll.unregister(self._masking.reader)
                is_complete = True
            if self._reader in ready:
                data = os.read(self._reader, _CHUNK)
                if not data:
                    return
                if not self._stream.has_kept or b"\n" in data:
                    since = now
                self._feed(data)
            if self._stream.has_kept and now >= due and since < due:
                is_late = now >= since + _LONGEST_DELAY
                self._write(self._stream.finish() if is_late else self._stream.partial())
                tried = now

    def _feed(self, data: bytes) -> None:
        """Mask and write. The secrets of an application are there before its output."""
        self._refresh()
        self._write(self._stream.feed(data))

    def _refresh(self) -> None:
        known = self._masking.update()
        if known != self._known:
            self._stream, self._known = self._masking.stream(self._stream), known

    def _copy_rest(self) -> None:
        """Copy what the pipe holds now. Another process may fill it without an end."""
        size = struct.unpack("i", fcntl.ioctl(self._reader, termios.FIONREAD, b"\0" * 4))[0]
        while size > 0 and (data := os.read(self._reader, min(size, _CHUNK))):
            size -= len(data)
            self._feed(data)

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
