"""Mask secrets in Django's error reports, for `DEFAULT_EXCEPTION_REPORTER` of a site's settings.

Django reads variables of frames, settings and the request from the process, not from the log record.
"""

from __future__ import annotations

from typing import Any

from django.views.debug import ExceptionReporter  # type: ignore[import-untyped]

from secretsync.config.log_masking import mask_value_by_installed


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
