"""Finding the stores that a reference may be asked of, and checking it against what they accept."""

from __future__ import annotations

from secretsync.core.errors import ConfigurationError, Problem
from secretsync.core.model import SecretRef, Selector
from secretsync.core.records import Record, replace
from secretsync.core.text import is_shown, looks_like_value, name_or_none, suggestion, unknown
from secretsync.project.bindings import Bindings, StoreConfig
from secretsync.project.placeholders import BareName, Fault, Reference, StorePath, format_reference, parse_reference
from secretsync.providers.interface import ProviderSpec, Setting, SettingType
from secretsync.providers.registry import BUILT_IN, load_provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# What the core understands of `?options`, whatever the store; each with the values it takes.
SELECTOR_OPTIONS = {"as": ("base64", "json", "text", "url"), "decode": ("base64",), "trim": ("true", "false")}
# What some stores understand besides.
VERSION_OPTIONS = ("version", "stage")

_TYPES: dict[SettingType, tuple[type, str]] = {
    SettingType.STRING: (str, "a string"),
    SettingType.PATH: (str, "a path, as a string"),
    SettingType.BOOLEAN: (bool, "true or false"),
    SettingType.INTEGER: (int, "a whole number"),
    SettingType.TABLE: (dict, "a table"),
}
# What people try to write into the bindings: said more plainly than "unknown key".
_CREDENTIALS: tuple[str, ...] = (
    "access_key",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "client_secret",
)
_CREDENTIALS += ("jwt", "password", "secret", "secret_access_key", "secret_id", "token")

_MOST_COMPARED = 20  # names of unknown stores


class Target(Record):
    """One place to ask: which secret of which store, and what to take from it."""

    ref: SecretRef
    selector: Selector
    shown: str  # as messages and reports name it
    is_bound: bool = False  # written with its store, there or in a binding, not found by lookup

    @property
    def store(self) -> str:
        """The store's name."""
        return self.ref.store


