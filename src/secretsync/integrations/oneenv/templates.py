"""Turn OneEnv's templates into requirements of a policy and into the text of a .env.example."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.model import Entry
from secretsync.core.names import is_entry_name, is_sensitive
from secretsync.core.records import Record, replace
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.planning.plan import Plan
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.policy.policy import Policy, Requirement
from secretsync.policy.policy_file import read_policy
from secretsync.project.env_file import EnvFile
from secretsync.project.layout import environments, find_root
from secretsync.rendering.env_example import Defined, env_example

GROUP = "oneenv.templates"  # OneEnv's group of entry points
_OWN = "SECRETSYNC_"


class Variable(Record, kw_only=True):
    """One variable of OneEnv's templates."""

    key: str
    description: str
    required: bool = False
    choices: tuple[str, ...] = ()
    group: str | None = None
    importance: str = "important"  # critical, important or optional
    sources: tuple[str, ...] = ()  # the templates that have it


def own_variables() -> dict[str, dict[str, Any]]:
    """Return OneEnv's template of the variables that SecretSync itself reads."""
    rows = {
        "SECRETSYNC_ENV": "The environment that SecretSync loads. It has precedence over ENVIRONMENT.",
        "SECRETSYNC_ROOT": "The folder that has env/ and providers/. Default: the nearest folder upwards.",
        "SECRETSYNC_ACCESS_LOG": "A file that gets one line of JSON for each secret that is read.",
    }
    common = {"required": False, "default": "", "group": "SecretSync", "importance": "optional"}
    return {key: {"description": description, **common} for key, description in rows.items()}


def variables(templates: Iterable[Callable[[], Any]] | None = None) -> tuple[Variable, ...]:
    """Return the variables of OneEnv's templates, sorted by name. Variables of SecretSync itself are not in the result.

    templates: functions that return a template; None means those with the decorator `oneenv` that are imported, and
    those of the entry points. A template is `{KEY: {...}}`, `{"groups": {GROUP: {KEY: ...}}}`, or a list of
    `{"category": ..., "option": ..., "env": {KEY: ...}}`.

    Raises ConfigurationError with every template that cannot be read.
    """
    found: dict[str, Variable] = {}
    problems: list[Problem] = []
    for template in _templates() if templates is None else templates:
        name = getattr(template, "__name__", type(template).__name__)
        try:
            rows = list(_rows(template(), name))
        except Exception as error:  # noqa: BLE001 - a template is code of the application
            problems.append(_problem(name, f"this template of OneEnv raises {type(error).__name__}", "correct it"))
            continue
        for row in rows:
            if isinstance(row, Problem):
                problems.append(row)
            elif not row.key.startswith(_OWN):
                found[row.key] = _merged(found[row.key], row) if row.key in found else row
    if problems:
        raise ConfigurationError(problems)
    return tuple(found[key] for key in sorted(found))


def requirements(templates: Iterable[Callable[[], Any]] | None = None) -> tuple[Requirement, ...]:
    """Return a requirement for each required or critical variable of OneEnv's templates; see `variables`."""
    return _required(variables(templates))


def policy_text(templates: Iterable[Callable[[], Any]] | None = None) -> str:
    """Return OneEnv's templates as text for a policy.toml: `[required]`, and a check for each list of choices."""
    known = variables(templates)
    lines = ["# From the templates of OneEnv.", "", "[required]"]
    lines += [f"{one.key} = {_quoted(_sentence(one.description))}" for one in known if _must(one)]
    for one in known:
        if one.choices:
            lines += ["", f"[checks.{one.key}]", f"one_of = [{', '.join(map(_quoted, one.choices))}]"]
    return "\n".join(lines) + "\n"


def template_text(
    names: Iterable[str] | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    templates: Iterable[Callable[[], Any]] | None = None,
) -> str:
    """Return the text of `secretsync template` with the variables of OneEnv's templates in it.

    names: the environments; None means all.
    root: the folder of the project, as in `resolve_config`.
    templates: as in `variables`.
    """
    known = variables(templates)
    environ = Environ(os.environ)
    folder = find_root(None if root is None else os.fspath(root), environ)
    plans, policies, problems = list[Plan](), list[Policy](), list[Problem]()
    for name in sorted(set(names)) if names is not None else environments(folder):
        plans.append(load_plan(ConfigRequest(environment=name, root=folder), AnyEnviron(environ)))
        policies.append(read_policy(plans[-1].project))
        problems += policies[-1].problems
    if problems:
        raise ConfigurationError(problems)
    present = {entry.key for plan in plans for file in plan.files for entry in file.entries}
    absent = EnvFile(file="oneenv.env", service=None, entries=tuple(_entries(known, present)))
    return env_example(
        [
            Defined(
                name=plan.project.label,
                plan=plan,
                files=(*(_described(file, known) for file in plan.files), absent),
                policy=_with(policy, _required(known)),
            )
            for plan, policy in zip(plans, policies, strict=True)
        ]
    )


