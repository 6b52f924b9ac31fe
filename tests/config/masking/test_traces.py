"""Masking leaves no secret behind: not in caches, patterns, tracebacks or objects, and not after it is uninstalled."""

import gc
import io
import logging
import re
import secrets
import traceback
from collections.abc import Callable, Iterator
from types import CellType, TracebackType
from typing import Any

import pytest

from secretsync import Config, Secret, ValueTypeError, resolve_config
from secretsync.config.log_filter import SecretFilter
from secretsync.config.log_masking import LogMasking
from secretsync.config.masking.masker import Masker
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.growth import AssertLinear
from tests.support.interrupts import interrupt
from tests.support.projects import MakeProject


@pytest.fixture
def store(canary: CanaryFactory) -> MemoryProvider:
    """Return a store with two secrets, one of which has several lines."""
    return MemoryProvider({"key": canary(), "pem": f"-----BEGIN\n{canary()}\n{canary()}\n-----END\n"})


@pytest.fixture
def config(project: MakeProject, store: MemoryProvider) -> Config:
    """Return a configuration of those secrets."""
    made = project({"env/test/security.env": "KEY=$<memory:key>\nPEM=$<memory:pem>\n"})
    return resolve_config("test", root=made.root, environ={}, stores={"memory": store})


def _held(secret: str, holders: tuple[type, ...]) -> int:
    """Return the number of objects of these types, in containers of this process, that have `secret`."""
    gc.collect()
    found = 0
    for one in gc.get_objects():
        for part in _parts(one):
            if issubclass(type(part), holders):
                text = part.pattern if isinstance(part, re.Pattern) else part
                found += secret.encode() in text if isinstance(text, bytes) else secret in str(text)
    return found


def _parts(one: object) -> list[Any]:
    """Return what a container, or the closure of a function, holds."""
    # Not by isinstance, because it asks objects such as the settings of Django for their class.
    if type(one) is CellType:
        try:
            return [one.cell_contents]
        except ValueError:  # the cell is empty
            return []
    if issubclass(type(one), dict):
        return [*one, *one.values()]  # type: ignore[misc, attr-defined]
    return [*one] if issubclass(type(one), list | tuple | set) else []  # type: ignore[misc]


def test_no_pattern_or_cache_has_a_secret_while_it_masks(config: Config) -> None:
    """`re` keeps the patterns that it compiled, and other caches keep texts."""
    with config.install_log_masking() as masking:
        handler = logging.StreamHandler(stream := io.StringIO())
        handler.handle(logging.makeLogRecord({"msg": "a %s", "args": (config["KEY"],)}))
        assert stream.getvalue() == "a ********\n"
        assert _held(config["KEY"], (re.Pattern,)) == 0
        assert not find_leaks(repr(masking))
        for module in (re, logging):
            assert config["KEY"] not in repr(vars(module))


def test_nothing_is_left_after_uninstall() -> None:
    """No object leads to a secret that only the masking had."""

    def install_and_mask(secret: str) -> None:
        masking = LogMasking(Masker([Secret(secret)]))
        logging.StreamHandler(io.StringIO()).handle(logging.makeLogRecord({"msg": f"a {secret}"}))
        masking.uninstall()
        masking.uninstall()
        kept.append(masking)

    number, kept, original = secrets.randbelow(2**64), list[LogMasking](), logging.Handler.filter
    install_and_mask(f"secret {number}\n1")
    assert _held(f"secret {number}", (str, bytes)) == 0
    assert logging.Handler.filter is original
    assert "filter" not in vars(logging.Handler)


def test_nothing_is_left_after_the_configuration(project: MakeProject) -> None:
    """No object leads to a value of a configuration that is gone, also if an exception came while it was used."""
    made = project({"env/test/security.env": "KEY=$<memory:key>\nURL=https://u:$<memory:key?as=url>@h/${KEY}\n"})
    number = secrets.randbelow(2**64)

    def use() -> None:
        store = MemoryProvider({"key": f"secret-{number}-{number}"})
        config = resolve_config("test", root=made.root, environ={}, stores={"memory": store}, validate=False)
        with config.install_log_masking():
            logging.StreamHandler(io.StringIO()).handle(logging.makeLogRecord({"msg": f"a {config['KEY']}"}))
        config.refresh()
        config.as_environ()
        with pytest.raises(ValueTypeError):
            config.get_int("KEY")
        assert interrupt(lambda: config["URL"], 3, KeyboardInterrupt)[1] is not None

    use()
    assert _held(f"secret-{number}", (str, bytes)) == 0


