"""Programs that log each form of a secret with a real library, as processes of their own."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from secretsync import Config, resolve_config
from secretsync.testing import MemoryProvider
from tests.support.secret_forms import FORMS


def load() -> tuple[Config, list[str]]:
    """Return a configuration with the secret of this test, and the forms of the secret."""
    root = Path(os.environ["LOGGED_ROOT"])
    secret = (root / "secret").read_text()
    config = resolve_config("test", root=root, environ={}, stores={"memory": MemoryProvider({"key": secret})})
    return config, [encode(secret) for encode in FORMS.values()]


def log_all(logger: Any, texts: list[str]) -> None:
    """Log each text as message, argument, field and exception."""
    for text in texts:
        template = "message " + text.replace("%", "%%") + " %s"
        logger.warning(template, "argument")
        logger.warning("argument %s of %d", text, 5)
        logger.warning("field", extra={"field": {"deep": [text]}})
        try:
            raise LookupError(text)  # noqa: TRY301 - the record is the point
        except LookupError:
            logger.exception("exception")


def report(text: str) -> None:
    """Print what a library wrote in memory."""
    json.dump(text, sys.stdout)
    logging.shutdown()
