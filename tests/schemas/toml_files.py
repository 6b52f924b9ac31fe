"""Random TOML files for the tests of the schemas: right ones, and ones with a mistake that a schema can see."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from secretsync.policy.rules import CHECK_RULES, RULES
from secretsync.providers.interface import Setting, SettingType
from secretsync.providers.registry import BUILT_IN, load_provider

SPECS = {name: load_provider(name).spec for name in BUILT_IN}
DAY, MOMENT = date(2026, 10, 1), datetime(2027, 3, 1, 12, 30)  # noqa: DTZ001 - a local time of TOML
# No dates, because a validator of JSON takes them for strings.
ODD: tuple[Any, ...] = ("", " ", "x", "Ä", "a b", 7, -1, True, False, 1.5, [], ["a"], [1], {}, {"a": 1})
LENGTHS = ("90d", "12h", "26w", "500ms", "1m", "P90D", "P2W", "PT1H30M", "P1DT2H", "PT5S", "PT1M", "000001s")
WRONG_LENGTHS = (
    "0d",
    "90",
    "d",
    "-1d",
    "1.5h",
    "90 d",
    "P",
    "PT",
    "P1Y",
    "P0D",
    "1234567890s",
    "PT1H1H",
    "P1W1D",
    "P1D2H",
)
PATHS = {
    "aws": "prod/app#key",
    "azure": "db-password",
    "docker": "smtp_token",
    "env": "NAME",
    "vault": "secret/app?version=3#password",
}


class Maker:
    """Makes documents. `odds`: how often a value is replaced by another that may be wrong."""

    def __init__(self, seed: str, odds: float) -> None:
        self.random = random.Random(seed)
        self.odds = odds

    def maybe(self, share: float = 0.5) -> bool:
        """Return True in `share` of all calls."""
        return self.random.random() < share

    def one(self, right: Any, *wrong: Any) -> Any:
        """Return `right`, or seldom a wrong or an odd value."""
        if not self.maybe(self.odds):
            return right
        return self.random.choice(wrong) if wrong and self.maybe() else self.random.choice(ODD)

    def table(self, **values: Any) -> dict[str, Any]:
        """Return a table with some of the keys, and seldom with an unknown one."""
        found = {key: make() for key, make in values.items() if self.maybe()}
        if self.maybe(self.odds / 2):
            found[self.random.choice(("unknown", "reasn", "Ref"))] = self.random.choice(ODD)
        return found

    def duration(self) -> Any:
        """Return a length of time."""
        return self.one(self.random.choice(LENGTHS), *WRONG_LENGTHS)

    def limit(self) -> dict[str, Any]:
        """Return the keys of a limit."""
        if self.maybe(0.3):
            never: dict[str, Any] = {"max_age": "never", "reason": self.one("frozen", "", "  ")}
            if self.maybe():
                never["until"] = self.one(self.random.choice((DAY, MOMENT)), time(7, 32))
        else:
            never = {"max_age": self.duration()} if self.maybe() else {}
            if never and self.maybe():
                never["reason"] = self.one("a reason")
        if self.maybe(self.odds):
            never.update(self.random.choice(({"until": DAY}, {"until": "x"}, {"reason": 7}, {"reason": "x"})))
        if self.maybe(self.odds / 2) and never:
            never.pop(self.random.choice(list(never)))
        return never

    def setting(self, setting: Setting) -> Any:
        """Return a value for a setting of a provider."""
        if setting.type is SettingType.TABLE:
            keys = {key: (lambda inner=inner: self.setting(inner)) for key, inner in setting.keys.items()}
            return self.one(self.table(**keys))
        if setting.choices:
            return self.one(self.random.choice(setting.choices), "none of them")
        return self.one({SettingType.BOOLEAN: True, SettingType.INTEGER: 3}.get(setting.type, "text"))

    def store(self, provider: str) -> dict[str, Any]:
        """Return the settings of a store."""
        settings = SPECS[provider].settings
        found = self.table(**{key: (lambda one=one: self.setting(one)) for key, one in settings.items()})
        if self.maybe(0.3):
            found["key"] = self.one("{environment}-{kebab}", "{name}-{other}", "no-braces", "{name", "x}")
        return {**found, **(self.limit() if self.maybe(0.3) else {})}

    def bindings(self) -> Mapping[str, Any]:
        """Return a document for providers/<environment>.toml."""
        stores: dict[str, Any] = {}
        for provider in SPECS:
            if self.maybe(0.4):
                stores[provider] = self.store(provider)
            if self.maybe(0.2):
                name = self.one(f"{provider}-2", "Upper", "2nd", "a_b")
                stores[str(name)] = {**self.store(provider), "provider": self.one(provider, "nothing", "No")}
        if self.maybe(self.odds):
            stores[self.random.choice(("vault", "other"))] = self.random.choice(ODD)
        secrets = {
            str(self.one(f"NAME_{number}", "2X", "A-B", "A.B")): self.secret()
            for number in range(self.random.randrange(4))
        }
        rotation = self.table(
            warn_before=self.duration,
            on_unknown=lambda: self.one("fail", "never"),
            patterns=lambda: {f"*_{number}": self.pattern() for number in range(2)},
        )
        return self.table(
            project=lambda: self.one("shop", " x", "x ", "", "y" * 101),
            strict=lambda: self.one(True, "true"),
            # Never ["a"]: only the reader knows that there is no store of this name.
            lookup=lambda: self.random.choice([["docker", "env"]] * 9 + [[], "docker", [1], ["Docker"]]),
            timeout=self.duration,
            stores=lambda: self.one(stores),
            secrets=lambda: self.one(secrets),
            rotation=lambda: self.one({**rotation, **self.limit()}),
        )

    def reference(self) -> Any:
        """Return a reference to a store that exists in every project."""
        store = self.random.choice(list(PATHS))
        return self.one(f"{store}:{PATHS[store]}", "NAME", "vault:", ":x")

    def secret(self) -> Any:
        """Return a binding."""
        if self.maybe():
            return self.reference()
        found = {"ref": self.reference(), **self.limit()}
        if self.maybe(0.3):
            found["rotated"] = self.one(DAY, time(7, 32))
        if self.maybe(self.odds):
            found.pop("ref")
        return self.one({**found, **self.table()})

    def pattern(self) -> Any:
        """Return the limit of a pattern."""
        return self.duration() if self.maybe() else self.one({**self.limit(), **self.table()}, "never")

    def check(self) -> dict[str, Any]:
        """Return the table of a check."""
        values: dict[str, Any] = {
            "is_true": True,
            "is_false": True,
            "equals": "x",
            "not_equals": "",
            "one_of": ["a", "b"],
            "matches": "^[a-z]+$",
            "min_length": 3,
            "max_length": 0,
            "min": 1.5,
            "max": -2,
            "url_scheme": "https",
        }
        wrong = {"is_true": False, "min_length": -1, "one_of": ["a", ""], "url_scheme": ""}
        kinds = self.random.sample(sorted(CHECK_RULES), 1 if not self.maybe(self.odds) else 0)
        found = {kind: self.one(values[kind], wrong.get(kind, 7)) for kind in kinds}
        own = self.table(
            severity=lambda: self.one("warning", "fatal"),
            message=lambda: self.one("a message", " "),
            service=lambda: self.one("web", "../x", "a b"),
        )
        return {**found, **own}

    def requirement(self) -> Any:
        """Return a value of [required]."""
        if self.maybe():
            return self.one("a description")
        return self.table(
            description=lambda: self.one("text"),
            service=lambda: self.one("web", "/"),
            environment=lambda: self.one(True),
        )

    def ignore(self) -> Any:
        """Return a table of [[ignore]]."""
        found = {"rule": self.one(self.random.choice(list(RULES)), "no-rule"), "reason": self.one("accepted", "")}
        if self.maybe(self.odds / 2):
            found.pop(self.random.choice(("rule", "reason")))
        more = self.table(
            key=lambda: self.one("A_*", ""), file=lambda: self.one("env/*"), until=lambda: self.one(DAY, time(1))
        )
        return {**found, **more}

    def policy(self) -> Mapping[str, Any]:
        """Return a document for env/<environment>/policy.toml."""

        def names() -> list[str]:
            return [str(self.one(f"KEY{number}", "2X", "a b")) for number in range(self.random.randrange(3))]

        return self.table(
            required=lambda: self.one({name: self.requirement() for name in names()}),
            checks=lambda: self.one(
                {name: self.check() if self.maybe() else self.one([self.check(), self.check()]) for name in names()}
            ),
            ignore=lambda: self.one([self.ignore() for _ in range(self.random.randrange(3))]),
            sensitive=lambda: self.one(["*_CODE"], "", []),
            not_sensitive=lambda: self.one("COUNTRY_*", ["x", ""]),
        )


def to_toml(document: Mapping[str, Any]) -> str:
    """Return a document as TOML, each top-level key on a line with inline tables."""
    return "".join(f"{_quoted(key)} = {_value(value)}\n" for key, value in document.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_quoted(key)} = {_value(inner)}' for key, inner in value.items())} }}"
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def to_json(value: Any) -> Any:
    """Return a document as a validator of JSON sees it: dates and times are strings."""
    if isinstance(value, Mapping):
        return {key: to_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | time) else value
