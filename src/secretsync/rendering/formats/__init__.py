"""The output formats: a table of what there is, and the one function that renders."""

# Start-up time counts here: reading the table imports nothing, and a format is imported when it is chosen.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import ModuleType
    from typing import Any

    from secretsync.core.errors import Problem

__all__ = ["FORMATS", "Format", "load", "preamble", "problems", "render"]


class Format:
    """What is known of a format before it is chosen."""

    __slots__ = ("module", "name", "options", "reader", "summary")

    def __init__(self, name: str, module: str, reader: str, summary: str, options: tuple[str, ...] = ()) -> None:
        """Describe a format.

        `module`: where its code is. `reader`: who reads it. `summary`: one line for help and documentation.
        `options`: the keyword arguments that its functions take.
        """
        self.name = name
        self.module = module
        self.reader = reader
        self.summary = summary
        self.options = options

    def __repr__(self) -> str:
        return f"Format({self.name!r})"


FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        Format(
            "dotenv",
            "secretsync.rendering.formats.dotenv",
            "python-dotenv, SecretSync itself",
            "a .env file for python-dotenv",
            ("interpolating",),
        ),
        Format("docker", "secretsync.rendering.formats.docker", "docker run --env-file", "an env file for docker run"),
        Format(
            "compose",
            "secretsync.rendering.formats.compose",
            "docker compose env_file",
            "an env file for docker compose",
        ),
        Format(
            "shell",
            "secretsync.rendering.formats.shell",
            "sh, bash, dash, ksh, zsh, ash",
            "export lines for a POSIX shell",
        ),
        Format(
            "systemd",
            "secretsync.rendering.formats.systemd",
            "systemd EnvironmentFile=",
            "an environment file for systemd",
        ),
        Format("node", "secretsync.rendering.formats.node", "node --env-file, npm dotenv", "a .env file for Node.js"),
        Format(
            "portable",
            "secretsync.rendering.formats.portable",
            "every env file reader",
            "only what all env file readers read the same way; everything else is refused",
        ),
        Format("json", "secretsync.rendering.formats.json_", "any JSON parser", "one JSON object"),
        Format("yaml", "secretsync.rendering.formats.yaml_", "any YAML 1.1 or 1.2 parser", "one YAML mapping"),
        Format(
            "kubernetes",
            "secretsync.rendering.formats.kubernetes",
            "kubectl apply --server-side, the Kubernetes API",
            "the manifest of a Secret",
            ("name", "namespace"),
        ),
        Format(
            "github",
            "secretsync.rendering.formats.github",
            "the GitHub Actions runner",
            "lines for the file $GITHUB_ENV",
        ),
        Format(
            "null",
            "secretsync.rendering.formats.null",
            "read -d of bash, your own programs",
            "KEY=value, each ended by NUL",
        ),
    )
}


def load(name: str) -> ModuleType:
    """The module of the format called `name`; UsageError if there is none."""
    if name not in FORMATS:
        from secretsync.core.text import unknown

        raise _usage_error(f"{unknown('output format', name, FORMATS)}; the formats are {', '.join(sorted(FORMATS))}")
    import importlib

    return importlib.import_module(FORMATS[name].module)


def problems(format_name: str, values: Mapping[str, str], /, **options: Any) -> tuple[Problem, ...]:
    """Everything of `values` that a format cannot carry, by key, without any value."""
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
    """`values` as text in the format called `format_name`, sorted by key.

    `options` are those that `FORMATS[format_name].options` lists: `interpolating` (dotenv: for readers that replace
    `${...}`), `name` and `namespace` (kubernetes). The text is to be written as UTF-8, without any translation of
    line ends. OutputError lists every key that the format cannot carry, and why; UsageError is a wrong option.
    """
    module = load(format_name)
    unknown = sorted(set(options) - set(FORMATS[format_name].options))
    if unknown:
        raise _usage_error(f"the format {format_name} has no option {unknown[0]}")
    found = problems(format_name, values, **options)
    if found:
        del values  # no exception leads to one
        from secretsync.core.errors import OutputError

        raise OutputError(found)
    text: str = module.render(values, **options)
    return text


def preamble(format_name: str, values: Mapping[str, str], secret_keys: Collection[str] | None = None, /) -> str:
    """What is to be said before the rendered text is handed over: commands for the reader, not part of the text.

    Only `github` has any: the commands by which the runner masks the values of `secret_keys` (None: of all) in its
    log. They hold the values, so they go where the runner listens (stderr), and never to a terminal.
    """
    module = load(format_name)
    text: str = module.preamble(values, secret_keys) if hasattr(module, "preamble") else ""
    return text


def _usage_error(message: str) -> Exception:
    from secretsync.core.errors import UsageError

    return UsageError(message)
