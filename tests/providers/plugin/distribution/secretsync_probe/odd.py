"""A store whose answers are none: each path names a way to break the contract."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from secretsync.providers import Deadline, Found, Identity, Payload, ProviderSpec, SecretInfo, SecretRef, StoreContext

_NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault that is looked for


class OddProvider:
    """Breaks the contract; a real plug-in may do each of these by mistake."""

    spec = ProviderSpec(name="odd", title="A store with odd answers", path_help="any path")

    def __init__(self, context: StoreContext) -> None:
        self._environ = context.environ

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Any:
        # The value that must not be seen comes from outside, so that this file holds none.
        return self._answers(refs, self._environ.get("ODD_VALUE", "x"))

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Any:
        return self._answers(refs, SecretInfo())

    def _answers(self, refs: Sequence[SecretRef], value: Any) -> Iterator[Any]:
        for ref in refs:
            odd: dict[str, Any] = {
                "plain": (ref, value),
                "unwrapped": (ref, Found(value)),
                "no-pair": value,
                "none": None,
                "no-reference": (None, value),
                "number": (ref, Found(Payload(5))),  # type: ignore[arg-type]
                "other-reference": (SecretRef("odd", "elsewhere"), Found(Payload("x"))),
                "twice": (ref, Found(Payload("first"))),
                "naive": (ref, Found(SecretInfo(created=_NAIVE, expires=_NAIVE))),
            }
            yield odd[ref.path]
            if ref.path == "twice":
                yield (ref, Found(Payload("second")))

    def identity(self) -> Identity:
        return Identity(store="odd", provider="odd")

    def close(self) -> None:
        message = "closing fails too"
        raise RuntimeError(message)
