"""The pages of the site."""

from django.core import signing  # type: ignore[import-untyped]
from django.http import HttpRequest, JsonResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]


def index(request: HttpRequest) -> JsonResponse:
    """Return a text that the secret key has signed."""
    return JsonResponse({"signed": signing.Signer().sign("text")})


urlpatterns = [path("", index)]
