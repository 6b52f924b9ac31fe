"""The providers of a plan's stores, open for one piece of work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Self

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, SecretSyncError
from secretsync.planning.plan import Plan
from secretsync.project.bindings import StoreConfig
from secretsync.project.layout import Project
from secretsync.providers.interface import Provider, StoreContext
from secretsync.providers.registry import load_provider, missing_modules

if TYPE_CHECKING:
    from secretsync.resolving.activity import StoreActivity

__all__ = ["Stores", "open_stores"]


class Stores(Mapping[str, Provider]):
    """The providers of some stores, open until the `with` block ends."""

    def __init__(
        self,
        configs: Mapping[str, StoreConfig],
        project: Project,
        environ: Mapping[str, str],
        replaced: Mapping[str, Provider] | None = None,
        on_activity: Callable[[StoreActivity], None] | None = None,
    ) -> None:
        """Build a provider for each of `configs`. `replaced`: those that the caller brings, under their stores' names.

        tell: called at the end of each round of asking with what each store did; nothing is counted without it.

        Raises ConfigurationError with every store that cannot be built: an SDK that is not installed.
        """
        self.on_activity = on_activity
        self._open: dict[str, Provider] = {}
        self._owned: set[str] = set()
        self._busy: set[str] = set()
        problems: list[Problem] = []
        for name, config in configs.items():
            if replaced and name in replaced:
                self._open[name] = replaced[name]
                continue
            context = StoreContext(
                store=name,
                environment=project.environment or "",
                settings=config.settings,
                environ=environ,
                root=project.root,
            )
            built = _build(config.provider, context)
            if isinstance(built, Problem):
                problems.append(built)
            else:
                self._open[name] = built
                self._owned.add(name)
        if problems:
            raise ConfigurationError(problems)

    def __getitem__(self, name: str) -> Provider:
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def keep_open(self, names: set[str]) -> None:
        """Never close these: a call into them has not come back."""
        self._busy |= names

    def close(self) -> None:
        """Give back what the providers hold."""
        for name in self._owned - self._busy:
            # A plug-in may raise anything, and nothing is lost any more.
            with contextlib.suppress(Exception):
                self._open[name].close()


def open_stores(
    plan: Plan,
    environ: Mapping[str, str],
    replaced: Mapping[str, Provider] | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> Stores:
    """The stores of a plan; see `Stores`.

    Raises ConfigurationError with every store that cannot be built, each at the first placeholder that leads to it.
    """
    try:
        return Stores(plan.stores, plan.project, environ, replaced, on_activity)
    except ConfigurationError as error:
        problems = error.problems
    raise ConfigurationError([plan.placed(problem) for problem in problems])


def _build(provider: str, context: StoreContext) -> Provider | Problem:
    """The provider of one store, or why there is none."""
    cause, hint = None, None
    try:
        kind = load_provider(provider)
        if kind.spec.modules and (missing := missing_modules(kind)):
            cause = f"the SDK of {kind.spec.title} is not installed ({', '.join(missing)})"
            extra = kind.spec.extra
            hint = f'pip install "secretsync-adapter[{extra}]"' if extra else "install what its package needs"
        else:
            return kind(context)
    except SecretSyncError as error:
        return error.problems[0]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a provider may raise anything while it is built, SystemExit too
        cause = f"the provider {provider} cannot be built: {type(error).__name__}"
    return Problem(kind=ProblemKind.CONFIGURATION, store=context.store, cause=f"{context.store}: {cause}", hint=hint)
