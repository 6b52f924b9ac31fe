"""Asking the stores: once a secret, all at the same time, within the deadline, and whatever they answer."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretRef, Selector
from secretsync.core.secret import Payload
from secretsync.planning.plan import SecretPart
from secretsync.planning.references import Target
from secretsync.providers import registry
from secretsync.providers.interface import Answer, Deadline, Identity, Information, Provider, ProviderSpec, StoreContext
from secretsync.resolving.requests import fetch
from secretsync.resolving.stores import Answers, StoreAccess
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.clock import StoppedClock
from tests.support.growth import AssertLinear
from tests.support.limits import HANG
from tests.support.plans import good_plan
from tests.support.processes import run_command

LONG = HANG  # a deadline that is not meant to be reached


class Scripted:
    """A provider that does what it is told."""

    spec = ProviderSpec(name="scripted", title="Scripted", path_help="any", options=("version",))

    def __init__(self, answer: Callable[[Sequence[SecretRef], Deadline], Any]) -> None:
        self.answer = answer
        self.calls: list[tuple[SecretRef, ...]] = []
        self.closed = 0

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        """See Provider."""
        self.calls.append(tuple(refs))
        return self.answer(refs, deadline)  # type: ignore[no-any-return]

    describe = fetch

    def identity(self) -> Identity:
        """See Provider."""
        return Identity(store="scripted", provider="scripted")

    def close(self) -> None:
        """See Provider."""
        self.closed += 1


def part(*references: str) -> SecretPart:
    """Return a placeholder that looks for `store:path` in this order."""
    refs = [SecretRef(*reference.split(":")) for reference in references]
    return SecretPart("X", tuple(Target(ref, Selector(), str(ref)) for ref in refs), None, None, 0)


def ask(parts: Sequence[SecretPart], seconds: float = LONG, **stores: Any) -> Answers[Payload]:
    """Return the answers for `parts`."""
    return Answers(fetch.ask(parts, stores, Deadline(seconds), Payload))


def text(answers: Answers[Payload], reference: str) -> str | bytes | None:
    """Return the value that was found for `store:path`, or None."""
    outcome = answers.of(SecretRef(*reference.split(":")))
    return outcome.value.reveal() if isinstance(outcome, Found) else None


def failure(answers: Answers[Any], reference: str) -> str:
    """Kind and cause of what failed."""
    outcome = answers.of(SecretRef(*reference.split(":")))
    assert isinstance(outcome, Failed), outcome
    assert type(outcome.kind) is ProblemKind
    return f"{outcome.kind}: {outcome.cause}"


def test_one_read_a_secret() -> None:
    """Each reference is read once however many placeholders use it, all of a store in one call."""
    store = MemoryProvider({"a": "1", "b": "2"})
    answers = ask([part("m:a"), part("m:b"), part("m:a"), part("m:a", "m:b"), part("m:b", "m:a")], m=store)
    assert sorted(map(str, store.fetched)) == ["m:a", "m:b"]
    assert (text(answers, "m:a"), text(answers, "m:b")) == ("1", "2")
    assert answers.of(SecretRef("m", "c")) is None


def test_one_read_whenever_it_is_met() -> None:
    """A reference that a lookup comes to later is not asked again, wherever else it stands."""
    first, second = MemoryProvider(), MemoryProvider({"x": "1"})
    answers = ask([part("b:x"), part("a:x", "b:x"), part("a:x", "a:y", "b:x")], a=first, b=second)
    assert text(answers, "b:x") == "1"
    assert second.fetched == [SecretRef("b", "x")]
    assert sorted(map(str, first.fetched)) == ["a:x", "a:y"]


def test_versions_are_asked_apart() -> None:
    """Another version is another secret."""
    store = MemoryProvider({"a": "old"})
    store.put("a", "new")
    refs = [SecretRef("m", "a"), SecretRef("m", "a", version="1")]
    parts = [SecretPart("X", (Target(ref, Selector(), ""),), None, None, 0) for ref in refs]
    answers = ask(parts, m=store)
    outcomes = [answers.of(ref) for ref in refs]
    assert [outcome.value.reveal() for outcome in outcomes if isinstance(outcome, Found)] == ["new", "old"]


def test_nothing_to_ask() -> None:
    """No store is called for nothing."""
    store = Scripted(lambda refs, deadline: iter(()))
    assert ask([], m=store).requested == ()
    assert store.calls == []


def test_stores_are_asked_at_the_same_time() -> None:
    """Two stores that each wait for the other both answer."""
    barrier = threading.Barrier(3)

    def meet(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        barrier.wait(LONG)
        for ref in refs:
            yield ref, Found(Payload(ref.store))

    answers = ask([part("a:x"), part("b:x"), part("c:x")], a=Scripted(meet), b=Scripted(meet), c=Scripted(meet))
    assert [text(answers, f"{name}:x") for name in "abc"] == ["a", "b", "c"]


def test_a_lookup_goes_on_only_on_missing() -> None:
    """A found or failed answer ends a lookup; the next store is not asked."""
    first = MemoryProvider({"found": "1", "empty": ""})
    first.fail("denied", ProblemKind.DENIED, "no right")
    first.fail("down", ProblemKind.UNAVAILABLE, "connection refused")
    second = MemoryProvider(dict.fromkeys(("found", "empty", "denied", "down", "missing"), "2"))
    names = ("found", "empty", "denied", "down", "missing", "nowhere")
    parts = {name: part(f"a:{name}", f"b:{name}") for name in names}
    answers = ask(list(parts.values()), a=first, b=second)
    assert [ref.path for ref in second.fetched] == ["missing", "nowhere"]
    settled = {name: answers.settle(one) for name, one in parts.items()}
    assert [settled[name][0] for name in names] == [0, 0, 0, 0, 1, 1]
    assert [type(settled[name][1]) for name in names] == [Found, Found, Failed, Failed, Found, Missing]


def test_time_grows_with_the_number_of_secrets(assert_linear: AssertLinear) -> None:
    """Take each answer without looking through all references."""

    def prepare(count: int) -> Callable[[], object]:
        store = MemoryProvider({f"s{index}": str(index) for index in range(count)})
        parts = [part(f"m:s{index}") for index in range(count)]
        return lambda: ask(parts, m=store)

    assert_linear(prepare, 500)


def _left_out(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
    yield refs[0], Found(Payload("1"))


def _twice(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
    yield refs[0], Found(Payload("1"))
    yield refs[0], Found(Payload("2"))
    yield refs[0], Failed(ProblemKind.DENIED, "late")
    yield refs[1], Missing()
    yield refs[1], Found(Payload("2"))


def test_what_is_left_out_has_failed() -> None:
    """A reference without an answer has failed; it is not missing, and the lookup ends."""
    other = MemoryProvider({"y": "2"})
    answers = ask([part("m:x"), part("m:y", "b:y")], m=Scripted(_left_out), b=other)
    assert text(answers, "m:x") == "1"
    assert failure(answers, "m:y") == "unavailable: the store m gave no answer for it"
    assert other.fetched == []


def test_the_first_of_two_answers_counts() -> None:
    """A later one for the same reference changes nothing."""
    answers = ask([part("m:x"), part("m:y")], m=Scripted(_twice))
    assert text(answers, "m:x") == "1"
    assert isinstance(answers.of(SecretRef("m", "y")), Missing)


class _Equal:
    """Says that it equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "named",
    [
        None,
        1,
        "m:x",
        [],
        {},
        SecretRef("m", "z"),
        SecretRef("other", "x"),
        SecretRef("m", "x", "1"),
        _Equal(),
        object(),
    ],
    ids=lambda named: type(named).__name__,
)
def test_answers_for_what_was_not_asked(named: object) -> None:
    """An answer for another reference is ignored."""

    def answer(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        yield named, Found(Payload("wrong"))
        yield named, None
        yield refs[0], Found(Payload("right"))

    answers = ask([part("m:x"), part("m:y")], m=Scripted(answer))
    assert text(answers, "m:x") == "right"
    assert failure(answers, "m:y") == "unavailable: the store m gave no answer for it"
    assert set(answers.requested) == {SecretRef("m", "x"), SecretRef("m", "y")}


@pytest.mark.parametrize(
    "garbage",
    [
        *(
            None,
            "c4n4ryhe4d",
            b"c4n4ryhe4d",
            {},
            {"value": "c4n4ryhe4d"},
            Payload("c4n4ryhe4d"),
            Found,
            Missing,
            object(),
        ),
        *(Found(None), Found("c4n4ryhe4d"), Found(Payload(None)), Found(Payload(["c4n4ryhe4d"])), Found(Payload(1))),  # type: ignore[arg-type]
        *(Found(SecretInfo()), Failed("denied", "x"), Failed(None, "x"), Failed(ProblemKind.DENIED, b"c4n4ryhe4d")),  # type: ignore[arg-type]
        *(Failed(ProblemKind.DENIED, "x", b"y"), Missing(cause=None)),  # type: ignore[arg-type]
    ],
    ids=lambda garbage: type(garbage).__name__,
)
def test_answers_that_are_none(canary: CanaryFactory, garbage: object) -> None:
    """An answer of a wrong type has failed, and does not change other answers."""

    def answer(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        yield refs[0], garbage
        yield refs[1], Found(Payload("1"))

    answers = ask([part("m:x"), part("m:y")], m=Scripted(answer))
    said = failure(answers, "m:x")
    assert said == "unavailable: the provider's answer is neither found, missing nor failed"
    assert text(answers, "m:y") == "1"


class _Odd(BaseException):
    """An exception that a plug-in might raise."""


@pytest.mark.parametrize(
    "kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError, StopIteration, _Odd]
)
@pytest.mark.parametrize("when", ["at once", "in between"])
def test_whatever_is_raised(canary: CanaryFactory, kind: type[BaseException], when: str) -> None:
    """Only the type of an exception is shown; earlier answers stay."""
    secret = canary()

    def between(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        yield refs[0], Found(Payload("1"))
        raise kind(secret)

    def at_once(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        raise kind(secret)

    answers = ask([part("m:x"), part("m:y")], m=Scripted(at_once if when == "at once" else between))
    assert text(answers, "m:x") == (None if when == "at once" else "1")
    said = failure(answers, "m:y")
    # Python makes a RuntimeError of a StopIteration in a generator.
    assert said.startswith("unavailable: the provider raised ")
    assert secret not in said


@pytest.mark.parametrize("returned", [None, 1, "ab", [1], [(1,)], [(1, 2, 3)], [None]], ids=str)
def test_calls_that_return_no_answers(returned: object) -> None:
    """A call that does not return an iterable has failed."""
    answers = ask([part("m:x")], m=Scripted(lambda refs, deadline: returned))
    assert failure(answers, "m:x").startswith("unavailable: the ")


def test_a_store_that_hangs_costs_the_deadline_and_no_more(clock: StoppedClock) -> None:
    """The others have answered, its lookups do not go on, and the message names the time."""
    hanging, after = MemoryProvider({"x": "1"}), MemoryProvider({"x": "3"})

    def quick(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        yield refs[0], Found(Payload("2"))
        clock.advance(1)

    hanging.hang()
    try:
        answers = ask([part("h:x", "c:x"), part("q:x")], seconds=0.2, h=hanging, q=Scripted(quick), c=after)
    finally:
        hanging.release()
    assert failure(answers, "h:x") == "unavailable: no answer within 0.2 s"
    assert text(answers, "q:x") == "2"
    assert after.fetched == []


def test_what_came_before_the_deadline_counts(clock: StoppedClock) -> None:
    """Answers that came before the deadline are kept if the store then hangs."""
    done = threading.Event()

    def slow(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        yield refs[0], Found(Payload("1"))
        clock.advance(1)
        done.wait(LONG)

    try:
        answers = ask([part("m:x"), part("m:y")], seconds=0.1, m=Scripted(slow))
    finally:
        done.set()
    assert text(answers, "m:x") == "1"
    assert failure(answers, "m:y") == "unavailable: no answer within 0.1 s"


def test_answers_in_time_count_however_busy_the_caller_is(clock: StoppedClock) -> None:
    """Take all answers that came by the deadline, although the calling thread gets to them later."""
    finished = threading.Event()

    class Quick(MemoryProvider):
        def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
            yield from super().describe(refs, deadline)
            clock.advance(2 * LONG)
            finished.set()

    store = Quick(dict.fromkeys("xyz", "1"))
    plan = good_plan({"common": "A=$<m:x>\nB=$<m:y>\nC=$<m:z>"}, stores={"m": store})
    access = StoreAccess({}, timeout=LONG, replaced={"m": store}, progress=lambda _done, _of: assert_set(finished))
    infos = access.metadata(plan)
    assert [type(infos.of(SecretRef("m", path))) for path in "xyz"] == [Found] * 3


def assert_set(event: threading.Event) -> None:
    """Wait for `event`."""
    assert event.wait(LONG)


def test_providers_are_told_the_one_deadline() -> None:
    """All stores have the same moment, also those that a lookup comes to later."""
    seen: list[Deadline] = []

    def note(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        seen.append(deadline)
        yield from ((ref, Missing()) for ref in refs)

    ask([part("a:x", "b:x")], seconds=7, a=Scripted(note), b=Scripted(note))
    assert len(seen) == 2
    assert seen[0]._at == seen[1]._at
    assert seen[0].seconds == 7
    assert seen[0].seconds == 7


_HANGING = """
import threading
from secretsync import ResolutionError, resolve_config
from secretsync.testing import MemoryProvider

class Stuck(MemoryProvider):
    def fetch(self, refs, deadline):
        while True:
            threading.Event().wait(3600)

try:
    resolve_config("test", root=".", environ={}, timeout=0.3, stores={"stuck": Stuck()})
except ResolutionError as error:
    print(error.exit_status, flush=True)
"""


def test_no_thread_holds_up_the_exit(tmp_path: Any) -> None:
    """A process whose store never answers ends by itself once the deadline is over."""
    (tmp_path / "env" / "test").mkdir(parents=True)
    (tmp_path / "env" / "test" / "security.env").write_text("A=$<stuck:x>")
    # A process that hangs would be killed.
    result = run_command([sys.executable, "-c", _HANGING], cwd=tmp_path, env={}, expect=0)
    assert result.stdout == "5\n"


def test_threads_are_daemons_with_a_name() -> None:
    """Threads of stores are daemons, and their names say which store they ask."""
    seen: list[threading.Thread] = []

    def note(refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        seen.append(threading.current_thread())
        yield refs[0], Missing()

    ask([part("m:x")], m=Scripted(note))
    assert [(thread.name, thread.daemon) for thread in seen] == [("secretsync-m", True)]


def test_answers_show_nothing(canary: CanaryFactory) -> None:
    """The repr of the answers shows no value."""
    answers = ask([part("m:x")], m=MemoryProvider({"x": canary()}))
    for shown in (repr(answers), str(answers), f"{answers}", repr(answers.of(SecretRef("m", "x")))):
        canary.assert_clean(shown)


def test_metadata_is_asked_without_a_value() -> None:
    """Inspecting calls `describe` and never `fetch`."""
    store = MemoryProvider({"x": "1"})
    plan = good_plan({"common": "A=$<m:x>\nB=$<m:y>"}, stores={"m": store})
    infos = StoreAccess({}, timeout=LONG, replaced={"m": store}).metadata(plan)
    assert store.fetched == []
    assert isinstance(infos.of(SecretRef("m", "x")), Found)
    assert isinstance(infos.of(SecretRef("m", "y")), Missing)


class _Made(MemoryProvider):
    """A provider that the registry builds, and that says when it is closed."""

    made: list[StoreContext]
    closed: list[str]

    def __init__(self, context: StoreContext) -> None:
        super().__init__({"x": "1"})
        if context.settings.get("address") == "raise":
            raise ZeroDivisionError("c4n4ryhe4d")
        self.made.append(context)
        self.store = context.store

    def close(self) -> None:
        """Say so."""
        self.closed.append(self.store)
        raise ValueError("nobody cares")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> type[_Made]:
    """Return the provider `made`, as a plug-in."""

    class Point:
        """Its entry point."""

        name, value = "made", "module:Made"

        def load(self) -> type[_Made]:
            """Return the class."""
            return _Made

    _Made.made, _Made.closed = [], []
    monkeypatch.setattr(registry, "plug_ins", lambda: {"made": Point()})
    monkeypatch.setattr(_Made, "spec", ProviderSpec(name="made", title="Made", path_help="any"))
    return _Made


def test_stores_are_built_and_closed(made: type[_Made]) -> None:
    """Each store once, those that are needed alone; all are closed, also those that raise at it."""
    bindings = "[stores.one]\nprovider='made'\n[stores.two]\nprovider='made'\n[stores.made]\n"
    plan = good_plan({"common": "A=$<one:x>$<one:y:->\nB=$<two:x>"}, bindings=bindings)
    answers = StoreAccess({"E": "1"}, timeout=LONG).values(plan)
    assert [context.store for context in made.made] == ["one", "two"]
    assert made.made[0].environment == "test"
    assert sorted(made.closed) == ["one", "two"]
    assert text(answers, "one:x") == "1"


def test_replaced_stores_are_the_caller_s() -> None:
    """Stores of the caller are not closed, because the caller may use them again."""
    store = Scripted(lambda refs, deadline: iter([(refs[0], Missing())]))
    plan = good_plan({"common": "A=$<m:x>"}, stores={"m": store})
    StoreAccess({}, timeout=LONG, replaced={"m": store}).values(plan)
    assert store.closed == 0


def test_a_store_that_hangs_is_not_closed(made: type[_Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """A call into it is still under way."""
    done = threading.Event()

    def hang(self: _Made, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        done.wait(LONG)
        return iter(())

    monkeypatch.setattr(made, "fetch", hang)
    plan = good_plan({"common": "A=$<one:x>"}, bindings="[stores.one]\nprovider='made'\n")
    try:
        StoreAccess({}, timeout=0.05).values(plan)
        assert made.closed == []
    finally:
        done.set()


def test_a_signal_that_another_thread_took_is_heeded() -> None:
    """A signal's handler runs at once even if another thread received the signal."""
    heard: list[float] = []

    class Signalling(MemoryProvider):
        def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
            released.wait(LONG)
            yield from super().fetch(refs, deadline)

    released = threading.Event()

    def hear(_number: int, _frame: object) -> None:
        heard.append(time.monotonic())  # long before the deadline, or the main thread waits in one piece
        released.set()

    before = signal.signal(signal.SIGUSR1, hear)
    try:
        began = time.monotonic()
        answers = ask([part("memory:a")], memory=Signalling({"a": "x"}))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard
    assert heard[0] - began < LONG / 2
    assert isinstance(answers.of(SecretRef("memory", "a")), Found)


def test_an_interrupt_closes_no_store_that_is_at_work(made: type[_Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt is raised at once, and a store that a thread is using is not closed."""
    done = threading.Event()

    def interrupt(self: _Made, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Any]:
        os.kill(os.getpid(), signal.SIGINT)
        done.wait(LONG)
        return iter(())

    monkeypatch.setattr(made, "fetch", interrupt)
    plan = good_plan({"common": "A=$<one:x>"}, bindings="[stores.one]\nprovider='made'\n")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            StoreAccess({}, timeout=LONG).values(plan)
        assert time.monotonic() - start < LONG / 2
        assert made.closed == []
    finally:
        signal.signal(signal.SIGINT, before)
        done.set()


def test_sdks_are_imported_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import is never beside another one: each waits in vain for the other to have begun."""
    meeting = threading.Barrier(2)
    met: list[str] = []

    def meet(name: str) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.1)
            met.append(name)
        meeting.reset()

    monkeypatch.setattr(sys, "made_meet", meet, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    stores = {name: MemoryProvider({"x": "1"}) for name in ("made_sdk_a", "made_sdk_b")}
    for name, store in stores.items():
        (tmp_path / f"{name}.py").write_text("import sys\nsys.made_meet(__name__)\n")
        store.spec = ProviderSpec(name=name, title="", path_help="", modules=(name,))
    answers = Answers(fetch.ask([part(f"{name}:x") for name in stores], stores, Deadline(LONG), Payload))
    assert [text(answers, f"{name}:x") for name in stores] == ["1", "1"]
    assert stores.keys() <= sys.modules.keys()
    assert met == []


def test_the_slowest_sdk_is_begun_first() -> None:
    """Whatever the order of the references: what it is asked takes its time while the others are imported."""

    class Stored(dict[str, Provider]):
        taken: ClassVar[list[str]] = []

        def __getitem__(self, name: str) -> Provider:
            self.taken.append(name)
            return super().__getitem__(name)

    stores = Stored()
    for name, cost in (("quick", 0), ("slow", 20), ("middling", 11)):
        stores[name] = store = MemoryProvider({"x": name})
        store.spec = ProviderSpec(name=name, title="", path_help="", import_cost=cost)
    answers = Answers(fetch.ask([part(f"{name}:x") for name in stores], stores, Deadline(LONG), Payload))
    assert {text(answers, f"{name}:x") for name in stores} == set(stores)
    assert stores.taken[-3:] == ["slow", "middling", "quick"]


def _problems(plan: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        StoreAccess({}).values(plan)
    return caught.value.problems


def test_a_store_without_its_sdk_is_a_state(made: type[_Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose SDK is missing is reported among the others, which are asked."""
    plan = good_plan({"common": "A=$<one:x>$<env:B:-b>"}, bindings="[stores.one]\nprovider='made'")
    monkeypatch.setattr(
        made, "spec", ProviderSpec(name="made", title="Made", path_help="any", modules=("no_such_module",), extra="x")
    )
    states = {state.store: state.identity for state in StoreAccess({}).identities(plan)}
    assert states["one"] == Failed(
        ProblemKind.CONFIGURATION,
        "the SDK of Made is not installed (no_such_module)",
        'pip install "secretsync-adapter[x]"',
    )
    assert not isinstance(states["env"], Failed)


def test_stores_that_cannot_be_built(made: type[_Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """All are told at once, where each is needed, with the missing package, and without the text of an exception."""
    spec = ProviderSpec(name="made", title="Made", path_help="any", settings={}, modules=("no_such_module",), extra="x")
    plan = good_plan(
        {"common": "A=$<one:x>$<two:x>"}, bindings="[stores.one]\nprovider='made'\n[stores.two]\nprovider='made'"
    )
    places = ("env/test/common.env:1:3: A: one:x", "env/test/common.env:1:11: A: two:x")
    monkeypatch.setattr(made, "spec", spec)
    assert [str(problem) for problem in _problems(plan)] == [
        f'{place}: the SDK of Made is not installed (no_such_module); pip install "secretsync-adapter[x]"'
        for place in places
    ]
    monkeypatch.setattr(made, "spec", ProviderSpec(name="made", title="Made", path_help="any"))
    monkeypatch.setattr(made, "__init__", lambda self, context: 1 / 0)
    assert [str(problem) for problem in _problems(plan)] == [
        f"{place}: the provider made cannot be built: ZeroDivisionError" for place in places
    ]
