"""Decide what a path of Vault leads to, without a request."""

from __future__ import annotations

from secretsync.exporting.entries import Refused
from secretsync.project.bindings import StoreConfig

# The folders of engines that make or rotate a password, and the folders of the roles, which have only the dates.
ROLE_FOLDERS = {"creds": "roles", "static-creds": "static-roles", "static-cred": "static-role"}


def kv_version(store: StoreConfig, path: str, assumed: int | None) -> int | None:
    """Return the version of the KV mount of `path`; None if another engine makes or rotates the secret.

    `assumed`: the version for a store whose settings do not have it. Raises Refused if the version is not known. As
    in `run`, every path of a store with `kv_version` is one of KV.
    """
    version: int | None = store.settings.get("kv_version")
    if version is None and any(segment in ROLE_FOLDERS for segment in path.split("/")[1:-1]):
        return None
    if version is None and assumed is None:
        raise Refused(f"the version of the mount of {path} is not known", "give --kv-version 1 or --kv-version 2")
    return version or assumed


def role_path(path: str) -> str:
    """Return the path of the role behind credentials, which has their dates and not their password."""
    segments = path.split("/")
    position = next(index for index, one in enumerate(segments) if index and one in ROLE_FOLDERS)
    return "/".join((*segments[:position], ROLE_FOLDERS[segments[position]], *segments[position + 1 :]))