class TargetFinder:
    """Knows the stores of one environment."""

    def __init__(
        self, bindings: Bindings, environment: str | None, replaced: Mapping[str, ProviderSpec] | None = None
    ) -> None:
        """Keep the stores. `replaced`: the caller's specs, in place of the configured ones of these names."""
        self.bindings = bindings
        self.replaced = replaced or {}
        self.environment = environment
        self.problems: list[Problem] = []
        self.stores: dict[str, StoreConfig] = {
            name: StoreConfig(name=name, provider=name) for name in BUILT_IN if name not in bindings.stores
        }
        self.stores.update(bindings.stores)
        for name in self.replaced:
            self.stores.setdefault(name, StoreConfig(name=name, provider=name))
        self._compared = 0  # names of unknown stores that were compared with all stores
        self._specs: dict[str, ProviderSpec | Fault] = {}
        self._bound: dict[str, tuple[Target, ...] | Fault] = {}
        for config in bindings.stores.values():
            self._check_store(config)
        self._check_lookup()
        for name in bindings.secrets:
            self._bind(name)

    def find(self, reference: Reference) -> tuple[Target, ...] | Fault:
        """Return the places to ask for `reference`, in order; a fault where it is wrong."""
        if isinstance(reference, StorePath):
            target = self._target(reference)
            return target if isinstance(target, Fault) else (target,)
        if wrong := _wrong_option(reference.options):
            return wrong
        if reference.name in self.bindings.secrets:
            bound = self._bound[reference.name]
            # The binding's own fault is noted at the binding.
            found: tuple[Target, ...] | Fault = () if isinstance(bound, Fault) else bound
        else:
            found = self._look_up(reference)
        if isinstance(found, Fault) or not reference.options:
            return found
        return tuple(replace(one, selector=_selector(reference.options, one.selector)) for one in found)

    def shown(self, reference: Reference | Fault, written: str) -> str | None:
        """Return as much of a wrong reference as a message may repeat: words that are known, and what a store is asked.

        None means nothing, because a reference to an unknown store may be a pasted secret.
        """
        if isinstance(reference, BareName):
            return name_or_none(written)
        if isinstance(reference, Fault) or reference.store not in self.stores:
            return None
        spec = self._spec(self.stores[reference.store])
        options = () if isinstance(spec, Fault) else spec.options
        is_wrong = not isinstance(spec, Fault) and spec.check_path(reference.path) is not None
        if is_wrong or looks_like_value(reference.path) or looks_like_value(reference.field or ""):
            return None
        for key, value in reference.options:
            if key not in options and value not in SELECTOR_OPTIONS.get(key, ()):
                return format_reference(StorePath(reference.store, reference.path))
        return written

    def spec(self, store: str) -> ProviderSpec:
        """Return the spec of the provider of a store that has no problem."""
        spec = self._spec(self.stores[store])
        if isinstance(spec, Fault):  # the plan is not made where a problem was noted
            raise ConfigurationError(spec.cause)
        return spec

    def _look_up(self, reference: BareName) -> tuple[Target, ...] | Fault:
        targets = []
        for store in self.bindings.lookup:
            if store not in self.stores:
                continue  # noted by _check_lookup
            template = self._template(store)
            if isinstance(template, Fault):
                continue  # noted by _check_store
            if "{environment}" in template and self.environment is None:
                cause = f"the key of the store {store} contains {{environment}}, and no environment is named"
                return Fault(0, cause, "name it with -e NAME or $SECRETSYNC_ENV, or bind the secret's name")
            target = self._target(_fill(store, template, reference.name, self.environment or ""))
            if isinstance(target, Fault):
                return target
            targets.append(Target(target.ref, target.selector, target.shown))
        return tuple(targets)

    def _bind(self, name: str) -> None:
        binding = self.bindings.secrets[name]
        reference = parse_reference(binding.reference)
        found: Target | Fault
        if isinstance(reference, BareName):
            found = Fault(0, "a binding needs store:path", f'such as "vault:secret/app#{name.lower()}"')
        elif isinstance(reference, Fault):
            found = reference
        else:
            found = self._target(reference)
        if isinstance(found, Fault):
            path = ("secrets", name)
            problem = self.bindings.problem(path, found.cause, found.hint)
            self.problems.append(problem)
            self._bound[name] = found
        else:
            self._bound[name] = (found,)

    def _target(self, reference: StorePath | Fault) -> Target | Fault:
        if isinstance(reference, Fault):
            return reference
        if reference.store not in self.stores:
            return self._unknown_store(reference.store)
        spec = self._spec(self.stores[reference.store])
        if isinstance(spec, Fault):
            return spec
        if wrong := spec.check_path(reference.path):
            return Fault(0, wrong, f"{spec.title} takes: {spec.path_help}")
        given = dict(reference.options)
        for key in given:
            if key not in (*spec.options, *SELECTOR_OPTIONS):
                known = (*spec.options, *SELECTOR_OPTIONS)
                hint = suggestion(key, known, f"{spec.title} takes: {', '.join(known)}")
                is_known = is_shown(key, (*known, *VERSION_OPTIONS))
                return Fault(0, f"unknown option {key!r}" if is_known else "an unknown option", hint)
        if wrong_option := _wrong_option(reference.options):
            return wrong_option
        selector = _selector(reference.options, Selector(reference.field))
        ref = SecretRef(reference.store, reference.path, given.get("version"), given.get("stage"))
        return Target(ref, selector, format_reference(reference), is_bound=True)

    def _template(self, store: str) -> str | Fault:
        config = self.stores[store]
        spec = self._spec(config)
        return spec if isinstance(spec, Fault) else config.key or spec.key

    def _spec(self, config: StoreConfig) -> ProviderSpec | Fault:
        if config.name in self.replaced:
            return self.replaced[config.name]
        provider = config.provider
        if provider not in self._specs:
            try:
                self._specs[provider] = load_provider(provider).spec
            except ConfigurationError as error:
                self._specs[provider] = Fault(0, error.problems[0].cause)
        return self._specs[provider]

    def _check_lookup(self) -> None:
        for store in self.bindings.lookup:
            if store not in self.stores:
                fault = self._unknown_store(store)
                self.problems.append(self.bindings.problem(("lookup",), fault.cause, fault.hint))

    def _unknown_store(self, name: str) -> Fault:
        """Return the fault of a store that does not exist.

        Only the first faults compare the name with all stores, because the comparison takes time for each of them.
        """
        if self._compared == _MOST_COMPARED:
            return Fault(0, "there is no store of this name", "define it in the bindings, or name one that exists")
        self._compared += 1
        return Fault(0, unknown("store called", name, self.stores), suggestion(name, sorted(self.stores)))

    def _check_store(self, config: StoreConfig) -> None:
        path = ("stores", config.name)
        spec = self._spec(config)
        if isinstance(spec, Fault):
            self._note((*path, "provider"), spec.cause, spec.hint)
            return
        if config.name not in self.replaced:
            also = ("provider", "key", "max_age", "reason", "until")
            self._check_settings(path, config.settings, spec.settings, also)
        if config.key is not None and isinstance(filled := _fill(config.name, config.key, "NAME", "env"), Fault):
            self._note(
                (*path, "key"), filled.cause, filled.hint or "placeholders: {name} {lower} {kebab} {environment}"
            )

    def _check_settings(
        self,
        path: tuple[str, ...],
        given: Mapping[str, Any],
        known: Mapping[str, Setting],
        also: tuple[str, ...] = (),
    ) -> None:
        for key, value in given.items():
            setting = known.get(key)
            if setting is None:
                words = (*known, *also)
                hint = suggestion(key, words, f"one of {', '.join(words)}")
                if key in _CREDENTIALS:
                    hint = "no credential can be written here: it comes from the environment or a file"
                words = (*words, *_CREDENTIALS)
                self.problems.append(self.bindings.problem((*path, key), "unknown key", hint, known=words))
                continue
            kind, type_name = _TYPES[setting.type]
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                self._note((*path, key), f"it must be {type_name}", setting.help)
            elif setting.choices and value not in setting.choices:
                self._note((*path, key), f"it must be one of {', '.join(setting.choices)}", None)
            elif isinstance(value, dict):
                self._check_settings((*path, key), value, setting.keys)

    def _note(self, path: tuple[str, ...], cause: str, hint: str | None) -> None:
        self.problems.append(self.bindings.problem(path, cause, hint))


