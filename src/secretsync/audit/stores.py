"""Rules on bindings and stores: shared secrets, stores of development, plain http, bindings that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from secretsync.audit.evidence import Evidence
from secretsync.core.names import LENIENT_ENVIRONMENTS
from secretsync.planning.plan import Plan, Target
from secretsync.policy.rules import Finding, Severity, found
from secretsync.project.bindings import StoreConfig
from secretsync.project.placeholders import BareName, Placeholder, Variable, parse_value, references

__all__ = ["http_findings", "shared_findings", "store_findings", "unused_findings"]

# Settings that say how we prove who we are, not where a secret is.
_HOW = ("auth", "ca_cert", "client_id", "credential", "kv_version")
# Words of development, as whole words of a name, a host or a path. Not "local": svc.cluster.local is production.
_DEVELOPMENT = (*(word for word in LENIENT_ENVIRONMENTS if word not in ("ci", "local")), "sandbox", "localstack")
_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
_HTTP = re.compile(r"http://(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:\s?#]*)", re.IGNORECASE)
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[::1\]|(?:.*\.)?localhost", re.IGNORECASE)

Place = tuple[str | None, int | None]
Identity = tuple[object, ...]


def shared_findings(evidence: Evidence) -> Iterator[Finding]:
    """Secrets that this environment and another one, one of them strict, both use."""
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
                # A name alone may be found in another account.
                severity=None if is_sure else Severity.WARNING,
            )


def _secrets(plan: Plan) -> dict[Identity, tuple[Target, str, Place]]:
    """Where each secret is, independent of what its store is called here; with one entry or binding that names it."""
    found_secrets: dict[Identity, tuple[Target, str, Place]] = {}
    for planned in plan.entries.values():
        for part in planned.secrets:
            for target in part.targets:
                spec, config = plan.specs[target.store], plan.stores[target.store]
                # Files and variables are another machine's in another environment.
                if not spec.is_secret_store or not spec.has_clock:
                    continue
                where = sorted((key, repr(value)) for key, value in config.settings.items() if key not in _HOW)
                identity = (config.provider, tuple(where), target.ref.path, target.selector.field)
                binding = plan.bindings.secrets.get(part.name or "")
                place: Place = (planned.entry.file, planned.location(part)[0])
                key = planned.entry.key
                if binding is not None:
                    place, key = (plan.bindings.file, binding.line), binding.name
                found_secrets.setdefault(identity, (target, key, place))
    return found_secrets


def _is_one_place(config: StoreConfig, target: Target) -> bool:
    """Whether settings and path name one place in the world."""
    is_addressed = any(isinstance(value, str) and "://" in value for value in config.settings.values())
    return is_addressed or target.ref.path.startswith("arn:")


def store_findings(evidence: Evidence) -> Iterator[Finding]:
    """In strict environments, stores and references that are development's by their words."""
    plan = evidence.plan
    if not plan.is_strict:
        return
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


def http_findings(evidence: Evidence) -> Iterator[Finding]:
    """Stores that would be spoken to in plain http beyond this machine."""
    bindings = evidence.plan.bindings
    severity = None if evidence.plan.is_strict else Severity.WARNING
    for name, config in bindings.stores.items():
        for path, text in _strings(config.settings):
            match = _HTTP.match(text.strip())
            if match and not _LOOPBACK.fullmatch(match[1]):
                at = ("stores", name, *path)
                line = bindings.lines.get(at, config.line)
                message = "secrets would pass the network in plain text"
                yield found("plain-http", message, key=".".join(at), file=bindings.file, line=line, severity=severity)


def unused_findings(evidence: Evidence) -> Iterator[Finding]:
    """Bindings of names that no env file of the environment uses."""
    bindings = evidence.plan.bindings
    used: set[str] = set()
    for file in evidence.files:
        for entry in file.entries:
            if entry.literal or "$" not in entry.text:
                continue
            for part in references(parse_value(entry.text).parts):
                if isinstance(part, Placeholder) and isinstance(part.reference, BareName):
                    used.add(part.reference.name)
                elif isinstance(part, Variable):
                    used.add(part.name)
    for name, binding in bindings.secrets.items():
        if name not in used:
            message = "no entry uses this binding"
            yield found("unused-binding", message, key=name, file=bindings.file, line=binding.line)
