"""A source of pydantic-settings that reads a resolved configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, sources

from secretsync.api import resolve_config
from secretsync.config.binding.fields import Key
from secretsync.config.config import Config
from secretsync.core.errors import UsageError
from secretsync.core.secret import MASK, Secret

# Its place in pydantic-settings from 2.10 on, and from 2.3 on. Older versions do not have it.
_parse = getattr(getattr(sources, "utils", None), "parse_env_vars", None) or getattr(sources, "parse_env_vars", None)


class SecretSyncSettingsSource(EnvSettingsSource):
    """Values of env files with their secrets, by the rules of the source of environment variables.

        class Settings(BaseSettings):
            secret_key: SecretStr
            url: Annotated[SecretStr, Key("DATABASE_URL", service="database")]

            @classmethod
            def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **others):
                return init_settings, env_settings, SecretSyncSettingsSource(settings_cls)

    Prefix, nested delimiter, case and aliases are those of `model_config`. The source only knows keys of env files. A
    validation error shows the mask in place of a text from a secret entry.
    """

    def __init__(
        self,
        settings_cls: type[BaseSettings],
        config: Config | None = None,
        *,
        environment: str | None = None,
        service: str | None = None,
        case_sensitive: bool | None = None,
        env_prefix: str | None = None,
        env_nested_delimiter: str | None = None,
    ) -> None:
        """Resolve the configuration.

        config: the result of `resolve_config`; None means that `environment` is resolved, as `resolve_config` does.
        service: the scope for fields that do not name a service; None means the shared configuration.
        The other arguments replace those of `model_config`.

        Raises what `resolve_config` raises, and UsageError if there is no such service.
        """
        if not (config is None or isinstance(config, Config)):
            raise UsageError(f"config: it is of type {type(config).__name__}; give the result of resolve_config()")
        self._secretsync = resolve_config(environment) if config is None else config
        self._service = service
        self._scopes: dict[str | None, Mapping[str, str | None]] = {}
        own: Any = settings_cls.model_config
        super().__init__(
            settings_cls,
            # pydantic-settings before 2.2 does not read these from model_config in a source.
            case_sensitive=own.get("case_sensitive") if case_sensitive is None else case_sensitive,
            env_prefix=own.get("env_prefix") if env_prefix is None else env_prefix,
            env_nested_delimiter=env_nested_delimiter,
        )

    def __repr__(self) -> str:
        # A traceback with variables shows an object whose __init__ raised, too.
        return f"SecretSyncSettingsSource({vars(self).get('_secretsync')!r})"

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of a field, its name in the model, and True if it is JSON."""
        values = self._values_for(field)
        found: tuple[Any, str, bool] = (None, field_name, False)
        for key, name, is_complex in self._extract_field_info(field, field_name):
            found = (values.get(name), key, is_complex)
            if found[0] is not None:
                break
        return found

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: FBT001 - the signature of pydantic-settings
        """Return the value of a field after JSON and nested keys were read."""
        if field.annotation is Secret and isinstance(value, str):
            return Secret(value)
        prepared = super().prepare_field_value(field_name, field, value, value_is_complex)
        return prepared if isinstance(prepared, str) else _hidden(prepared)

    def explode_env_vars(self, field_name: str, field: FieldInfo, env_vars: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the nested keys of a field, from the scope of its service in place of `env_vars`."""
        del env_vars
        return super().explode_env_vars(field_name, field, self._values_for(field))

    def _extract_field_info(self, field: FieldInfo, field_name: str, *rest: Any) -> list[tuple[str, str, bool]]:
        """Return names of the field in the model and in the env files; `Key("NAME")` replaces the latter."""
        infos = super()._extract_field_info(field, field_name, *rest)
        key = _key_of(field)
        if key is None or key.name is None or field is not self.settings_cls.model_fields.get(field_name):
            return infos
        model_key, _, is_complex = infos[0]
        return [(model_key, self._apply_case_sensitive(key.name), is_complex)]

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._scope(self._service)

    def _values_for(self, field: FieldInfo) -> Mapping[str, str | None]:
        key = _key_of(field)
        return self._scope(self._service if key is None or key.service is None else key.service)

    def _scope(self, service: str | None) -> Mapping[str, str | None]:
        """Return the values of a scope by name, prepared as pydantic-settings prepares environment variables."""
        if service not in self._scopes:
            scope = self._secretsync if service is None else self._secretsync.service(service)
            values = {key: _Hidden(scope[key]) if scope.origin(key).is_secret else scope[key] for key in scope}
            self._scopes[service] = self._parsed(values)
        return self._scopes[service]

    def _parsed(self, values: Mapping[str, str]) -> Mapping[str, str | None]:
        if _parse is not None:
            options = self.env_ignore_empty, self.env_parse_none_str
            parsed: Mapping[str, str | None] = _parse(values, self.case_sensitive, *options)
            return parsed
        return dict(values) if self.case_sensitive else {key.lower(): value for key, value in values.items()}


def _key_of(field: FieldInfo) -> Key | None:
    return next((one for one in field.metadata if isinstance(one, Key)), None)


class _Hidden(str):
    """A text from a secret entry. pydantic prints the `repr` of what it cannot validate, and stores a plain str."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


def _hidden(value: Any) -> Any:
    """Return `value` with every text in it hidden, because JSON of a secret was decoded or may have been."""
    if isinstance(value, str):
        return _Hidden(value)
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    return value
