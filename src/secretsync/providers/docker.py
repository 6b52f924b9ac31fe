"""Docker secrets: one file a secret, in /run/secrets or another folder."""

from __future__ import annotations

import os

from secretsync.core.errors import Problem, ProblemKind, ResolutionError
from secretsync.core.light import TypeVar
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretOutline, SecretRef
from secretsync.core.secret import Payload
from secretsync.core.text import other_spelling
from secretsync.providers.files import modified, read_secret_file
from secretsync.providers.interface import (
    Answer,
    Deadline,
    Identity,
    Information,
    Outline,
    ProviderSpec,
    Setting,
    SettingType,
    StoreContext,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from secretsync.providers.inputs import InputTable
    from secretsync.providers.logins import Login
    from secretsync.providers.writing import Change, Written

T = TypeVar("T", bytes, "datetime", bool)

_FOLDER = "/run/secrets"
_MOST = 1000  # files of a folder that are looked at for a hint
_MAX_NAME = 255  # bytes, as file systems have it


def _check_path(path: str) -> str | None:
    # "..data" and similar names are folders of Kubernetes, in addition to the files.
    if "/" in path or path == "." or path.startswith("..") or not path.isprintable():
        return "a secrets file is named by its name alone, not by a path"
    if len(path.encode("utf-8")) > _MAX_NAME:
        return "no file can have a name this long"
    return None


def inputs() -> InputTable:
    """Return the inputs of a store."""
    from secretsync.providers.inputs import InputKind, InputRule

    return {"": (InputRule(("CREDENTIALS_DIRECTORY",), InputKind.TEXT, setting="dir"),)}


def _folder_mistake(context: StoreContext) -> Failed | None:
    from secretsync.providers.inputs import check  # Imported only if a folder is configured.

    return check(context, inputs()[""])


def _folders(context: StoreContext) -> dict[str, str]:
    """Return the folders of a store, by the setting or variable that gives each; "": the default."""
    if folder := context.setting("dir"):
        return {"dir": context.path(folder)}
    # systemd's LoadCredential= puts files there.
    credentials = context.environ.get("CREDENTIALS_DIRECTORY")
    return {"": _FOLDER, **({"CREDENTIALS_DIRECTORY": credentials} if credentials else {})}


def _is_readable(path: str, *, folder: str) -> bool | Missing | Failed:
    time = modified(path, folder=folder)
    return time if isinstance(time, Missing | Failed) else os.access(path, os.R_OK)


class DockerProvider:
    """Reads and writes secrets files.

    Their modification times are only hints, because a remount changes them, and a rotation may not.
    """

    spec = ProviderSpec(
        name="docker",
        title="Docker secrets files",
        path_help="the name of a file",
        key="{lower}",
        check_path=_check_path,
        settings={
            "dir": Setting(
                type=SettingType.PATH,
                help="the folder that holds the files",
                default=f"{_FOLDER}, then $CREDENTIALS_DIRECTORY",
            )
        },
        identity_variables=("CREDENTIALS_DIRECTORY",),
        has_clock=False,
        has_outlines=True,
        is_writable=True,
        is_local=True,
    )

    def __init__(self, context: StoreContext) -> None:
        self._store = context.store
        self._is_named = bool(context.setting("dir"))
        self._folders = tuple(_folders(context).values())
        self._mistake = None if self._folders == (_FOLDER,) else _folder_mistake(context)

    @staticmethod
    def logins(context: StoreContext) -> tuple[Login, ...]:
        from secretsync.core.text import path_or
        from secretsync.providers.logins import Way, checklist

        ways = []
        for name, folder in _folders(context).items():
            shown = path_or(folder, "the folder")
            place = f"{shown} ({name})" if name else shown
            is_usable = os.path.isdir(folder) and os.access(folder, os.X_OK)
            absent = "no permission to enter it" if os.path.isdir(folder) else "there is no such folder"
            hint = f"create it, or name another folder: dir in [stores.{context.store}]"
            ways.append(
                Way(
                    name=f"files for the user id {os.geteuid()} in {shown}",
                    found=(place,) if is_usable else (),
                    missing=() if is_usable else (f"{place}: {absent}",),
                    hint=hint,
                )
            )
        return checklist(ways, None)  # all of these folders are searched

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:  # noqa: ARG002
        for ref in refs:
            outcome = self._first(read_secret_file, ref.path)
            yield ref, Found(Payload(outcome, from_file=True)) if isinstance(outcome, bytes) else outcome

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:  # noqa: ARG002
        for ref in refs:
            outcome = self._first(modified, ref.path)
            yield ref, Found(SecretInfo(modified=outcome)) if not isinstance(outcome, Missing | Failed) else outcome

    def outline(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Outline]:  # noqa: ARG002
        for ref in refs:
            outcome = self._first(_is_readable, ref.path)
            yield ref, Found(SecretOutline(is_readable=outcome)) if isinstance(outcome, bool) else outcome

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:  # noqa: ARG002
        from secretsync.providers.secret_file_writer import write_secret_file

        if not self._is_named and not os.path.isdir(self._folders[0]):
            cause = f"there is no folder {self._folders[0]}, and the settings do not name another one"
            hint = f"set dir in [stores.{self._store}] of the bindings, or create the folder"
            return Failed(ProblemKind.CONFIGURATION, cause, hint)
        return write_secret_file(self._folders[0], ref.path, change)

    def _first(self, read: Callable[..., T | Missing | Failed], name: str) -> T | Missing | Failed:
        """Return the result of `read` for the file in the first folder that has it."""
        if self._mistake is not None:
            return self._mistake
        for folder in self._folders:
            outcome = read(f"{folder}/{name}", folder=folder)
            if not isinstance(outcome, Missing):
                return outcome
        cause = "there is no file " + " or ".join(f"{folder}/{name}" for folder in self._folders)
        hint = f"put it there, or name its folder: dir in [stores.{self._store}] of the bindings"
        if close := other_spelling(name, self._names()):
            hint = f"did you mean $<{self._store}:{close}>?"
        absent = [folder for folder in self._folders if not os.path.isdir(folder)]
        # One of several folders may be absent: systemd's folder is then in use.
        if len(absent) < len(self._folders):
            return Missing(cause, hint)
        detail = f"there is no folder {' or '.join(absent)}"
        return Missing(f"{cause}, because {detail}", hint, detail)

    def _names(self) -> list[str]:
        """Return the names of the files, as far as the folders can be read."""
        import contextlib

        names: list[str] = []
        for folder in self._folders:
            with contextlib.suppress(OSError):
                names += os.listdir(folder)[:_MOST]
        return [name for name in names if _check_path(name) is None]

    def identity(self) -> Identity:
        barred = [folder for folder in self._folders if os.path.isdir(folder) and not os.access(folder, os.X_OK)]
        if barred:
            cause, hint = f"no permission to enter {', '.join(barred)}", f"we are user id {os.geteuid()}"
            raise ResolutionError([Problem(kind=ProblemKind.DENIED, store=self._store, cause=cause, hint=hint)])
        return Identity(
            store=self._store,
            provider=self.spec.name,
            endpoint=", ".join(self._folders),
            principal=f"user id {os.geteuid()}",
            details=tuple(("no folder", folder) for folder in self._folders if not os.path.isdir(folder)),
        )

    def close(self) -> None:
        pass
