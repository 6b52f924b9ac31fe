"""A WSGI application for gunicorn that logs the text of a request and fails with it."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from tests.config.libraries.programs import load, log_all

config, texts = load()
config.install_log_masking()
seen: list[str] = []


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Log the next text."""
    number = int(environ["HTTP_X_NUMBER"])
    log_all(logging.getLogger("gunicorn.error"), [texts[number]])
    if environ["PATH_INFO"].startswith("/fails"):
        raise ValueError(texts[number])
    start_response("200 OK", [("X-Text", "text")])
    return [str(len(texts)).encode()]
