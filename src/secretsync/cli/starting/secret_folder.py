"""The option --files of `run`: the folder to which the secrets are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.running.secret_files import file_paths, open_folder, write_secrets
from secretsync.running.unsafe_variables import refuse_unsafe_variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from secretsync.core.model import Resolved
    from secretsync.running.drop_privileges import User


class SecretFolder:
    """The folder of --files."""

    def __init__(self, options: argparse.Namespace, user: User | None, *, is_strict: bool) -> None:
        """`user`: will write and read in it; None means this process. Raises OutputError for an unsafe folder."""
        owner = None if user is None else (user.uid, user.gid)
        self._path = open_folder(options.files, owner=owner, must_be_in_memory=is_strict and not options.allow_disk)
        self._allowed = options.allow_name

    def choose(self, resolved: Mapping[str, Resolved], environ: Mapping[str, str]) -> dict[str, str]:
        """Return the path of the file for each secret."""
        files = file_paths(self._path, resolved, environ)
        # NAME_FILE may be an unsafe variable itself: the value of a store must not become the file of SSL_CERT_FILE.
        refuse_unsafe_variables({f"{key}_FILE": resolved[key] for key in files}, self._allowed)
        return files

    def write(self, resolved: Mapping[str, Resolved], files: Mapping[str, str], *, is_switched: bool) -> None:
        """Write the files. `is_switched`: all are replaced in one step, because the application may read them."""
        values = {key: resolved[key].value.reveal() for key in files}
        if is_switched:
            from secretsync.running.secret_generations import write_generation  # Imported only with --watch.

            write_generation(self._path, values)
        else:
            write_secrets(self._path, values)