def _wrong_option(options: Iterable[tuple[str, str]]) -> Fault | None:
    for key, value in options:
        if key in SELECTOR_OPTIONS and value not in SELECTOR_OPTIONS[key]:
            return Fault(0, f"the option {key!r} takes: {', '.join(SELECTOR_OPTIONS[key])}")
    return None


def _selector(options: Iterable[tuple[str, str]], selector: Selector) -> Selector:
    """Return `selector` with `options`: those of a name are added to those of its binding, and win over them.

    `as=url` and `as=text` are independent of the other values of `as`, so that bytes can be in a URL: the binding has
    as=base64, the name as=url.
    """
    given = dict(options)
    as_ = given.get("as")
    is_for_url = as_ in ("url", "text")
    return Selector(
        field=selector.field,
        decode=given.get("decode", selector.decode),
        as_=as_ if as_ and not is_for_url else selector.as_,
        trim=given["trim"] == "true" if "trim" in given else selector.trim,
        url=as_ if is_for_url else selector.url,
    )


def _fill(store: str, template: str, name: str, environment: str) -> StorePath | Fault:
    """Return the reference that a store's template makes of a bare name."""
    words = {"name": name, "lower": name.lower(), "kebab": name.lower().replace("_", "-"), "environment": environment}
    text = template
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    if "{" in text or "}" in text:
        return Fault(0, "an unknown placeholder in the key", "there are {name}, {lower}, {kebab} and {environment}")
    if not any(f"{{{word}}}" in template for word in ("name", "lower", "kebab")):
        return Fault(0, "the key names no secret", "put {name}, {lower} or {kebab} into it")
    reference = parse_reference(f"{store}:{text}")
    if isinstance(reference, BareName):
        return Fault(0, "the key is no path")
    return reference
