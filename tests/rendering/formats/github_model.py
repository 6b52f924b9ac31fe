"""A model of how the GitHub Actions runner reads $GITHUB_ENV on Linux, and of the commands that it finds in a log."""

from collections.abc import Mapping
from pathlib import Path


class RunnerError(Exception):
    """The runner fails the step."""


def read(data: bytes, folder: Path) -> Mapping[str, str]:
    """Return the variables that the runner takes from the file."""
    text = data.decode("utf-8").removeprefix("\ufeff")
    found: dict[str, str] = {}
    rest = text
    while rest:
        line, _, rest = rest.partition("\n")
        equals, heredoc = line.find("="), line.find("<<")
        if not line:
            continue
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            if not name or not delimiter:
                raise RunnerError("a here document without a name or a delimiter")
            value, rest = _here_document(rest, delimiter)
        else:
            raise RunnerError("a line that is neither an assignment nor a here document")
        if name.upper() == "NODE_OPTIONS":
            raise RunnerError("NODE_OPTIONS cannot be set")
        found[name] = value
    return found


def _here_document(text: str, delimiter: str) -> tuple[str, str]:
    lines: list[str] = []
    while text:
        line, newline, text = text.partition("\n")
        if line == delimiter:
            return "\n".join(lines), text
        if not newline:
            break
        lines.append(line)
    raise RunnerError("the delimiter is missing")


def masks(log: str) -> set[str]:
    """Return what the runner masks after it has read `log`: the commands' values, whole and by line."""
    found: set[str] = set()
    for line in log.split("\n"):
        if line.startswith("::add-mask::"):
            value = line.removeprefix("::add-mask::")
            value = value.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
            found.add(value)
            found.update(part for part in value.replace("\r", "\n").split("\n") if part)
    return found
