"""A configuration of gunicorn with one watcher: after a rotation, all workers are replaced one by one."""

import os
import signal
from typing import Any

import secretsync

wsgi_app = "flask_app:create_app()"


def when_ready(server: Any) -> None:
    """Watch in the process that starts the workers. SIGHUP lets it start new workers and end the old ones."""
    server.live = secretsync.live(interval=float(os.environ.get("WATCH_INTERVAL", "60")))
    server.live.on_change(None, lambda _change: os.kill(server.pid, signal.SIGHUP))


def post_fork(server: Any, _worker: Any) -> None:
    """End the watcher that a worker has because it was forked."""
    server.live.close()
