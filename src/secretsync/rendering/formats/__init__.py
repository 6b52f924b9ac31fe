"""The formats of `render`: a row each in FORMATS, and the functions that load and call their modules."""

# Start-up time counts: the table imports nothing, and a format is imported when it is chosen.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import ModuleType
    from typing import Any

    from secretsync.core.errors import Problem


class Format:
    """A row of the table: what is known about a format before its module is imported."""

    __slots__ = ("module", "name", "options", "reader", "summary")

    def __init__(
        self, name: str, reader: str, summary: str, options: tuple[str, ...] = (), *, module: str | None = None
    ) -> None:
        """Describe a format.

        `reader`: the programs that read it. `summary`: one line for help and documentation. `options`: the keyword
        arguments of its functions. `module`: its module in this package; None means `name`.
        """
        self.name = name
        self.module = f"{__name__}.{module or name}"
        self.reader = reader
        self.summary = summary
        self.options = options

    def __repr__(self) -> str:
        return f"Format({self.name!r})"


FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        Format("dotenv", "python-dotenv, SecretSync itself", "a .env file for python-dotenv", ("interpolating",)),
        Format("docker", "docker run --env-file", "an env file for docker run"),
        Format("compose", "docker compose env_file", "an env file for docker compose"),
        Format("shell", "sh, bash, dash, ksh, zsh, ash", "export lines for a POSIX shell"),
        Format("fish", "fish", "lines of `set -gx` for the fish shell"),
        Format("systemd", "systemd EnvironmentFile=", "an environment file for systemd"),
        Format("node", "node --env-file, npm dotenv", "a .env file for Node.js"),
        Format(
            "portable", "every env file reader", "values that all env file readers read alike; refuses other values"
        ),
        Format("json", "any JSON parser", "one JSON object", module="json_"),
        Format("yaml", "any YAML 1.1 or 1.2 parser", "one YAML mapping", module="yaml_"),
        Format(
            "kubernetes",
            "kubectl apply --server-side, the Kubernetes API",
            "the manifest of a Secret",
            ("name", "namespace"),
        ),
        Format("github", "the GitHub Actions runner", "lines for the file $GITHUB_ENV"),
        Format("null", "read -d of bash, your own programs", "KEY=value, each followed by NUL"),
    )
}


def load(name: str) -> ModuleType:
    """Return the module of the format `name`. Raises UsageError if there is no such format."""
    if name not in FORMATS:
        from secretsync.core.text import unknown

        raise _usage_error(f"{unknown('output format', name, FORMATS)}; the formats are {', '.join(sorted(FORMATS))}")
    from secretsync.core.light import import_module

    return import_module(FORMATS[name].module)


def problems(format_name: str, values: Mapping[str, str], /, **options: Any) -> tuple[Problem, ...]:
    """Return a problem for each of `values` that a format cannot carry. The problems contain no values."""
    module = load(format_name)
    refused = [(key, module.refusal(key, values[key], **options)) for key in sorted(values)]
    found: list[tuple[str | None, str]] = [(key, reason) for key, reason in refused if reason]
    if not found and hasattr(module, "refusal_of_all"):
        reason = module.refusal_of_all(values)
        found = [(None, reason)] if reason else []
    if not found:
        return ()
    from secretsync.core.errors import Problem, ProblemKind

    return tuple(
        Problem(
            kind=ProblemKind.OUTPUT,
            key=key,
            cause=f"the format {format_name} cannot carry it: {reason}",
            hint="render it in another format, or change the value where it is stored",
        )
        for key, reason in found
    )


def render(format_name: str, values: Mapping[str, str], /, **options: Any) -> str:
    """Return `values` as text in the format `format_name`, sorted by key.

    `options`: the names in `FORMATS[format_name].options`: `interpolating` (dotenv: for readers that replace `${...}`),
    `name` and `namespace` (kubernetes). Write the text as UTF-8, and do not translate its line ends. Raises OutputError
    with every key that the format cannot carry and the reason, and UsageError for a wrong option.
    """
    module = load(format_name)
    unknown = sorted(set(options) - set(FORMATS[format_name].options))
    if unknown:
        raise _usage_error(f"the format {format_name} has no option {unknown[0]}")
    found = problems(format_name, values, **options)
    if found:
        del values  # the exception must not lead to a value
        from secretsync.core.errors import OutputError

        raise OutputError(found)
    text: str = module.render(values, **options)
    return text


def preamble(format_name: str, values: Mapping[str, str], secret_keys: Collection[str] | None = None, /) -> str:
    """Return the commands that the reader must get before the rendered text, in another stream.

    Only `github` has commands: the runner then masks the values of `secret_keys` (None: all values) in its log. The
    commands contain the values, so write them to stderr, which the runner reads, and never to a terminal.
    """
    module = load(format_name)
    text: str = module.preamble(values, secret_keys) if hasattr(module, "preamble") else ""
    return text


def _usage_error(message: str) -> Exception:
    from secretsync.core.errors import UsageError

    return UsageError(message)
