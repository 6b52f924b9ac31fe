"""Rules on bindings and stores: shared secrets, stores of development, plain http, unused bindings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from secretsync.audit.env_files import written_references
from secretsync.audit.evidence import Evidence
from secretsync.core.names import LENIENT_ENVIRONMENTS
from secretsync.planning.plan import Plan
from secretsync.planning.references import Target
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.rules import RULES, Severity
from secretsync.project.bindings import StoreConfig
from secretsync.project.placeholders import BareName, Variable

# Words of development, as whole words of a name, a host or a path. Without "local", because svc.cluster.local is
# production.
_DEVELOPMENT = (*(word for word in LENIENT_ENVIRONMENTS if word not in ("ci", "local")), "sandbox", "localstack")
_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
_HTTP = re.compile(r"http://(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:\s?#]*)", re.IGNORECASE)
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[::1\]|(?:.*\.)?localhost", re.IGNORECASE)

Place = tuple[str | None, int | None]
Identity = tuple[object, ...]


def _shared(evidence: Evidence) -> Iterator[RuleFinding]:
    """Yield the secrets that this environment shares with another one, if at least one of them is strict."""
    plan = evidence.plan
    own = _secrets(plan)
    for name, other in sorted(evidence.others.items()):
        if isinstance(other, str) or not (plan.is_strict or other.is_strict):
            continue
        theirs = _secrets(other)
        for identity, (target, key, (file, line)) in own.items():
            if identity not in theirs:
                continue
            is_sure = _is_one_place(plan.stores[target.store], target)
            yield found(
                "shared-secret",
                f"{target.shown} is a secret of {name} too",
                key=key,
                file=file,
                line=line,
                # The same name may be another secret in another account.
                severity=None if is_sure else Severity.WARNING,
            )


def _secrets(plan: Plan) -> dict[Identity, tuple[Target, str, Place]]:
    """Return each secret by its store's settings and path, with one entry or binding that names it.

    The name of the store is not part of the identity, because another environment may give the same store another name.
    """
    found_secrets: dict[Identity, tuple[Target, str, Place]] = {}
    for planned in plan.entries.values():
        for part in planned.secrets:
            for target in part.targets:
                spec, config = plan.specs[target.store], plan.stores[target.store]
                # Files and variables of another environment are on another machine.
                if not spec.is_secret_store or not spec.has_clock:
                    continue
                # Two environments share a secret even if each has an identity of its own.
                who = {name for name, setting in spec.settings.items() if setting.identifies}
                where = sorted((key, repr(value)) for key, value in config.settings.items() if key not in who)
                identity = (config.provider, tuple(where), target.ref.path, target.selector.field)
                binding = plan.bindings.secrets.get(part.name or "")
                place: Place = (planned.entry.file, planned.location(part)[0])
                key = planned.entry.key
                if binding is not None:
                    place, key = (plan.bindings.file, binding.line), binding.name
                found_secrets.setdefault(identity, (target, key, place))
    return found_secrets


def _is_one_place(config: StoreConfig, target: Target) -> bool:
    """Return True if settings and path identify one place in the world."""
    is_addressed = any(isinstance(value, str) and "://" in value for value in config.settings.values())
    return is_addressed or target.ref.path.startswith("arn:")


def _development(evidence: Evidence) -> Iterator[RuleFinding]:
    """Yield the stores and references with a word of development in their name, settings or path."""
    plan = evidence.plan
    allowed = {word.lower() for word in _WORDS.findall(plan.project.environment or "")}
    bindings = plan.bindings
    for name, config in bindings.stores.items():
        texts: dict[tuple[str, ...], str] = {("stores", name): name}
        texts.update({("stores", name, *path): text for path, text in _strings(config.settings)})
        for path, text in texts.items():
            if word := _development_word(text, allowed):
                line = bindings.lines.get(path, config.line)
                message = f'"{word}" in {path[-1] if len(path) > 2 else "its name"}: this is a store of development'
                yield found("development-store", message, key=".".join(path), file=bindings.file, line=line)
    for planned in plan.entries.values():
        for part in planned.secrets:
            for target in part.targets:
                binding = bindings.secrets.get(part.name or "")
                is_bound = binding is not None and bool(target.is_bound)
                if word := _development_word(target.ref.path, allowed):
                    file, line = planned.entry.file, planned.location(part)[0]
                    if binding is not None and is_bound:
                        file, line = bindings.file or file, binding.line or line
                    message = f'"{word}" in {target.shown}: this is a secret of development'
                    key = binding.name if binding is not None and is_bound else planned.entry.key
                    yield found("development-store", message, key=key, file=file, line=line)


def _development_word(text: str, allowed: set[str]) -> str | None:
    words = [word.lower() for word in _WORDS.findall(text)]
    return next((word for word in words if word in _DEVELOPMENT and word not in allowed), None)


def _strings(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in table.items():
        if isinstance(value, str):
            yield (*path, key), value
        elif isinstance(value, dict):
            yield from _strings(value, (*path, key))


def _plain_http(evidence: Evidence) -> Iterator[RuleFinding]:
    bindings = evidence.plan.bindings
    severity = RULES["plain-http"].severity_in(is_strict=evidence.plan.is_strict)
    for name, config in bindings.stores.items():
        for path, text in _strings(config.settings):
            match = _HTTP.match(text.strip())
            if match and not _LOOPBACK.fullmatch(match[1]):
                at = ("stores", name, *path)
                line = bindings.lines.get(at, config.line)
                message = "secrets would pass the network in plain text"
                yield found("plain-http", message, key=".".join(at), file=bindings.file, line=line, severity=severity)


def _unused(evidence: Evidence) -> Iterator[RuleFinding]:
    bindings = evidence.plan.bindings
    used: set[str] = set()
    for _, part in written_references(evidence):
        if isinstance(part, Variable):
            used.add(part.name)
        elif isinstance(part.reference, BareName):
            used.add(part.reference.name)
    for name, binding in bindings.secrets.items():
        if name not in used:
            message = "no entry uses this binding"
            yield found("unused-binding", message, key=name, file=bindings.file, line=binding.line)


CHECKS = {
    "shared-secret": _shared,
    "development-store": _development,
    "plain-http": _plain_http,
    "unused-binding": _unused,
}
