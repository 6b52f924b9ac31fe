"""Keeping an SDK's log records away."""

import logging
import logging.config
import threading

import pytest

from secretsync.providers.sdk_logs import silenced


@pytest.fixture
def records() -> list[str]:
    """What got to the root's handlers."""
    return []


@pytest.fixture(autouse=True)
def root(records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A root logger at DEBUG, as an application may set it."""

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    monkeypatch.setattr(logging.root, "handlers", [Listening()])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    logging.root.manager._clear_cache()  # type: ignore[attr-defined] # levels are cached below it


def test_nothing_at_any_level_below_the_package(records: list[str]) -> None:
    """Neither the package's logger nor one below it logs while the block runs; both do afterwards."""
    loggers = [logging.getLogger(name) for name in ("somesdk", "somesdk.parsers", "somesdk.a.b")]
    with silenced("somesdk"), silenced("somesdk"):
        for logger in loggers:
            logger.debug("body")
            logger.error("body")
    assert records == []
    for logger in loggers:
        logger.debug("after")
    assert records == ["after"] * 3


def test_others_are_heard(records: list[str]) -> None:
    """Other packages, names that only begin alike, and other threads are logged."""
    logger = logging.getLogger("somesdk.parsers")
    with silenced("somesdk"):
        logging.getLogger("somesdk2").debug("alike")
        logging.getLogger("app").debug("app")
        thread = threading.Thread(target=logger.debug, args=("theirs",))
        thread.start()
        thread.join(10)
    assert records == ["alike", "app", "theirs"]


def test_again_after_the_application_configured_logging(records: list[str]) -> None:
    """Filters are put back where logging was configured anew in between."""
    logger = logging.getLogger("somesdk.parsers")
    with silenced("somesdk"):
        pass
    logger.filters.clear()
    with silenced("somesdk"):
        logger.debug("body")
    assert records == []


def test_levels_and_handlers_stay(records: list[str]) -> None:
    """The application's levels are as it set them, during and after."""
    logger = logging.getLogger("somesdk.levels")
    logger.setLevel(logging.INFO)
    with silenced("somesdk"):
        assert logger.level == logging.INFO
    assert (logger.level, logger.handlers, logger.propagate) == (logging.INFO, [], True)
