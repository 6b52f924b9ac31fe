"""A worker of Celery, with a broker in memory."""

import json
import sys

from celery import Celery  # type: ignore[import-untyped]
from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]
from celery.signals import worker_process_init  # type: ignore[import-untyped]
from itsdangerous import Signer

from secretsync import resolve_config

config = resolve_config()
app = Celery("shop", broker=config.service("worker")["BROKER_URL"], backend="cache+memory://")


@worker_process_init.connect  # type: ignore[untyped-decorator]
def mask_logs(**_options: object) -> None:
    """Mask secrets in the log records of each worker process."""
    config.install_log_masking()


@app.task  # type: ignore[untyped-decorator]
def sign(text: str) -> str:
    """Return `text` as the secret key signs it."""
    return Signer(config["SECRET_KEY"]).sign(text).decode()


if __name__ == "__main__":
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        sys.stdout.write(json.dumps({"signed": sign.delay("text").get(timeout=60)}))
