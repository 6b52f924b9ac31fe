"""Request secrets from the stores of a plan, within a deadline."""

from __future__ import annotations

from secretsync.core.errors import ConfigurationError, Problem, UsageError
from secretsync.core.light import Generic, TypeVar
from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.core.records import Record, replace
from secretsync.core.secret import Hidden, Payload
from secretsync.planning.plan import Plan, SecretPart

# The modules that ask a store are imported only if one is asked.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from secretsync.core.metadata import SecretInfo, SecretOutline
    from secretsync.providers.interface import Deadline, Provider
    from secretsync.providers.logins import Login
    from secretsync.providers.writing import Written
    from secretsync.resolving.leases import StoreLeases
    from secretsync.resolving.requests.access_log import AccessLog, Read
    from secretsync.resolving.requests.activity import StoreActivity
    from secretsync.resolving.requests.identify import StoreState
    from secretsync.resolving.requests.open_stores import Stores
    from secretsync.resolving.requests.waiting import WaitDisplay
    from secretsync.resolving.requests.write import FieldChange

T = TypeVar("T", Payload, "SecretInfo", "SecretOutline")


class Answers(Hidden, Generic[T]):
    """The answers of the stores, by reference."""

    __slots__ = ("__find", "requested")

    def __init__(self, outcomes: Mapping[SecretRef, Found[T] | Missing | Failed]) -> None:
        self.__find: Callable[[SecretRef], Found[T] | Missing | Failed | None] = outcomes.get
        self.requested = tuple(outcomes)

    def of(self, ref: SecretRef) -> Found[T] | Missing | Failed | None:
        """Return the outcome for `ref`; None if it was not requested."""
        return self.__find(ref)

    def denied(self) -> set[str]:
        """Return the stores that denied a request."""
        from secretsync.core.problems.kinds import ProblemKind  # Imported only if a store was asked.

        found = ((ref.store, self.__find(ref)) for ref in self.requested)
        return {store for store, one in found if isinstance(one, Failed) and one.kind is ProblemKind.DENIED}

    def leased(self: Answers[Payload]) -> list[tuple[float, SecretRef, str]]:
        """Return the seconds after which each leased value ends, its reference, and what ends; the shortest first."""
        found = [(ref, outcome.value) for ref in self.requested if isinstance(outcome := self.__find(ref), Found)]
        lives = [(one.lifetime, ref, one.ends_with) for ref, one in found if one.lifetime is not None]
        return sorted(lives, key=lambda life: (life[0], str(life[1])))

    def settle(self, part: SecretPart) -> tuple[int, Found[T] | Missing | Failed]:
        """Return the index of the target that decides about a placeholder, and the answer of that target's store.

        A target decides if its secret is not missing. If all of several are missing, the index is that of the last
        one. The answer names all targets, and has the hint of a store that has the secret under another spelling.
        """
        from secretsync.core.problems.kinds import ProblemKind  # Imported only if a store was asked.

        asked: list[str] = []
        near: str | None = None
        for index, target in enumerate(part.targets):
            outcome = self.__find(target.ref) or Failed(ProblemKind.UNAVAILABLE, "it was not asked")
            if not isinstance(outcome, Missing):
                return index, outcome
            asked.append(f"{target.shown} ({outcome.detail})" if outcome.detail else target.shown)
            near = near or (outcome.hint if (outcome.hint or "").startswith("did you mean") else None)
        if len(asked) > 1:
            outcome = Missing("no store has it: " + ", ".join(asked), near)
        return len(part.targets) - 1, outcome


