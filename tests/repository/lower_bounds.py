"""Print the lowest version of each package that SecretSync accepts, as a file of constraints for pip."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lower_bounds() -> Iterator[tuple[str, str]]:
    """Yield name and lowest version of each dependency in pyproject.toml, also of those that come with an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for line in (*project["dependencies"], *(line for name in extras if name != "all" for line in extras[name])):
        name, separator, version = line.partition(">=")
        if not separator:
            message = f"{line}: a dependency needs a lower bound; write NAME>=VERSION"
            raise ValueError(message)
        yield name, version


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}=={version}\n" for name, version in lower_bounds())
