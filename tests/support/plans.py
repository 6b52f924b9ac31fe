"""Plans and configurations made from texts, without a folder on disk."""

from collections.abc import Iterable, Mapping, Sequence

from secretsync.config.config import Config
from secretsync.core.errors import Problem
from secretsync.core.names import SensitiveNames
from secretsync.planning.plan import Plan
from secretsync.planning.planner import make_plan
from secretsync.project.bindings import Bindings
from secretsync.project.bindings_file import parse_bindings
from secretsync.project.env_file import EnvFile, parse_env_file
from secretsync.project.layout import Project, SourceFile
from secretsync.providers.interface import Provider
from secretsync.resolving.resolve import resolve
from secretsync.resolving.stores import StoreAccess

_WHOLE = ("common", "security")


def planned(
    files: Mapping[str, str],
    *,
    bindings: str = "",
    environ: Mapping[str, str] | None = None,
    services: Iterable[str] | None = None,
    stores: Mapping[str, Provider] | None = None,
    environment: str | None = "test",
    names: SensitiveNames | None = None,
) -> tuple[Plan | None, tuple[Problem, ...]]:
    """Return the plan for env files given by their stems ("common", "web"), and its problems.

    Without an `environment` the files are a list, later over earlier.
    """
    ordered = _in_order(files) if environment else list(files)
    sources, read = [], []
    for stem in ordered:
        shown = f"env/{environment}/{stem}.env" if environment else f"{stem}.env"
        service = None if stem in _WHOLE or environment is None else stem
        sources.append(SourceFile(path=f"/nowhere/{shown}", shown=shown, service=service))
        read.append(env_file(files[stem], file=shown, service=service))
    project = Project(
        root="/nowhere", environment=environment, is_strict=environment is None, files=tuple(sources), bindings=None
    )
    parsed = parse_bindings(bindings.encode(), f"providers/{environment}.toml") if bindings else Bindings()
    replaced = {name: provider.spec for name, provider in (stores or {}).items()}
    return make_plan(project, read, parsed, environ or {}, services, replaced, names=names)


def _in_order(files: Mapping[str, str]) -> Sequence[str]:
    return [*(stem for stem in _WHOLE if stem in files), *sorted(stem for stem in files if stem not in _WHOLE)]


def env_file(text: str, *, file: str = "x.env", service: str | None = None) -> EnvFile:
    """Return the entries of an env file of this text."""
    return parse_env_file(text.encode(), file=file, service=service)


def good_plan(files: Mapping[str, str], **options: object) -> Plan:
    """Return the plan for `files`; see `planned`."""
    plan, problems = planned(files, **options)  # type: ignore[arg-type]
    assert plan is not None, [str(problem) for problem in problems]
    return plan


def plan_errors(files: Mapping[str, str], **options: object) -> list[str]:
    """Return the problems that the plan of `files` has, as text; see `planned`."""
    plan, problems = planned(files, **options)  # type: ignore[arg-type]
    assert plan is None or not problems
    return [str(problem) for problem in problems]


def resolved(
    files: Mapping[str, str],
    *,
    stores: Mapping[str, Provider],
    environ: Mapping[str, str] | None = None,
    bindings: str = "",
    services: Iterable[str] | None = None,
    seconds: float = 30.0,
) -> Config | tuple[Problem, ...]:
    """Return the configuration of `files` from `stores`, or every problem; see `planned`."""
    environ = environ or {}
    plan = good_plan(files, bindings=bindings, environ=environ, services=services, stores=stores)
    answers = StoreAccess(environ, timeout=seconds, replaced=stores).values(plan)
    return resolve(plan, answers, environ)


def config_of(files: Mapping[str, str], **options: object) -> Config:
    """Return the configuration of `files`; see `resolved`."""
    result = resolved(files, **options)  # type: ignore[arg-type]
    assert isinstance(result, Config), [str(problem) for problem in result]
    return result


def failures_of(files: Mapping[str, str], **options: object) -> tuple[Problem, ...]:
    """Return the problems that `files` have with what the stores answered; see `resolved`."""
    result = resolved(files, **options)  # type: ignore[arg-type]
    assert not isinstance(result, Config)
    return result
