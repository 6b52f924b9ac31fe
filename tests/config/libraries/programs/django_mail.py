"""A site of Django that logs to standard error and to mail for its admins."""

import logging
import sys
from typing import Any
from urllib.parse import quote

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.core import mail  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.test import Client  # type: ignore[import-untyped]
from django.test.utils import setup_test_environment  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

from tests.config.libraries.programs import load, report

config, texts = load()
config.install_log_masking()


def view(request: HttpRequest) -> HttpResponse:
    """Fail with the text of the request, which is a variable of this frame too."""
    text = request.POST["text"]
    logging.getLogger("site").warning("argument %s of %d", text, 5, extra={"field": [text]})
    raise ValueError(text)


urlpatterns = [path("<path:rest>", lambda request, rest: view(request))]
REPORTER = "secretsync.integrations.django.MaskingExceptionReporter"
admins: dict[str, Any] = {"class": "django.utils.log.AdminEmailHandler", "include_html": True, "level": "ERROR"}
settings.configure(
    ADMINS=[("admin", "admin@example.com")],
    ALLOWED_HOSTS=["*"],
    DEFAULT_EXCEPTION_REPORTER=REPORTER,
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    API_SETTING=texts[0],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not this one",
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"admins": admins, "console": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["admins", "console"], "level": "INFO"},
    },
)
django.setup()
setup_test_environment()
client = Client(raise_request_exception=False)
for one in texts:
    client.post(f"/page/{quote(one)}?q={quote(one)}", {"text": one}, headers={"x-token": quote(one)})
sent = [str(message.message()) + message.body + str(getattr(message, "alternatives", "")) for message in mail.outbox]
assert any("Traceback" in one for one in sent)
assert any("<html" in one for one in sent)
report("\n".join(sent))
sys.exit()
