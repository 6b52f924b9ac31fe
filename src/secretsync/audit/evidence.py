"""The evidence that the rules of an audit are checked on. No rule reads files, git or stores itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secretsync.core.errors import Problem
from secretsync.core.records import Record
from secretsync.planning.plan import Plan
from secretsync.policy.findings import RuleFinding
from secretsync.policy.policy import Policy
from secretsync.policy.subjects import Subject
from secretsync.project.env_file import EnvFile


class FileState(Record, kw_only=True):
    """The status of a file or directory of the configuration."""

    shown: str
    mode: int  # permission bits
    owner: int
    is_folder: bool = False


class GitState(Record, kw_only=True):
    """The answers of git on the project's directory. Paths are relative to it."""

    tracked: tuple[str, ...] = ()
    ignored: Mapping[str, str]  # files of the configuration that git ignores -> the rule of .gitignore
    exposed: tuple[str, ...] = ()  # files with plain secrets that are neither tracked nor ignored
    rendered: tuple[EnvFile, ...] = ()  # tracked files in the form of an env file, outside env/
    unread: int = 0  # the number of further files of this form


class GitFailure(Record):
    """The reason why git did not answer. `hint`: None if the project is not in a repository."""

    cause: str
    hint: str | None


class ImageCopy(Record, kw_only=True):
    """An instruction of a Dockerfile that copies private files, or a Dockerfile that cannot be read."""

    file: str
    line: int
    private: tuple[str, ...] = ()  # the private paths that the image gets, relative to the build context
    unread: str = ""  # the reason why the Dockerfile was not read


class Ages(Record, kw_only=True):
    """The number of secrets, and of known ages: offline from the bindings, online from the stores."""

    secrets: int = 0
    dated: int = 0  # of known age
    exempt: int = 0
    overdue: int = 0  # or expired


class Online(Record, kw_only=True):
    """The answers of the stores."""

    problems: tuple[Problem, ...] = ()  # secrets without a value
    values: tuple[RuleFinding, ...] = ()  # about the values of secrets
    findings: tuple[RuleFinding, ...] = ()  # about the ages of secrets
    leases: tuple[RuleFinding, ...] = ()  # about the ends of values
    ages: Ages
    not_checked: tuple[str, ...] = ()
    values_read: tuple[str, ...] = ()  # the references of the secrets whose values the stores returned


class Evidence(Record, kw_only=True):
    """All facts that the rules use."""

    plan: Plan
    policy: Policy
    files: tuple[EnvFile, ...]
    plaintext: tuple[RuleFinding, ...]  # secrets in plain text in these files
    subjects: tuple[Subject, ...]
    states: tuple[FileState, ...]
    owners: frozenset[int]  # users that may own files: root, the user of the audit, the owner of the project
    git: GitState | GitFailure
    others: Mapping[str, Plan | str]  # the other environments by name; str: why one could not be read
    environ: Mapping[str, str] | None  # None if offline, because the application has another environment
    at: datetime  # aware, UTC
    online: Online | None = None  # None: no store was asked
    images: tuple[ImageCopy, ...] = ()
    absent: frozenset[str] = frozenset()  # variables in values that this process does not have

    _unseen = ("files", "git")  # they may have plain secrets
