"""An exception that comes at any moment of a call of the library leads to no value.

A handler of a signal can raise between any two steps of the main thread, and so can a debugger or a time limit. The
traceback that reaches the caller holds the frames of SecretSync at that moment.
"""

import logging
import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

from secretsync import AppConfig, Config, check_rotation, resolve_config
from secretsync.testing import MemoryProvider
from tests.support.amounts import AMOUNTS
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.interrupts import SOURCE, interrupt
from tests.support.projects import MakeProject, Project
from tests.support.walker import everything_shown


class TimeLimitError(Exception):
    """What the handler of a signal raises."""


class Settings(NamedTuple):
    """What an application binds."""

    key: str
    url: str
    number: int


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Return a project with secrets by themselves, in a URL, in JSON and in a service."""
    return project(
        {
            "env/test/security.env": "KEY=$<memory:key>\nURL=https://u:$<memory:key?as=url>@h/${KEY}\nNUMBER=$<memory:number>\n"
            "SECRET_KEY=$<memory:key>\nDATABASE_URL=postgresql://u:$<memory:key>@h/x\n",
            "env/test/web.env": "JSON=$<memory:json?as=json>\nFIELD=$<memory:json#field>\nPEM=$<memory:pem>\n",
            "env/test/policy.toml": "[checks.KEY]\nmin_length = 8\n",
        }
    )


@pytest.fixture
def store(canary: CanaryFactory) -> MemoryProvider:
    """Return the store of these secrets."""
    pem = f"-----BEGIN\n{canary()}\n{canary()}\n-----END\n"
    return MemoryProvider({"key": canary(), "json": f'{{"field": "{canary()}"}}', "pem": pem, "number": "17"})


def calls(shop: Project, store: MemoryProvider) -> dict[str, Callable[[], object]]:
    """Return each public call, with what it needs at hand."""

    def resolve() -> Config:
        return resolve_config("test", root=shop.root, environ={}, stores={"memory": store})

    config = resolve()
    web = config.service("web")
    record = logging.makeLogRecord({"msg": f"a {config['KEY']}"})
    log_filter, masker = config.logging_filter(), config.masker()
    text = f"a {config['KEY']} {web['PEM']}"
    masker.text(text)

    def mask_log() -> None:
        with config.install_log_masking():
            logging.NullHandler().handle(record)

    return {
        "resolve_config": resolve,
        "check_rotation": lambda: check_rotation("test", root=shop.root, environ={}, stores={"memory": store}),
        "item": lambda: config["URL"],
        "get": lambda: config.get("KEY"),
        "secret": lambda: web.secret("PEM"),
        "reveal": web.secret("PEM").reveal,
        "as_environ": config.as_environ,
        "inherited": lambda: config.inherited("KEY"),
        "get_json": lambda: web.get_json("JSON"),
        "AppConfig": lambda: AppConfig(config).secret_key,
        "get_list": lambda: config.get_list("KEY"),
        "get_int": lambda: config.get_int("NUMBER"),
        "get_path": lambda: config.get_path("KEY"),
        "bind": lambda: config.bind(Settings),
        "service": lambda: dict(config.service("web")),
        "repr": lambda: repr(config),
        "refresh": config.refresh,
        "masker": config.masker,
        "mask text": lambda: masker.text(text),
        "logging_filter": config.logging_filter,
        "filter": lambda: log_filter.filter(record),
        "install_log_masking": mask_log,
    }


NAMES = (
    *("resolve_config", "check_rotation", "item", "get", "secret", "reveal", "as_environ", "inherited", "get_json"),
    *("AppConfig", "get_list", "get_int", "get_path", "bind"),
    *("service", "repr", "refresh", "masker", "mask text", "logging_filter", "filter", "install_log_masking"),
)


@pytest.mark.parametrize("name", NAMES)
def test_no_moment_shows_a_value(
    name: str, shop: Project, store: MemoryProvider, request: pytest.FixtureRequest
) -> None:
    """The exception, its chain, and the variables of the frames that it went through hold no value."""
    known = calls(shop, store)
    assert set(known) == set(NAMES)
    action = known[name]
    count, _ = interrupt(action, 0, TimeLimitError)
    amount = AMOUNTS[request.config.getoption("amount")]
    draw = random.Random(request.config.getoption("hostile_seed"))
    moments = draw.sample(range(1, count + 1), min(count, amount.interrupts))
    bad = set()
    for moment in moments:
        # `bind` takes any exception of a conversion for its refusal.
        _, error = interrupt(action, moment, TimeLimitError, caught=Exception)
        if error is None:  # this call took another way than the first one
            continue
        place = place_of(error)
        # The caller gave the text. Until SecretSync's first line has run, the frame holds the arguments.
        is_argument = name == "mask text" and place.startswith("secretsync/core/frames.py")
        if not is_argument and (leaks := find_leaks(everything_shown(error))):
            bad.add(f"{place} ({leaks[0]})")
        del error
    assert not bad, "\n".join(sorted(bad))


def place_of(error: BaseException) -> str:
    """Return the last line of SecretSync in a traceback."""
    place, trace = "", error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if path.startswith(SOURCE):
            place = f"{path.removeprefix(SOURCE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
