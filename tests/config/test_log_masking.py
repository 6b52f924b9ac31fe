"""The masking on all handlers: present and later ones, until it is uninstalled."""

import io
import logging

from secretsync import Secret
from secretsync.config.log_masking import LogMasking
from secretsync.config.masking.masker import Masker
from tests.support.canary import CanaryFactory


def test_handlers_present_and_later_are_masked_until_uninstall(canary: CanaryFactory) -> None:
    """A handler made before and one made after the installation mask; `logging` is as before afterwards."""
    secret = canary()
    streams = [io.StringIO(), io.StringIO()]
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addHandler(logging.StreamHandler(streams[0]))
    with LogMasking(Masker([Secret(secret)])):
        logger.addHandler(logging.StreamHandler(streams[1]))
        logger.warning("a %s", secret)
        logger.warning("clean %d", 5)
    assert [stream.getvalue() for stream in streams] == ["a ********\nclean 5\n"] * 2
    assert "filter" not in vars(logging.Handler)
    logger.handlers[0].stream = after = io.StringIO()  # type: ignore[attr-defined]
    del logger.handlers[1]
    logger.warning("a %s", secret)
    assert secret in after.getvalue()
