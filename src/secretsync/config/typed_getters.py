"""The typed getters of a configuration."""

from __future__ import annotations

from secretsync.core.errors import MissingKeyError, UsageError, ValueTypeError
from secretsync.core.frames import methods_hide_variables
from secretsync.core.light import TypeVar, overload
from secretsync.core.model import Origin
from secretsync.core.secret import HiddenMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path
    from typing import Any

T = TypeVar("T")

_NO_DEFAULT: Any = object()  # because None is a default like any other


@methods_hide_variables
class TypedGetters(HiddenMapping):
    """The getters of Config, which defines the scope that they read."""

    __slots__ = ()

    if TYPE_CHECKING:  # Config defines and documents these methods.

        def service(self, name: str) -> TypedGetters: ...  # noqa: D102
        def inherited(self, key: str) -> str | None: ...  # noqa: D102
        def origin(self, key: str) -> Origin: ...  # noqa: D102
        def _missing(self, key: str) -> MissingKeyError: ...

    @overload
    def get(self, key: str, default: None = None, *, service: str | None = None) -> str | None: ...
    @overload
    def get(self, key: str, default: T, *, service: str | None = None) -> str | T: ...
    def get(self, key: str, default: object = None, *, service: str | None = None) -> object:
        """Return the value of `key`, else the variable of the process environment, else `default`.

        `service`: use the scope of that service.
        """
        scope = self if service is None else self.service(service)
        if key in scope:
            return scope[key]
        inherited = scope.inherited(key)
        return default if inherited is None else inherited

    @overload
    def get_int(self, key: str, *, service: str | None = None) -> int: ...
    @overload
    def get_int(self, key: str, default: T, *, service: str | None = None) -> int | T: ...
    def get_int(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return a whole number of decimal digits. Raises ValueTypeError, or MissingKeyError without a default."""
        return self._typed(key, default, service, "int")

    @overload
    def get_float(self, key: str, *, service: str | None = None) -> float: ...
    @overload
    def get_float(self, key: str, default: T, *, service: str | None = None) -> float | T: ...
    def get_float(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return a decimal number. Raises ValueTypeError, or MissingKeyError without a default."""
        return self._typed(key, default, service, "float")

    @overload
    def get_bool(self, key: str, *, service: str | None = None) -> bool: ...
    @overload
    def get_bool(self, key: str, default: T, *, service: str | None = None) -> bool | T: ...
    def get_bool(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return True for true, 1, yes, on; False for false, 0, no, off, in any case.

        Raises ValueTypeError for everything else, or MissingKeyError without a default.
        """
        return self._typed(key, default, service, "bool")

    @overload
    def get_list(self, key: str, *, separator: str = ",", service: str | None = None) -> list[str]: ...
    @overload
    def get_list(self, key: str, default: T, *, separator: str = ",", service: str | None = None) -> list[str] | T: ...
    def get_list(
        self, key: str, default: object = _NO_DEFAULT, *, separator: str = ",", service: str | None = None
    ) -> object:
        """Return the items of a list, as texts.

        A value that begins with `[` is a JSON list of texts, numbers and booleans. Every other value is a list of
        items between separators, without white space at their edges. An empty value is an empty list.
        Raises ValueTypeError if an item is empty, or a JSON list is not valid or holds null, a list or an object;
        MissingKeyError without a default.
        """
        if not isinstance(separator, str) or not separator:
            raise UsageError("separator: it is empty, or not a string; give the text between items, such as ','")
        return self._typed(key, default, service, "list", separator)

    @overload
    def get_json(self, key: str, *, service: str | None = None) -> Any: ...
    @overload
    def get_json(self, key: str, default: T, *, service: str | None = None) -> Any | T: ...
    def get_json(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return what a JSON document contains: dict, list, str, int, float, bool or None.

        Raises ValueTypeError, also for NaN, infinities and a key that an object has twice; MissingKeyError without a
        default.
        """
        return self._typed(key, default, service, "json")

    @overload
    def get_path(self, key: str, *, service: str | None = None) -> Path: ...
    @overload
    def get_path(self, key: str, default: T, *, service: str | None = None) -> Path | T: ...
    def get_path(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return a path as written: a relative path stays relative, `~` is not replaced, and nothing is opened.

        Raises ValueTypeError if the value is empty, or MissingKeyError without a default.
        """
        return self._typed(key, default, service, "path")

    @overload
    def get_duration(self, key: str, *, service: str | None = None) -> timedelta: ...
    @overload
    def get_duration(self, key: str, default: T, *, service: str | None = None) -> timedelta | T: ...
    def get_duration(self, key: str, default: object = _NO_DEFAULT, *, service: str | None = None) -> object:
        """Return a length of time, written as in bindings: `500ms`, `30s`, `5m`, `12h`, `90d`, `26w` or ISO `P90D`.

        Raises ValueTypeError, or MissingKeyError without a default.
        """
        return self._typed(key, default, service, "duration")

    def _typed(self, key: str, default: object, service: str | None, kind: str, *options: str) -> object:
        """Return the converted value. The text is not a local variable, because this frame may be in a traceback."""
        scope = self if service is None else self.service(service)
        if key not in scope and scope.inherited(key) is None:
            if default is not _NO_DEFAULT:
                return default
            raise scope._missing(key)  # noqa: SLF001 - a scope of the same configuration
        from secretsync.config.convert import BY_NAME, UNFIT, UNFIT_ERRORS, attempt, value_problem

        expected, convert = BY_NAME[kind]
        # No other error, because a time limit that ends in this call is not a wrong value.
        converted = attempt(convert, scope.get(key), *options, errors=UNFIT_ERRORS)
        if converted is UNFIT:
            raise ValueTypeError([value_problem(scope, key, f"its value is not {expected}")])
        return converted
