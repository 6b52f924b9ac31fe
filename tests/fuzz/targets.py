"""The functions of SecretSync that read input of others, each as a target of a fuzzer."""

import contextlib
import gzip
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from secretsync.core.errors import ProblemKind, SecretSyncError
from secretsync.core.model import Failed
from tests.fuzz import answers
from tests.fuzz.mutations import HOSTILE, STATUSES, as_bytes, count_members, mutate
from tests.support.canary import HEAD, TAIL, make_canary

PLANTED = make_canary()
NOW = datetime(2026, 11, 29, tzinfo=UTC)

# The most processor time of one input: generous for a slow machine with instrumented code, and linear in its size.
_SECONDS = 5.0
_SECONDS_OF_A_BYTE = 0.001


class Target(NamedTuple):
    """A target. `read`: takes bytes and returns the texts that people may see. `corpus`: the first inputs."""

    read: Callable[[bytes], list[str]]
    corpus: tuple[bytes, ...]


class BrokenPromiseError(AssertionError):
    """An input led to an error of another kind, took too long, or showed a secret."""


def try_input(target: Target, data: bytes) -> None:
    """Read one input. Raises what the code under test should not raise, and BrokenPromiseError."""
    began = time.process_time()
    try:
        texts = target.read(data)
    except SecretSyncError as error:
        texts = [str(error), *getattr(error, "__notes__", ()), *(str(problem) for problem in error.problems)]
        texts += [repr(error.__cause__), repr(error.__context__)]
    seconds = time.process_time() - began
    if seconds > _SECONDS + _SECONDS_OF_A_BYTE * len(data):
        message = f"{len(data)} bytes took {seconds:.1f} s of processor time"
        raise BrokenPromiseError(message)
    shown = "\n".join(texts).lower()
    if HEAD[:8] in shown or TAIL[-8:] in shown:
        message = "a message shows a part of a secret"
        raise BrokenPromiseError(message)


# Text


def _env_file(data: bytes) -> list[str]:
    from secretsync.project.env_file import parse_env_file

    read = parse_env_file(data + f"\nSECRET_KEY={PLANTED}\n".encode(), file="app.env")
    return [str(problem) for problem in read.problems]


def _placeholders(data: bytes) -> list[str]:
    from secretsync.project.placeholders import format_reference, parse_reference, parse_value, references

    text = data.decode("utf-8", "replace")
    parsed = parse_value(f"{text} {PLANTED}")
    for part in references(parsed.parts):
        if reference := getattr(part, "reference", None):
            again = parse_reference(format_reference(reference))
            if again != reference:
                message = "a reference is another one after it was written and read"
                raise BrokenPromiseError(message)
    return [str(fault) for fault in parsed.faults]


def _bindings(data: bytes) -> list[str]:
    from secretsync.project.bindings_file import parse_bindings

    end = f'\n[stores.planted]\nprovider = "vault"\ntoken = "{PLANTED}"\n'
    return [str(problem) for problem in parse_bindings(data + end.encode(), "production.toml").problems]


def _policy(data: bytes) -> list[str]:
    from secretsync.policy.policy_file import parse_policy

    end = f'\n[checks.PLANTED]\none_of = "{PLANTED}"\n'
    return [str(problem) for problem in parse_policy(data + end.encode(), "policy.toml").problems]


def _template(data: bytes) -> list[str]:
    from secretsync.rendering.syntaxes import ESCAPES
    from secretsync.rendering.template_file import read_template

    syntaxes = ESCAPES
    syntax = syntaxes[(data[0] if data else 0) % len(syntaxes)]
    path = _written(data[1:] + f"\n{PLANTED}\n".encode())
    return [entry.key for entry in read_template(path, syntax).entries]


def _written(data: bytes) -> str:
    """Return the path of a file of this process with `data`."""
    folder = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    path = folder / f"secretsync-fuzz-{os.getpid()}"
    path.write_bytes(data)
    return str(path)


# Archives


def _archive(data: bytes) -> list[str]:
    """Read an archive. The first byte says whether the others are compressed already."""
    from secretsync.backup.archive import read_archive

    is_packed = data[:1] == b"\x1f"
    read_archive(data if is_packed else gzip.compress(data[1:], 1, mtime=0), "backup.tar.gz")
    return []


