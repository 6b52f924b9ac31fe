"""A worker of Celery, with a broker in memory, that uses a rotated key without a restart."""

import json
import os
import sys
from pathlib import Path

from celery import Celery  # type: ignore[import-untyped]
from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]
from itsdangerous import Signer

import secretsync

live = secretsync.live()  # Each process that the worker forks has a watcher of its own.
live.install_log_masking()
app = Celery("shop", broker=live.service("worker")["BROKER_URL"], backend="cache+memory://")


@app.task  # type: ignore[untyped-decorator]
def sign(text: str) -> str:
    """Return `text` as the newest secret key signs it."""
    return Signer(live["SECRET_KEY"]).sign(text).decode()


if __name__ == "__main__":
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        signed = [sign.delay("text").get(timeout=60)]
        Path(os.environ["SECRETSYNC_ROOT"], "files", "key").write_text(os.environ["NEXT_KEY"])
        live.refresh()
        signed.append(sign.delay("text").get(timeout=60))
    sys.stdout.write(json.dumps(signed))