def _described(file: EnvFile, known: Iterable[Variable]) -> EnvFile:
    """Return `file` with the description of OneEnv as the comment of each entry that does not have a comment."""
    comments = {one.key: _comment(one) for one in known if not _must(one)}
    return replace(
        file,
        entries=tuple(
            replace(entry, comment=comments[entry.key]) if entry.comment is None and entry.key in comments else entry
            for entry in file.entries
        ),
    )


def _comment(one: Variable) -> str:
    choices = f"\none of: {', '.join(one.choices)}" if one.choices else ""
    return f"{'' if _must(one) else _sentence(one.description)}{choices}".strip()


def _with(policy: Policy, required: tuple[Requirement, ...]) -> Policy:
    """Return `policy` with the requirements that it does not have itself."""
    own = {one.key for one in policy.required}
    return replace(policy, required=(*policy.required, *(one for one in required if one.key not in own)))


def _entries(known: Iterable[Variable], present: Collection[str]) -> Iterator[Entry]:
    """Yield an entry for each variable that no env file defines."""
    for line, one in enumerate(known, 1):
        if one.key not in present:
            text = f"$<{one.key}>" if is_sensitive(one.key) else ""
            comment = _comment(one) or None
            yield Entry(
                key=one.key,
                text=text,
                literal=False,
                file="oneenv.env",
                line=line,
                service=None,
                source="",
                comment=comment,
            )


def _templates() -> Iterator[Callable[[], Any]]:
    """Yield the functions that OneEnv knows: those with its decorator, then those of the entry points."""
    from importlib.metadata import entry_points

    import oneenv  # type: ignore[import-untyped]

    yield from getattr(oneenv, "_TEMPLATE_REGISTRY", ())
    for point in entry_points(group=GROUP):
        yield point.load()


def _rows(template: Any, source: str) -> Iterator[Variable | Problem]:
    """Yield the variables of a template in one of OneEnv's three forms."""
    if hasattr(template, "get_template"):  # a class with the decorator
        template = template.get_template()
    if isinstance(template, list):
        for part in template:
            yield from _group(part.get("env", {}), source, part.get("category"))
    elif not isinstance(template, Mapping):
        yield _problem(source, "this template of OneEnv is not a dictionary or a list", "return a dictionary")
    else:
        groups = template.get("groups", {})
        own = {key: row for key, row in template.items() if key != "groups"}
        for name, rows in groups.items():
            yield from _group(rows, source, name)
        yield from _group(own, source, None)


def _group(rows: Mapping[str, Any], source: str, group: str | None) -> Iterator[Variable | Problem]:
    for key, row in rows.items():
        if not is_entry_name(key) or not isinstance(row, Mapping) or not row.get("description"):
            yield _problem(source, "a variable of this template has a wrong name or no description", "correct it")
            continue
        yield Variable(
            key=key,
            description=str(row["description"]),
            required=bool(row.get("required")),
            choices=tuple(map(str, row.get("choices") or ())),
            group=row.get("group") or group,
            importance=str(row.get("importance") or "important"),
            sources=(source,),
        )


def _merged(one: Variable, other: Variable) -> Variable:
    """Return a variable that two templates have: required if one of them requires it."""
    return replace(
        one,
        required=one.required or other.required,
        importance="critical" if "critical" in (one.importance, other.importance) else one.importance,
        choices=one.choices or other.choices,
        sources=(*one.sources, *other.sources),
    )


def _required(known: Iterable[Variable]) -> tuple[Requirement, ...]:
    return tuple(Requirement(key=one.key, description=_sentence(one.description)) for one in known if _must(one))


def _must(one: Variable) -> bool:
    return one.required or one.importance == "critical"


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    """Return a basic string of TOML, which has JSON's escapes but for DEL."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _problem(source: str, cause: str, hint: str) -> Problem:
    return Problem(kind=ProblemKind.CONFIGURATION, key=source, cause=cause, hint=hint)
