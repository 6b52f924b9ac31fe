"""What an audit looks at, as it was read: no rule reads anything itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secretsync.core.errors import Problem
from secretsync.core.records import Record
from secretsync.planning.plan import Plan
from secretsync.policy.policy_file import Policy
from secretsync.policy.rules import RuleFinding
from secretsync.policy.validate import Subject
from secretsync.project.env_file import EnvFile

__all__ = ["Ages", "Evidence", "FileState", "GitState", "Online"]


class FileState(Record, kw_only=True):
    """A file or folder of the configuration, as the file system has it."""

    shown: str
    mode: int  # permission bits
    owner: int
    is_folder: bool = False


class GitState(Record, kw_only=True):
    """What git says of the project's folder; paths are relative to it."""

    tracked: tuple[str, ...] = ()
    ignored: Mapping[str, str]  # those of our files that git ignores -> the rule that says so
    exposed: tuple[str, ...] = ()  # files with plain secrets that are neither tracked nor ignored
    rendered: tuple[EnvFile, ...] = ()  # tracked files in the form of an env file, outside env/
    unread: int = 0  # further ones of these


class Ages(Record, kw_only=True):
    """How many secrets there are, and what is known of their ages: offline by the bindings, online by the stores."""

    secrets: int
    dated: int  # how old they are is known
    exempt: int
    overdue: int  # or expired


class Online(Record, kw_only=True):
    """What the stores said."""

    problems: tuple[Problem, ...] = ()  # secrets that could not be had
    findings: tuple[RuleFinding, ...] = ()  # about their ages
    ages: Ages
    not_checked: tuple[str, ...] = ()


class Evidence(Record, kw_only=True):
    """All that the rules may look at."""

    plan: Plan
    policy: Policy
    files: tuple[EnvFile, ...]
    subjects: tuple[Subject, ...]
    states: tuple[FileState, ...]
    owners: frozenset[int]  # who may own files: root, who runs the audit, who owns the project's folder
    git: GitState | str  # or why git could not be asked
    others: Mapping[str, Plan | str]  # the other environments, by name, or why one could not be read
    environ: Mapping[str, str] | None  # None: offline, since the environment that counts is another process's
    at: datetime  # aware, UTC
    online: Online | None = None  # None: no store was asked
    absent: frozenset[str] = frozenset()  # variables that this process does not have, though a value names them

    _unseen = ("files", "git")  # env files may hold plain secrets: that is what an audit is for
