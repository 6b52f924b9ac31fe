"""Build the providers of stores, and close them."""

from __future__ import annotations

from _collections_abc import Mapping  # the home of collections.abc, without the import of collections

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, SecretSyncError
from secretsync.project.bindings import StoreConfig
from secretsync.project.layout import Project
from secretsync.providers.interface import Provider, StoreContext
from secretsync.providers.registry import load_provider, missing_modules
from secretsync.resolving.requests.unusable_store import UnusableStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from secretsync.resolving.requests.kept_stores import KeptStore


class Stores(Mapping[str, Provider]):
    """The providers of some stores, open until the `with` block ends."""

    def __init__(
        self,
        configs: Mapping[str, StoreConfig],
        project: Project,
        environ: Mapping[str, str],
        replaced: Mapping[str, Provider] | None = None,
        *,
        are_kept: bool = False,
        keeps_unusable: bool = False,
    ) -> None:
        """Build a provider for each of `configs`.

        `replaced`: providers that are used in place of the configured ones, by the names of their stores.
        `are_kept`: use the providers that this process has kept, and keep those that are built.
        `keeps_unusable`: a store that cannot be built answers every request with its problem instead.

        Raises ConfigurationError with every store that cannot be built, for example because its SDK is not installed.
        """
        self._open: dict[str, Provider] = {}
        self._owned: set[str] = set()
        self._kept: dict[str, KeptStore] = {}
        self._busy: set[str] = set()
        self._denied: set[str] = set()
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
            built = _build(config.provider, context, are_kept=are_kept)
            if isinstance(built, Problem) and keeps_unusable:
                self._open[name] = UnusableStore(built)
            elif isinstance(built, Problem):
                problems.append(built)
            elif isinstance(built, tuple):
                self._kept[name] = built[0]
                self._open[name] = built[0].provider
            else:
                self._open[name] = built
                self._owned.add(name)
        if problems:
            self.close()
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
        """Do not close these stores, because a call to them has not returned."""
        self._busy |= names

    def drop(self, names: set[str]) -> None:
        """Do not keep these stores, because they denied a request."""
        self._denied |= names

    def close(self) -> None:
        """Close the providers that were built here, unless they are kept or still at work."""
        if self._kept:
            from secretsync.resolving.requests.kept_stores import give_back

            for name, kept in self._kept.items():
                give_back(kept, is_denied=name in self._denied, is_busy=name in self._busy)
        for name in self._owned - self._busy:
            # A plug-in may raise anything. The answers are complete, so the error is ignored.
            import contextlib

            with contextlib.suppress(Exception):
                self._open[name].close()


def _build(provider: str, context: StoreContext, *, are_kept: bool) -> Provider | tuple[KeptStore] | Problem:
    """Return the provider of one store, or the problem that prevents it. A provider in a tuple is a kept one."""
    cause, hint = None, None
    try:
        kind = load_provider(provider)
        if kind.spec.modules and (missing := missing_modules(kind)):
            cause = f"the SDK of {kind.spec.title} is not installed ({', '.join(missing)})"
            extra = kind.spec.extra
            hint = f'pip install "secretsync-adapter[{extra}]"' if extra else "install what its package needs"
        else:
            if are_kept:
                from secretsync.resolving.requests.kept_stores import take  # Imported only by the library.

                if (kept := take(kind, context)) is not None:
                    return (kept,)
            return kind(context)
    except SecretSyncError as error:
        return error.problems[0]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a provider may raise anything while it is built, SystemExit too
        cause = f"the provider {provider} cannot be built: {type(error).__name__}"
    return Problem(kind=ProblemKind.CONFIGURATION, store=context.store, cause=f"{context.store}: {cause}", hint=hint)
