"""Read the process environment: a variable, or the file that NAME_FILE names."""

from __future__ import annotations

import os

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.names import is_key
from secretsync.core.secret import Payload
from secretsync.core.text import other_spelling
from secretsync.providers.files import modified, read_secret_file
from secretsync.providers.interface import Answer, Deadline, Identity, Information, ProviderSpec, StoreContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.providers.inputs import InputTable
    from secretsync.providers.logins import Login


def _check_path(path: str) -> str | None:
    return None if is_key(path) else "this is no name of a variable"


def inputs(name: str = "NAME") -> InputTable:
    """Return the inputs of a store for the reference `name`."""
    from secretsync.providers.inputs import InputKind, InputRule

    return {"": (InputRule((f"{name}_FILE",), InputKind.TEXT),)}


class EnvProvider:
    """Reads variables, by the convention of the official Docker images: NAME, or NAME_FILE for the path of a file."""

    spec = ProviderSpec(
        name="env",
        title="Process environment",
        path_help="the name of a variable",
        check_path=_check_path,
        is_secret_store=False,
        has_clock=False,
    )

    def __init__(self, context: StoreContext) -> None:
        self._store = context.store
        self._environ = context.environ

    @staticmethod
    def logins(context: StoreContext) -> tuple[Login, ...]:  # noqa: ARG004 - the signature of all providers
        from secretsync.providers.logins import Way, checklist

        names = ("the variables of this process", "the files that variables NAME_FILE name")
        return checklist([Way(name=f"no login, user id {os.geteuid()}", found=names)], 0)

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:  # noqa: ARG002
        for ref in refs:
            yield ref, self._fetch(ref.path)

    def _fetch(self, name: str) -> Found[Payload] | Missing | Failed:
        path = self._file(name)
        if isinstance(path, Missing | Failed):
            return path
        if path is None:
            value = self._environ[name]
            # Bytes that are not UTF-8 are lone surrogates in the strings of os.environ.
            return Found(Payload(value if value.isascii() else os.fsencode(value)))
        data = read_secret_file(path)
        if isinstance(data, bytes):
            return Found(Payload(data, from_file=True))
        return _named_by(name, data)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:  # noqa: ARG002
        for ref in refs:
            path = self._file(ref.path)
            if isinstance(path, Missing | Failed):
                yield ref, path
            elif path is None:
                yield ref, Found(SecretInfo())
            else:
                moment = modified(path)
                if isinstance(moment, Missing | Failed):
                    yield ref, _named_by(ref.path, moment)
                else:
                    yield ref, Found(SecretInfo(modified=moment))

    def _file(self, name: str) -> str | Missing | Failed | None:
        """Return the file that holds the secret; None if the variable holds it."""
        is_set, path = name in self._environ, self._environ.get(f"{name}_FILE")
        if path and is_set:
            cause = f"both {name} and {name}_FILE are set"
            return Failed(ProblemKind.CONFIGURATION, cause, "unset the one that is not meant")
        if not path and not is_set:
            hint = f"set it, or {name}_FILE to the path of a file"
            if close := other_spelling(name, list(filter(is_key, self._environ))):
                hint = f"did you mean $<{self._store}:{close}>?"
            return Missing(f"the variable {name} is not set", hint)
        if not path:
            return None
        from secretsync.providers.inputs import check  # imported only if a variable names a file

        context = StoreContext(store=self._store, environment="", environ=self._environ)
        return check(context, inputs(name)[""]) or path

    def identity(self) -> Identity:
        return Identity(store=self._store, provider=self.spec.name, principal=f"user id {os.geteuid()}")

    def close(self) -> None:
        pass


def _named_by(name: str, outcome: Missing | Failed) -> Failed:
    """Return the failure for a file that a variable names. A missing file fails too, so that no default applies."""
    kind = outcome.kind if isinstance(outcome, Failed) else ProblemKind.UNUSABLE
    return Failed(kind, f"{name}_FILE names a file: {outcome.cause}", outcome.hint)
