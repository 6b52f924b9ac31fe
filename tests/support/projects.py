"""Projects on disk, made from dictionaries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes import CommandResult, run_secretsync


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with `env/`, `providers/` and whatever else a test writes into it."""

    root: Path
    home: Path

    def write(self, name: str, content: str | bytes, *, mode: int | None = None) -> Path:
        """Return the file `name` below the root, written as it is: no line end is added or changed."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if mode is not None:
            path.chmod(mode)
        return path

    def write_all(self, files: Mapping[str, str | bytes]) -> None:
        """Write each of `files`."""
        for name, content in files.items():
            self.write(name, content)

    def read(self, name: str) -> str:
        """Return the text of a file, its line ends untouched."""
        return (self.root / name).read_bytes().decode()

    def cli(self, *arguments: str, cwd: Path | None = None, **options: Any) -> CommandResult:
        """Run `secretsync ARGUMENTS` in this project's folder; for `options` see `run_secretsync`."""
        return run_secretsync(arguments, cwd=cwd or self.root, home=self.home, **options)


MakeProject = Callable[..., Project]  # the fixture `project`
