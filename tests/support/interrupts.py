"""An exception at a chosen line of SecretSync's code, as a signal handler or a time limit can raise it."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

SOURCE = f"{Path(__file__).parents[2] / 'src'}/"


def interrupt(
    action: Callable[[], object],
    moment: int,
    raised: type[BaseException],
    *,
    caught: type[BaseException] | None = None,
) -> tuple[int, BaseException | None]:
    """Call `action`, and raise at the line of SecretSync with this number; return the lines that ran, and the error.

    `moment`: 0 means that nothing is raised. `caught`: what is returned in place of being raised; None means `raised`.
    """
    passed, wanted = 0, raised if caught is None else caught

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal passed
        if not frame.f_code.co_filename.startswith(SOURCE):
            return None
        if event == "line":
            passed += 1
            if passed == moment:
                sys.settrace(None)
                raise raised
        return trace

    tracer = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except wanted as error:
        return passed, error
    finally:
        sys.settrace(tracer)
    return passed, None
