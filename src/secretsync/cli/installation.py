"""Name the installed distribution of SecretSync, because another one installs the same package and command."""

from __future__ import annotations

from pathlib import Path

from secretsync.core import __version__
from secretsync.core.records import Record

DISTRIBUTION = "secretsync-adapter"
_OTHER = "secretsync"  # another project on PyPI


class Installation(Record):
    """The distributions of this interpreter, by version; None if a distribution is not installed."""

    version: str | None
    other: str | None

    @property
    def folder(self) -> str:
        """The package that runs."""
        return str(Path(__file__).parents[1])

    @property
    def line(self) -> str:
        """The distribution with its version, and the directory of the package."""
        if self.version is None:
            return f"SecretSync {__version__} in {self.folder}; the distribution {DISTRIBUTION} is not installed"
        return f"{DISTRIBUTION} {self.version} in {self.folder}"

    @property
    def warning(self) -> str | None:
        """The next step if both distributions are installed, because each overwrites files of the other one."""
        if self.other is None:
            return None
        return (
            f"the distribution {_OTHER} {self.other} is another project, which installs the same package and command; "
            f"uninstall both, then install {DISTRIBUTION}"
        )

    def document(self) -> dict[str, object]:
        """Return the object of a JSON document."""
        return {"distribution": DISTRIBUTION, "version": self.version, "folder": self.folder, "other": self.other}


def find_installation() -> Installation:
    """Look for both distributions in the paths of this interpreter."""
    return Installation(version=_version(DISTRIBUTION), other=_version(_OTHER))


def _version(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
