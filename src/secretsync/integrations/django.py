"""Find unresolved values in the settings of a Django site, and mask secrets in its error reports.

`SecretSyncConfig` belongs to `INSTALLED_APPS`, `MaskingExceptionReporter` to `DEFAULT_EXCEPTION_REPORTER`. Django reads
variables of frames, settings and the request from the process, not from the log record.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.core import checks  # type: ignore[import-untyped]
from django.views.debug import ExceptionReporter  # type: ignore[import-untyped]

from secretsync.config.log_masking import mask_value_by_installed
from secretsync.core.secret import Secret
from secretsync.project.placeholders import Placeholder, parse_value


class SecretSyncConfig(AppConfig):  # type: ignore[misc] # without types
    """The application for `INSTALLED_APPS`, which registers the system check."""

    name = "secretsync.integrations.django"
    label = "secretsync"
    verbose_name = "SecretSync"

    def ready(self) -> None:
        """Register the check."""
        checks.register(check_settings, checks.Tags.security)


def check_settings(app_configs: Any = None, **_options: Any) -> list[checks.CheckMessage]:
    """Return an error for each setting that has a placeholder in its text, or a Secret that nothing has revealed."""
    del app_configs
    found: list[checks.CheckMessage] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Django warns if a deprecated setting is read
        for name in dir(settings):
            if name.isupper():
                found += _errors(name, getattr(settings, name), set())
    return found


def _errors(place: str, value: Any, seen: set[int]) -> Iterator[checks.CheckMessage]:
    """Yield the errors of a setting and of all that it contains. `seen`: the ids of the containers around it."""
    if isinstance(value, str):
        if "$<" in value and any(isinstance(part, Placeholder) for part in parse_value(value).parts):
            hint = "Read the setting from resolve_config(), or start the process through `secretsync run`."
            yield checks.Error(f"{place} has a placeholder that was not resolved.", hint=hint, id="secretsync.E001")
    elif isinstance(value, Secret):
        hint = "Write .reveal() in the settings."
        yield checks.Error(f"{place} is a Secret, and Django needs its text.", hint=hint, id="secretsync.E002")
    elif isinstance(value, dict | list | tuple | set | frozenset) and id(value) not in seen:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _errors(f"{place}[{key!r}]", item, {*seen, id(value)})


class MaskingExceptionReporter(ExceptionReporter):  # type: ignore[misc] # without types
    """Mask the secrets of all installed log maskings, in mail to admins and on pages for developers.

    Values are masked before Django formats them, because it breaks long texts into several lines.
    """

    def get_traceback_frames(self) -> list[dict[str, Any]]:
        """Return the frames, with the variables masked."""
        frames = [dict(frame) for frame in super().get_traceback_frames()]
        for frame in frames:
            frame["vars"] = [(name, mask_value_by_installed(value)) for name, value in frame.get("vars", ())]
        return frames

    def get_traceback_data(self) -> dict[str, Any]:
        """Return what the templates show, except the request, whose parts are masked apart."""
        data = dict(super().get_traceback_data())
        for name, value in data.items():
            if name not in ("frames", "request", "user_str"):
                data[name] = mask_value_by_installed(list(value) if name.endswith("_items") else value)
        return data

    def get_traceback_html(self) -> str:
        """Return the page of the report."""
        return str(mask_value_by_installed(super().get_traceback_html()))

    def get_traceback_text(self) -> str:
        """Return the text of the report."""
        return str(mask_value_by_installed(super().get_traceback_text()))