class StoreAccess(Record):
    """Access to stores: everything that requests something from a store does it through this object.

    `timeout`: seconds above zero for all stores together; None means the `timeout` of the bindings.
    `replaced`: providers that are used in place of the configured ones, by the names of their stores.
    `access_log`: the file for the reads of secret values.
    `on_activity`: called after each round of requests with the activity of each store.
    `progress`: called with each answer about metadata: the number of answers, and of requested secrets.
    `on_wait`: makes the display of what is waited for while requests are sent again; None means a log.
    `keeps_unusable`: a store that cannot be built answers every request with its problem, and the others are asked.
    `withheld`: variables that `secretsync run` did not pass on to this process, for the messages about failures.
    `are_kept`: the providers are kept for the next resolution of this process.
    `on_lease`: called with the leased value that ends first: the seconds, the reference, and what ends.
    `on_leases`: called with the logins and the leases that another process can renew, if there are any.
    """

    environ: Mapping[str, str]
    timeout: float | None = None
    replaced: Mapping[str, Provider] | None = None
    access_log: AccessLog | None = None
    on_activity: Callable[[StoreActivity], None] | None = None
    progress: Callable[[int, int], None] | None = None
    on_wait: Callable[[], WaitDisplay] | None = None
    withheld: tuple[str, ...] = ()
    are_kept: bool = False
    on_lease: Callable[[float, SecretRef, str], None] | None = None
    on_leases: Callable[[tuple[StoreLeases, ...]], None] | None = None
    keeps_unusable: bool = False

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
        self._check_timeout()
        if not plan.stores:
            return Answers({})
        deadline, log = self._deadline(plan), self.access_log
        with self._open(plan) as stores:
            if log is not None:
                from secretsync.resolving.requests.access_log import (
                    reads_of,  # Imported only if there is an access log.
                )

                reads = reads_of(plan) if reads is None else reads
                log.prepare(reads)
            answers = self._ask(plan.secrets if parts is None else parts, stores, deadline, Payload)
            if self.on_leases is not None:
                from secretsync.resolving.leases import held_leases  # Imported only below a supervisor.

                # Before anything can fail, because the leases exist.
                if held := held_leases(plan, stores, {ref: answers.of(ref) for ref in answers.requested}):
                    self.on_leases(held)
            if log is not None:
                log.write(reads or (), answers)
        if self.on_lease is not None and (leased := answers.leased()):
            self.on_lease(*leased[0])
        return self._explained(answers, plan)

    def metadata(
        self, plan: Plan, parts: Iterable[SecretPart] | None = None, *, more_seconds: float = 0.0
    ) -> Answers[SecretInfo]:
        """Return the metadata of all secrets of `plan`. No value is requested.

        `parts`: the placeholders of which metadata are requested; None means those of all entries.
        `more_seconds`: added to the `timeout` of the bindings.

        Raises UsageError for a bad timeout, and ConfigurationError for a store that cannot be built.
        """
        from secretsync.core.metadata import SecretInfo  # Imported only for metadata.

        deadline = self._deadline(plan, more_seconds)
        with self._open(plan) as stores:
            answers = self._ask(plan.secrets if parts is None else parts, stores, deadline, SecretInfo, self.progress)
        return self._explained(answers, plan)

    def write(self, plan: Plan, ref: SecretRef, change: FieldChange) -> Found[Written] | Failed:
        """Store a new version of the secret `ref`, whose store is in `plan`.

        Raises UsageError for a bad timeout, and ConfigurationError for a store that cannot be built.
        """
        from secretsync.resolving.requests.write import no_answer, write

        deadline = self._deadline(plan)
        with self._open(plan) as stores:
            outcome = write(stores[ref.store], ref, change, deadline)
            if outcome is None:
                stores.keep_open({ref.store})
        return no_answer() if outcome is None else outcome

    def inspect(self, plan: Plan) -> tuple[Answers[SecretInfo], Answers[SecretOutline]]:
        """Return the metadata of all secrets of `plan`, and the outlines of those that exist. No value is requested.

        Raises UsageError for a bad timeout, and ConfigurationError for a store that cannot be built.
        """
        from secretsync.core.metadata import SecretInfo, SecretOutline  # Imported only for metadata.

        deadline = self._deadline(plan)
        with self._open(plan) as stores:  # once for both rounds, because a login may be possible only once
            infos = self._ask(plan.secrets, stores, deadline, SecretInfo, self.progress)
            parts = []
            for part in plan.secrets:
                index, outcome = infos.settle(part)
                target = part.targets[index]
                if isinstance(outcome, Found) and stores[target.store].spec.has_outlines:
                    parts.append(replace(part, targets=(target,)))
            outlines = self._ask(parts, stores, deadline, SecretOutline)
        return self._explained(infos, plan), outlines

    def _explained(self, answers: Answers[T], plan: Plan) -> Answers[T]:
        if not self.withheld:
            return answers
        from secretsync.resolving.withheld import explain_failures  # Imported only below a `run` that withheld any.

        return Answers(explain_failures(answers, plan.specs, self.withheld))

    def identities(self, plan: Plan) -> tuple[StoreState, ...]:
        """Return as whom each store of `plan` and of its bindings knows this process.

        Raises UsageError for a bad timeout.
        """
        from secretsync.resolving.requests.identify import identify
        from secretsync.resolving.requests.open_stores import Stores

        deadline = self._deadline(plan)
        configs = {**plan.bindings.stores, **plan.stores}
        # A store that cannot be built is a state, because its setup is what is looked for.
        with Stores(configs, plan.project, self.environ, self.replaced, keeps_unusable=True) as stores:
            states = identify(stores, deadline, keep_open=stores.keep_open)
            if not self.withheld:
                return states
            from secretsync.resolving.withheld import explain_states

            specs = {**{name: provider.spec for name, provider in stores.items()}, **plan.specs}
            return explain_states(states, specs, self.withheld)

    def logins(self, plan: Plan) -> dict[str, tuple[Login, ...]]:
        """Return the ways to log in to each store of `plan` and of its bindings. No store is asked."""
        from secretsync.resolving.requests.identify import find_logins

        configs = {**plan.bindings.stores, **plan.stores}
        return {name: find_logins(config, plan.project, self.environ) for name, config in sorted(configs.items())}

    def _check_timeout(self) -> None:
        if self.timeout is not None and not self.timeout > 0:
            raise UsageError("timeout is a number of seconds above zero")

    def _deadline(self, plan: Plan, more_seconds: float = 0.0) -> Deadline:
        """Return the end of all requests. Raises UsageError for a bad timeout."""
        from secretsync.providers.interface import Deadline

        self._check_timeout()
        return Deadline(plan.bindings.timeout + more_seconds if self.timeout is None else self.timeout)

    def _open(self, plan: Plan) -> Stores:
        """Build the providers of a plan; place the problem of a store at the first placeholder that needs the store."""
        from secretsync.resolving.requests.open_stores import Stores

        try:
            return Stores(
                plan.stores,
                plan.project,
                self.environ,
                self.replaced,
                are_kept=self.are_kept,
                keeps_unusable=self.keeps_unusable,
            )
        except ConfigurationError as error:
            problems: Sequence[Problem] = error.problems
        if self.withheld:
            from secretsync.resolving.withheld import explain_problems

            problems = explain_problems(problems, plan.specs, self.withheld)
        raise ConfigurationError([plan.placed(problem) for problem in problems])

    def _ask(
        self,
        parts: Iterable[SecretPart],
        stores: Stores,
        deadline: Deadline,
        kind: type[T],
        progress: Callable[[int, int], None] | None = None,
    ) -> Answers[T]:
        from secretsync.resolving.requests.fetch import ask

        outcomes = ask(
            parts,
            stores,
            deadline,
            kind,
            on_activity=self.on_activity,
            progress=progress,
            keep_open=stores.keep_open,
            on_wait=self.on_wait,
        )
        answers = Answers(outcomes)
        if self.are_kept:
            stores.drop(answers.denied())
        return answers
