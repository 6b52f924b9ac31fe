"""Become another user permanently: ids, groups, no capabilities."""

from __future__ import annotations

import os
import sys
from typing import Any

from secretsync.core.errors import UsageError
from secretsync.core.records import Record
from secretsync.running.exec_command import CommandError
from secretsync.running.process_protection import prctl

# linux/prctl.h, linux/capability.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_MAX_CAPABILITIES = 64


class User(Record, kw_only=True):
    """The user that runs the application."""

    uid: int
    gid: int
    groups: tuple[int, ...]  # all groups, `gid` included


def find_user(text: str) -> User:
    """Return the user for "NAME", "UID", "NAME:GROUP" or "UID:GROUP". Without a group: all groups of the user.

    Raises UsageError if there is no such user, or if this process cannot become another user.
    """
    if sys.platform != "linux":
        raise UsageError("--user needs Linux")
    if os.geteuid() != 0:
        raise UsageError("--user: only root can become another user; remove --user, or start as root")
    name, colon, group = text.partition(":")
    uid, own_gid, login = _look_up(name)
    if colon:
        gid = _group_id(group)
        groups: tuple[int, ...] = (gid,)
    elif own_gid is None or login is None:
        raise UsageError(f"--user: the user {uid} is not in passwd; add its group: {uid}:GROUP")
    else:
        gid = own_gid
        groups = tuple(os.getgrouplist(login, gid))
    if uid == 0:
        raise UsageError("--user cannot be root; name an unprivileged user")
    return User(uid=uid, gid=gid, groups=groups)


def _look_up(name: str) -> tuple[int, int | None, str | None]:
    """Return number, group and name of a user. A number does not need an entry in passwd."""
    import pwd

    is_number = name.isascii() and name.isdigit()
    try:
        found = pwd.getpwuid(_number(name)) if is_number else pwd.getpwnam(name)
    except KeyError:
        if is_number:
            return _number(name), None, None
    else:
        return found.pw_uid, found.pw_gid, found.pw_name
    raise UsageError("--user: there is no user of this name")


def _group_id(name: str) -> int:
    if name.isascii() and name.isdigit():
        return _number(name)
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        message = "--user: there is no group of this name"
    raise UsageError(message)


def _number(digits: str) -> int:
    """Return the id. The largest number of 32 bits is refused, because it means "unchanged" to the kernel."""
    if len(digits) > 10 or int(digits) >= 2**32 - 1:
        raise UsageError("--user: a user or group number must be below 4294967295")
    return int(digits)


def become_user(user: User) -> None:
    """Change this process to `user` permanently. Raises CommandError if any privilege of root remains."""
    failure = None
    try:
        _drop(user)
    except OSError as error:
        failure = error.strerror
    if failure is None and _can_return(user):
        failure = "this process could become root again"
    if failure is not None:
        raise CommandError(
            f"--user: the command was not started, because it would have privileges of root: {failure}", 126
        )


def _drop(user: User) -> None:
    # Empty the bounding set, because exec could refill the other sets from it. EINVAL: the last capability is done.
    # EPERM: without SETPCAP the set stays full, but exec cannot use it after "no new privileges".
    for capability in range(_MAX_CAPABILITIES):
        if prctl(_PR_CAPBSET_DROP, capability):
            break
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    _clear_capabilities()
    if number := prctl(_PR_SET_NO_NEW_PRIVS, 1):
        raise OSError(number, os.strerror(number))


def _clear_capabilities() -> None:
    """Empty the permitted, effective, inheritable and ambient sets of capabilities.

    The change of user empties them too, except the inheritable set, and except if the securebits forbid that.
    """
    import ctypes

    libc: Any = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _can_return(user: User) -> bool:
    """Return True if this process still has an id of root, or can get it back."""
    try:
        os.setresuid(-1, 0, -1)
    except PermissionError:
        pass
    else:
        return True
    return os.getresuid() != (user.uid,) * 3 or os.getresgid() != (user.gid,) * 3
