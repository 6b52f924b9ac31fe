"""Django application in one file, whose settings come from `resolve_config`."""

import django  # type: ignore[import-untyped]
from digests import digests  # type: ignore[import-not-found, unused-ignore]  # it is beside this file, in the image
from django.conf import settings  # type: ignore[import-untyped]
from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]
from django.http import HttpRequest, JsonResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

from secretsync import resolve_config

config = resolve_config()
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, **config)
django.setup()


def digest(request: HttpRequest) -> JsonResponse:
    """Return a salted digest of each setting."""
    return JsonResponse(digests(request.GET["salt"], {name: getattr(settings, name) for name in config}))


urlpatterns = [path("digest", digest)]
app = get_wsgi_application()
