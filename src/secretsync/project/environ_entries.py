"""Placeholders that stand in inherited variables, as one more env file below all others."""

from __future__ import annotations

from secretsync.core.errors import Problem
from secretsync.core.model import Entry
from secretsync.core.names import is_key
from secretsync.core.secret import variable_text
from secretsync.project.env_file import EnvFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "process environment"  # what messages call it

# The program that set the variable left `${...}` in it, so that it is not replaced. `$${` is literal.
_BEFORE_BRACE = r"\$+(?=\{)"


def variables_file(environ: Mapping[str, str]) -> EnvFile:
    """Return the variables of `environ` whose values hold `$<`, as entries."""
    import re  # Imported only with --resolve-environment.

    entries, problems = [], []
    for name, value in environ.items():
        if "$<" not in value:
            continue
        if is_key(name):
            entries.append(variable_entry(name, re.sub(_BEFORE_BRACE, lambda run: run[0] * 2, variable_text(value))))
            continue
        from secretsync.core.problems.kinds import ProblemKind  # Imported only for a problem.

        cause = "a variable of this name cannot have a placeholder in its value"
        hint = "a name is letters, digits and '_', not beginning with a digit"
        problems.append(Problem(kind=ProblemKind.CONFIGURATION, file=FILE, key=name, cause=cause, hint=hint))
    return EnvFile(file=FILE, service=None, entries=tuple(entries), problems=tuple(problems))


def variable_entry(name: str, text: str) -> Entry:
    """Return an entry that is not in a line of a file."""
    return Entry(key=name, text=text, literal=False, file=FILE, line=0, service=None, source="")
