"""A store that does what its references say: answers, denies, is away, raises, hangs."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from secretsync.providers import (
    Answer,
    Deadline,
    Failed,
    Found,
    Identity,
    Information,
    Missing,
    Payload,
    ProblemKind,
    ProviderSpec,
    SecretInfo,
    SecretRef,
    Setting,
    SettingType,
    StoreContext,
)

LOGGED = ("fetch", "describe")

_FAILURES = {
    "deny": (ProblemKind.DENIED, "the role tester may not read it"),
    "away": (ProblemKind.UNAVAILABLE, "connection refused"),
    "disabled": (ProblemKind.UNUSABLE, "the secret is disabled"),
}


class ProbeProvider:
    """Answers with the values of a JSON file.

    `deny/x`, `away/x`, `disabled/x`, `hang/x`, `raise/x` and others fail; `late/x` lets the deadline come first.
    """

    spec = ProviderSpec(
        name="probe",
        title="A store for tests",
        path_help="any path",
        options=("version",),
        settings={
            "values": Setting(type=SettingType.PATH, help="a JSON file: path -> value"),
            "log": Setting(type=SettingType.PATH, help="a file that each request is written to"),
            "fails": Setting(help="what goes wrong while it is built", choices=("raise", "exit")),
        },
        credentials=("PROBE_TOKEN", "PROBE_*_SECRET"),
        identity_variables=("PROBE_TOKEN_FILE",),
    )

    def __init__(self, context: StoreContext) -> None:
        if (fails := context.setting("fails")) is not None:
            text = context.environ.get("PROBE_TOKEN", "")
            raise RuntimeError(text) if fails == "raise" else SystemExit(text)
        self._store = context.store
        log, values = context.setting("log"), context.setting("values")
        self._log = Path(context.path(log)) if log else None
        self._values = Path(context.path(values)) if values else None

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        for ref in refs:
            found = self._find("fetch", ref)
            if found is not None:
                yield ref, Found(Payload(found[0], version=found[1])) if isinstance(found, tuple) else found

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        for ref in refs:
            found = self._find("describe", ref)
            if found is not None:
                yield ref, Found(SecretInfo(version=found[1])) if isinstance(found, tuple) else found

    def _find(self, method: str, ref: SecretRef) -> tuple[str, str] | Missing | Failed | None:
        """Return the value and its version, what went wrong, or None for no answer at all."""
        if self._log is not None:
            with self._log.open("a") as log:
                log.write(f"{method} {ref}\n")
        kind = ref.path.partition("/")[0]
        values = json.loads(self._values.read_bytes()) if self._values else {}
        if kind in _FAILURES:
            return Failed(*_FAILURES[kind])
        if kind == "late":
            _end_deadlines()
        if kind in ("hang", "late"):
            threading.Event().wait()
        if kind == "raise":
            # With a value in its text, as libraries do it.
            raise RuntimeError(" ".join(values.values()))
        if kind == "exit":
            raise SystemExit(" ".join(values.values()))
        if kind == "silent":
            return None
        if ref.path not in values:
            return Missing(f"the probe has no {ref.path}")
        return values[ref.path], ref.version or "7"

    def identity(self) -> Identity:
        return Identity(store=self._store, provider="probe")

    def close(self) -> None:
        pass


def _end_deadlines() -> None:
    """Let every deadline of this process pass, after all that was answered before."""
    Deadline.remaining = lambda self: 0.0  # type: ignore[method-assign]


class NeedsSdkProvider(ProbeProvider):
    """A provider whose SDK is not there."""

    spec = ProviderSpec(name="needs-sdk", title="A store with an SDK", path_help="any path", modules=("no_such_sdk",))


class ShadowProvider(ProbeProvider):
    """A provider under a name that is taken."""

    def __init__(self, context: StoreContext) -> NoReturn:
        message = "this provider took the place of a built-in one"
        raise AssertionError(message)