def _archives() -> tuple[bytes, ...]:
    from secretsync.backup.archive import write_archive
    from secretsync.backup.tree import Kind, Node

    nodes = {
        "env": Node(path="env", kind=Kind.FOLDER, mode=0o700),
        "env/production": Node(path="env/production", kind=Kind.FOLDER, mode=0o700),
        "env/production/common.env": Node(path="env/production/common.env", kind=Kind.FILE, mode=0o600, data=b"A=1\n"),
    }
    packed = write_archive(nodes, project="shop", at=NOW)
    return (packed, b"\0" + gzip.decompress(packed), b"\0", b"")


# JSON


def _json(read: Callable[[bytes], list[str]], documents: Mapping[str, Any], data: bytes) -> list[str]:
    """Read one of `documents` with the mutations that `data` chooses; after the byte 255 the rest as it is."""
    return read(data[1:] if data[:1] == b"\xff" else mutate(documents, data).body)


def _history(data: bytes) -> list[str]:
    from secretsync.tracking.history import history_as_json
    from secretsync.tracking.history_file import read_history

    records = read_history(_written(data), "production", "history.json")
    json.dumps(history_as_json("production", records))
    return []


def _reports(data: bytes) -> list[str]:
    from secretsync.rotation import formats
    from secretsync.rotation.merge import ReportFile, merge

    merged = merge([ReportFile("report.json", data)], NOW, 4 * 86400.0)
    for name in formats.FORMATS:
        formats.render(name, merged.document)
    return [str(problem) for problem in merged.problems]


def _manifests(data: bytes) -> list[str]:
    import argparse

    from secretsync.cli.manifest_plan import plan_of_manifests
    from secretsync.core.secret import Environ

    names = {"environment": None, "root": None, "bindings": None, "timeout": None}
    others: dict[str, Any] = {"env_file": None, "service": None, "all": False, "quiet": True}
    options = argparse.Namespace(manifests=[_written(data)], **names, **others)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        plan_of_manifests(options, Environ({}))
    return [said.getvalue()]


def _import(format_: str | None, data: bytes) -> list[str]:
    from secretsync.moving.sources import read_source

    read_source(_written(data), format_, None)
    return []


def _import_text(format_: str, end: str, data: bytes) -> list[str]:
    return _import(format_, data + end.encode())


def _import_any(data: bytes) -> list[str]:
    """Read a source in the format that the first byte chooses."""
    ends = {"dotenv": "SECRET_KEY={}", "compose": "#{}", "kubernetes": "#{}", "json": "", "doppler": "", "chamber": ""}
    names = tuple(ends)
    name = names[(data[0] if data else 0) % len(names)]
    return _import_text(name, f"\n{ends[name].format(PLANTED)}\n", data[1:])


def _handover(data: bytes) -> list[str]:
    """Read variables with a right seal from fields with mutations, or variables that are damaged."""
    from secretsync.resolving.handover import Handover
    from secretsync.resolving.handover_codec import KEY_VARIABLE, VARIABLE, encode

    environ = {VARIABLE: data.decode("utf-8", "surrogateescape"), KEY_VARIABLE: "0" * 64}
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and set(document) >= {"root", "environment"}:
        for name in ("bindings", "named", "validates"):
            document.setdefault(name, None)
        environ = encode({**document, "key": "0" * 32})
    environ |= {"SECRET_KEY": PLANTED}
    handover = Handover.from_environ(environ)
    if handover is not None:
        handover.hide(environ)
        return [handover.label, *handover.handed_names(environ), repr(handover.variables)]
    return []