def test_a_filter_that_is_gone_leaves_nothing(config: Config) -> None:
    """A configuration knows its filters weakly."""
    counted = [one for one in gc.get_objects() if type(one) is Masker]
    for _ in range(3):
        assert config.logging_filter().filter(logging.makeLogRecord({"msg": "text"}))
    gc.collect()
    assert len([one for one in gc.get_objects() if type(one) is Masker]) == len(counted)


@pytest.mark.parametrize("is_refreshed_first", [False, True])
def test_old_and_new_values_are_masked_after_a_refresh(
    config: Config, store: MemoryProvider, canary: CanaryFactory, is_refreshed_first: bool
) -> None:
    """By filters and maskings of both configurations, made before and after."""
    old, new = config["KEY"], canary()
    maskers = [] if is_refreshed_first else [config.masker()]
    store.put("key", new)
    refreshed, _ = config.refresh()
    newest = canary()
    maskers += [config.masker(), refreshed.masker()]
    store.put("key", newest)
    refreshed.refresh()
    for masker in maskers:
        assert masker.text(f"{old} {new} {newest}") == "******** ******** ********"


def _shown(error: BaseException) -> Iterator[str]:
    """Yield what a debugger shows of an exception: the variables of all frames, and the exceptions before it."""
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if "secretsync" in trace.tb_frame.f_code.co_filename and "/tests/" not in trace.tb_frame.f_code.co_filename:
            yield repr([*trace.tb_frame.f_locals.items()])
        trace = trace.tb_next


@pytest.mark.parametrize("make", ["masker", "logging_filter"])
def test_an_interrupt_while_it_is_built_shows_no_value(config: Config, make: str) -> None:
    """At whatever line it comes."""
    getattr(config, make)()  # imports
    line, step = 1, 1
    while (error := interrupt(getattr(config, make), line, KeyboardInterrupt)[1]) is not None:
        for text in _shown(error):
            assert not find_leaks(text)
        line, step = line + step, step + (line > 100)
    assert line > 100


# Growth


def test_building_takes_linear_time_in_the_size_of_a_secret(assert_linear: AssertLinear) -> None:
    """A certificate chain, and a key in one long line with a short one."""
    assert_linear(lambda size: lambda: Masker([Secret("x" * size + "\n1")]), 16_000)
    assert_linear(lambda size: lambda: Masker([Secret("\n".join(f"{n:064}" for n in range(size)))]), 100)


def test_building_takes_linear_time_in_the_number_of_secrets(assert_linear: AssertLinear) -> None:
    """All different, or with the same middle."""
    assert_linear(lambda size: lambda: Masker([Secret(f"{n:020}abcdefgh") for n in range(size)]), 40)
    assert_linear(lambda size: lambda: Masker([Secret(f"{n:08}" + "a" * 40) for n in range(size)]), 40)


@pytest.mark.parametrize(
    "text",
    ["some text ", "%41", "a%20b ", "\\\\", '\\"', "'", "''", "'\"'\"'", '""', "&amp;", "abcd" * 3, "\\x41&%41''"],
)
def test_masking_takes_linear_time_in_the_length_of_a_text(assert_linear: AssertLinear, text: str) -> None:
    """Without a secret, with one at the end, and with many."""
    masker = Masker([Secret("n0t-in-it, mostly"), Secret("another \\ of them")])
    assert_linear(lambda size: lambda: masker.text(text * size), 1_000)
    assert_linear(lambda size: lambda: masker.text(text * size + "n0t-in-it, mostly"), 1_000)
    assert_linear(lambda size: lambda: masker.text((text + "n0t-in-it, mostly") * size), 100)


def test_finding_takes_linear_time_if_secrets_have_one_middle(assert_linear: AssertLinear) -> None:
    """Secrets of one kind may differ at their ends only."""

    def prepare(size: int) -> Callable[[], object]:
        masked = SecretFilter([Secret(f"{n:08}" + "a" * 40 + f"{n:08}") for n in range(size)])
        return lambda: masked.filter(logging.makeLogRecord({"msg": "a" * 8000}))

    assert_linear(prepare, 40)
