"""Access to the stores of a plan: build their providers, request secrets within a deadline, close them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, SecretSyncError
from secretsync.core.model import SecretInfo
from secretsync.core.records import Record
from secretsync.core.secret import Payload
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.request import make_deadline
from secretsync.project.bindings import StoreConfig
from secretsync.project.layout import Project
from secretsync.providers.interface import Provider, StoreContext
from secretsync.providers.registry import load_provider, missing_modules
from secretsync.resolving.fetch import Answers, T, ask

if TYPE_CHECKING:
    from secretsync.resolving.access_log import AccessLog, Read
    from secretsync.resolving.activity import StoreActivity
    from secretsync.resolving.identify import StoreState

__all__ = ["StoreAccess", "Stores"]


class StoreAccess(Record):
    """How stores are asked: everything that requests something from a store does it through this object.

    `timeout`: seconds above zero for all stores together; None means the `timeout` of the bindings.
    `replaced`: providers that are used in place of the configured ones, by the names of their stores.
    `access_log`: the file for the reads of secret values.
    `on_activity`: called after each round of requests with the activity of each store.
    `progress`: called with each answer about metadata: the number of answers, and of requested secrets.
    `withheld`: variables that `secretsync run` did not pass on to this process, for the messages about failures.
    """

    environ: Mapping[str, str]
    timeout: float | None = None
    replaced: Mapping[str, Provider] | None = None
    access_log: AccessLog | None = None
    on_activity: Callable[[StoreActivity], None] | None = None
    progress: Callable[[int, int], None] | None = None
    withheld: tuple[str, ...] = ()

    _unseen = ("environ",)

    def values(
        self, plan: Plan, parts: Iterable[SecretPart] | None = None, reads: tuple[Read, ...] | None = None
    ) -> Answers[Payload]:
        """Return the values of all secrets of `plan`, and write the reads to the access log.

        `parts`: the placeholders whose secrets are requested; None means those of all entries.
        `reads`: the reads for the access log; None means those of all entries.

        Raises UsageError for a bad timeout, ConfigurationError for a store that cannot be built, and OutputError if
        the access log is required and cannot be written.
        """
        deadline, log = make_deadline(plan.bindings, self.timeout), self.access_log
        with self._open(plan) as stores:
            if log is not None:
                from secretsync.resolving.access_log import reads_of  # Imported only if there is an access log.

                reads = reads_of(plan) if reads is None else reads
                log.prepare(reads)
            answers = ask(
                plan.secrets if parts is None else parts,
                stores,
                deadline,
                Payload,
                on_activity=self.on_activity,
                keep_open=stores.keep_open,
            )
            if log is not None:
                log.write(reads or (), answers)
        return self._explained(answers, plan)

    def metadata(self, plan: Plan, *, more_seconds: float = 0.0) -> Answers[SecretInfo]:
        """Return the metadata of all secrets of `plan`. No value is requested.

        `more_seconds`: added to the `timeout` of the bindings.

        Raises UsageError for a bad timeout, and ConfigurationError for a store that cannot be built.
        """
        deadline = make_deadline(plan.bindings, self.timeout, more_seconds)
        with self._open(plan) as stores:
            answers = ask(
                plan.secrets,
                stores,
                deadline,
                SecretInfo,
                on_activity=self.on_activity,
                progress=self.progress,
                keep_open=stores.keep_open,
            )
        return self._explained(answers, plan)

    def _explained(self, answers: Answers[T], plan: Plan) -> Answers[T]:
        if not self.withheld:
            return answers
        from secretsync.resolving.withheld import explain_failures  # Imported only below a `run` that withheld any.

        return explain_failures(answers, plan.specs, self.withheld)

    def identities(self, plan: Plan) -> tuple[StoreState, ...]:
        """Return as whom each store of `plan` and of its bindings knows this process.

        Raises UsageError for a bad timeout, and ConfigurationError for a store that cannot be built.
        """
        from secretsync.resolving.identify import identify  # Imported only for `doctor`.

        deadline = make_deadline(plan.bindings, self.timeout)
        with Stores({**plan.bindings.stores, **plan.stores}, plan.project, self.environ, self.replaced) as stores:
            return identify(stores, deadline, keep_open=stores.keep_open)

    def _open(self, plan: Plan) -> Stores:
        """Build the providers of a plan; place the problem of a store at the first placeholder that needs the store."""
        try:
            return Stores(plan.stores, plan.project, self.environ, self.replaced)
        except ConfigurationError as error:
            problems: Sequence[Problem] = error.problems
        if self.withheld:
            from secretsync.resolving.withheld import explain_problems

            problems = explain_problems(problems, plan.specs, self.withheld)
        raise ConfigurationError([plan.placed(problem) for problem in problems])


class Stores(Mapping[str, Provider]):
    """The providers of some stores, open until the `with` block ends."""

    def __init__(
        self,
        configs: Mapping[str, StoreConfig],
        project: Project,
        environ: Mapping[str, str],
        replaced: Mapping[str, Provider] | None = None,
    ) -> None:
        """Build a provider for each of `configs`.

        `replaced`: providers that are used in place of the configured ones, by the names of their stores.

        Raises ConfigurationError with every store that cannot be built, for example because its SDK is not installed.
        """
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
        """Do not close these stores, because a call to them has not returned."""
        self._busy |= names

    def close(self) -> None:
        """Close the providers that were built here, unless they are still at work."""
        for name in self._owned - self._busy:
            # A plug-in may raise anything. The answers are complete, so the error is ignored.
            with contextlib.suppress(Exception):
                self._open[name].close()


def _build(provider: str, context: StoreContext) -> Provider | Problem:
    """Return the provider of one store, or the problem that prevents it."""
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