HISTORY = {
    "schema": 1,
    "environment": "production",
    "records": [
        {
            "time": "2026-01-02T03:04:05Z",
            "actor": {"user": "app", "uid": 1000},
            "message": "first",
            "commit": "abc",
            "uncommitted": False,
            "offline": False,
            "entries": [
                {
                    "key": "SECRET_KEY",
                    "service": None,
                    "file": "security.env",
                    "value": PLANTED,
                    "sources": [{"references": ["aws:app"], "answer": "aws:app", "version": "v1", "status": "found"}],
                }
            ],
            "stores": [{"name": "aws", "provider": "aws", "settings": {"region": "eu-west-1", "profile": None}}],
        }
    ],
}
MANIFEST = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "vault", "namespace": "shop"},
            "spec": {"provider": {"vault": {"server": "https://v.test", "path": "secret", "version": "v2"}}},
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "aws", "namespace": "shop"},
            "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}},
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "app", "namespace": "shop", "annotations": {"note": PLANTED}},
            "spec": {
                "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
                "data": [{"secretKey": "A", "remoteRef": {"key": "app", "property": "a", "version": "3"}}],
                "dataFrom": [{"extract": {"key": "all"}}],
                "target": {"template": {"data": {"X": PLANTED}}},
            },
        },
    ],
}
TASK = {
    "family": "app",
    "containerDefinitions": [
        {
            "name": "web",
            "environment": [{"name": "PLAIN", "value": PLANTED}],
            "secrets": [
                {"name": "A", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf:a::"},
                {"name": "B", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/app/b"},
            ],
        }
    ],
}
HANDOVER = {
    "environment": "production",
    "root": "/app",
    "is_strict": True,
    "files": None,
    "bindings": None,
    "named": "production",
    "validates": True,
    "services": ["web"],
    "withheld": ["VAULT_TOKEN"],
    "started": 1,
    "record": None,
    "names": {
        "SECRET_KEY": {
            "file": "security.env",
            "secret": True,
            "references": ["aws:app"],
            "stores": ["aws"],
            "versions": ["v1", None],
            "digests": [None],
        }
    },
    "secrets": "0" * 32,
    "settings": "0" * 32,
}


def _report() -> dict[str, Any]:
    from secretsync.core.errors import Problem, ProblemKind
    from secretsync.rotation import formats
    from secretsync.rotation.merge import ReportFile, merge
    from secretsync.rotation.report import RotationReport

    problem = Problem(kind=ProblemKind.CONFIGURATION, file="app.env", cause="a cause")
    failed = RotationReport.of_failure("shop", "production", (problem,), NOW)
    merged = merge([ReportFile("x", b"{}")], NOW, 1.0).document
    document: dict[str, Any] = json.loads(formats.render("json", merged))
    del failed
    row = {
        "secret": "aws:app",
        "reference": "aws:app",
        "state": "overdue",
        "keys": [{"key": "SECRET_KEY", "service": None, "file": "security.env", "line": 1}],
        "created": "2026-01-02T03:04:05Z",
        "age_seconds": 100,
        "max_age": "90d",
        "cause": "it is old",
        "hint": "rotate it",
    }
    document["environments"][0]["secrets"].append(row)
    return document


# Answers of stores


def _answers(
    read: Callable[[Mapping[str, Any], Any], list[object]], documents: Mapping[str, Any], data: bytes
) -> list[str]:
    """Return the texts of the outcomes of an answer with mutations."""
    from secretsync.providers import threads

    raised: list[BaseException] = []

    def guarded(call: Callable[[Any], Any], item: Any) -> Any:
        """Call without the guard of a real run, which makes an outcome of each exception."""
        try:
            return call(item)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread of the fuzzer
            raised.append(error)
            return Failed(ProblemKind.UNAVAILABLE, "it raised")

    guard, threads._guarded = threads._guarded, guarded
    try:
        outcomes = read(documents, mutate(documents, data))
    finally:
        threads._guarded = guard
    if raised:
        raise raised[0]
    if wrong := [outcome for outcome in outcomes if not answers.is_outcome(outcome)]:
        message = f"not an outcome: {type(wrong[0])}"
        raise BrokenPromiseError(message)
    return [str(outcome) for outcome in outcomes]


def _seeds(documents: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return an input without a mutation for each document, and one for each status."""
    whole = [as_bytes(number) for number in range(len(documents))]
    members = [as_bytes(number, (member, 0)) for number in range(len(documents)) for member in (0, 1, 2)]
    return (*whole, *members, *(as_bytes(0, status=status) for status in range(len(STATUSES))))


def every_mutation(documents: Mapping[str, Any]) -> list[bytes]:
    """Return the inputs that replace each member of each document by each row of HOSTILE, or remove it."""
    rows = (*range(len(HOSTILE)), 255)
    return [
        as_bytes(number, (member, row))
        for number, document in enumerate(documents.values())
        for member in range(count_members(document))
        for row in rows
    ]


def _texts(*texts: str | bytes) -> tuple[bytes, ...]:
    return tuple(text.encode() if isinstance(text, str) else text for text in texts)


DOCUMENTS: dict[str, Mapping[str, Any]] = {
    "histories": {"history": HISTORY},
    "reports": {"report": _report()},
    "manifests": {"manifest": MANIFEST, "task": TASK},
    "handover": {"handover": HANDOVER},
    "aws": answers.aws_answers(PLANTED),
    "ssm": answers.ssm_answers(PLANTED),
    "vault": answers.vault_answers(PLANTED),
    "azure": answers.azure_answers(PLANTED),
}
_JSON_READERS = {"histories": _history, "reports": _reports, "manifests": _manifests, "handover": _handover}
_ANSWER_READERS = {
    "aws": answers.read_aws,
    "ssm": answers.read_ssm,
    "vault": answers.read_vault,
    "azure": answers.read_azure,
}

TARGETS: dict[str, Target] = {
    "env-files": Target(
        _env_file,
        _texts("A=1\nB='x y' # note\nexport C=\"a\\n${A}\"\nD=$<aws:app#a>\n", "\ufeffA=", "A='\n", "A", b"A=\xff\0"),
    ),
    "placeholders": Target(
        _placeholders,
        _texts(
            "a $<A:-b> ${B:-x${C}} $$<D> $<aws:p?version=1&as=url#/a/b> $<B:?m>", "$<", "${A", "$<a:b%zz>", "\\$<A>"
        ),
    ),
    "bindings": Target(
        _bindings,
        _texts(
            'strict = true\nlookup = ["docker"]\ntimeout = "30s"\n[stores.v]\nprovider = "vault"\nmax_age = "90d"\n'
            '[secrets]\nA = "vault:secret/a#b"\nB = { ref = "docker:b", rotated = 2026-10-01 }\n'
            '[rotation]\nwarn_before = "14d"\n[rotation.patterns]\n"*_KEY" = "365d"\n',
            "[secrets]\nA = 1",
            "a = [",
        ),
    ),
    "policies": Target(
        _policy,
        _texts(
            '[required]\nA = "why it is needed"\n[checks]\nB = "url"\nC = { pattern = "a+" }\nD = { min_length = 3 }\n'
            '[[ignore]]\nrule = "debug-off"\nkey = "A"\nreason = "a reason"\nuntil = 2027-01-01\n',
            "sensitive = [1]",
        ),
    ),
    "templates": Target(
        _template,
        tuple(bytes([row]) + b"# a\n/* b */ a = \"$<aws:app#a>\" ${B:-'x'} <!-- $<C> -->\n" for row in range(16)),
    ),
    "archives": Target(_archive, _archives()),
    "imports": Target(
        _import_any,
        _texts(
            "\0A=1\nB='x'\n",
            "\1services:\n  web:\n    environment:\n      A: 1\n      B: x\n",
            "\2apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {A: eA==}\nstringData: {B: x}\n",
            '\3{"A": "1", "B": true, "C": 1.50}',
            '\4{"A": {"computed": "1", "note": ""}}',
            '\5{"app_a": "1"}',
            "\2kind: &a [*a]\n",
        ),
    ),
    **{
        name: Target(partial(_json, read, DOCUMENTS[name]), (*_seeds(DOCUMENTS[name]), b"\xff{}"))
        for name, read in _JSON_READERS.items()
    },
    **{
        name: Target(partial(_answers, read, DOCUMENTS[name]), _seeds(DOCUMENTS[name]))
        for name, read in _ANSWER_READERS.items()
    },
}


def remove_files(process: int | None = None) -> None:
    """Remove the file that the targets of a process wrote; None: of this process."""
    for folder in ("/dev/shm", tempfile.gettempdir()):
        Path(folder, f"secretsync-fuzz-{process or os.getpid()}").unlink(missing_ok=True)
