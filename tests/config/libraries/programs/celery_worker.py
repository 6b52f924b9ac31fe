"""A worker of Celery with a broker in memory, whose tasks log and fail."""

from typing import Any

import celery  # type: ignore[import-untyped]
from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]
from celery.utils.log import get_task_logger  # type: ignore[import-untyped]

from tests.config.libraries.programs import load, log_all

config, texts = load()
config.install_log_masking()
app = celery.Celery("app", broker="memory://", backend="cache+memory://", set_as_current=True)
app.log.setup(loglevel="INFO", redirect_stdouts=True, redirect_level="WARNING")  # as the command `celery worker` does


@app.task  # type: ignore[untyped-decorator]
def work(text: str) -> None:
    """Log and print `text`, then fail with it."""
    log_all(get_task_logger("tasks"), [text])
    print(text)  # noqa: T201 - Celery redirects it to a logger
    raise ValueError(text)


def main() -> None:
    """Run one task for each form."""
    with start_worker(app, loglevel="INFO", perform_ping_check=False, logfile=None):
        results: list[Any] = [work.delay(text) for text in texts]
        for result in results:
            result.get(propagate=False, timeout=60)


main()
