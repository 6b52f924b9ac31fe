"""Errors of a Vault server, as outcomes, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.providers.vault.errors import retryable_failure, server_failure
from secretsync.providers.vault.mounts import Mount, MountKind, make_mount, refused
from secretsync.providers.vault.responses import Reply


def reply(status: int, document: dict[str, Any] | None = None, **more: Any) -> Reply:
    """Return an answer."""
    return Reply(status, document, **{"retry_after": None, "location": None, **more})


def errors(*lines: str) -> dict[str, Any]:
    """Return the body of a refusal."""
    return {"errors": list(lines)}


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (reply(307, location="other.test"), "", "it sends us on to other.test (307)"),
        (reply(429, errors(), retry_after=7.0), "", "it is rate limited (429), for another 7 s"),
        (reply(503, errors("sealed")), "sealed", "it is sealed (503)"),
        (reply(503), "", "it failed (503)"),
        (reply(472), "", "it failed (472)"),
        (reply(404), "", "its answer is not Vault's (404)"),
        (reply(200), "", "its answer is not Vault's (200)"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else None,
)
def test_failures_of_the_server(answer: Reply, state: str, words: str) -> None:
    """An answer that is not about the secret is unavailable, with its status."""
    failed = server_failure(answer, state)
    assert failed.kind is ProblemKind.UNAVAILABLE
    assert failed.cause == words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(429), "it is rate limited (429)"),
        (reply(502), "it failed (502)"),
        (reply(503, errors("Vault is sealed")), "it is sealed (503)"),
    ],
    ids=["429", "502", "sealed"],
)
def test_the_cause_of_retries(answer: Reply, words: str) -> None:
    """The cause of the last try has the status, and no text of the server."""
    assert retryable_failure(answer).cause == words


KV2, KV1, UNKNOWN = (Mount("secret", kind) for kind in (MountKind.KV2, MountKind.KV1, MountKind.UNKNOWN))


@pytest.mark.parametrize(
    ("answer", "mount", "kind", "words"),
    [
        (reply(403, errors()), KV2, ProblemKind.DENIED, "the token may not read secret/data/app (403)"),
        (reply(403, errors()), KV1, ProblemKind.DENIED, "the token may not read secret/app (403)"),
        (reply(403, errors()), UNKNOWN, ProblemKind.DENIED, "the token may not read secret/data/app (403)"),
        (reply(404, errors("no handler for route")), KV2, ProblemKind.UNUSABLE, "nothing is mounted at secret/app"),
        (reply(404, errors()), KV2, None, "there is no secret/app"),
        (reply(400, errors("unknown role: x")), KV1, None, "there is no secret/app"),
        (reply(400, errors("Upgrading from non-versioned")), KV2, ProblemKind.UNAVAILABLE, "is being upgraded"),
        (reply(405, errors()), KV1, ProblemKind.UNUSABLE, "it takes other operations (405)"),
        (reply(400, errors("x")), KV1, ProblemKind.UNAVAILABLE, "Vault does not accept to read secret/app (400)"),
    ],
    ids=str,
)
def test_refusals(answer: Reply, mount: Mount, kind: ProblemKind | None, words: str) -> None:
    """Each refusal of a path is missing, denied, unusable or unavailable."""
    outcome = refused(answer, "secret/app", mount)
    assert isinstance(outcome, Missing) if kind is None else isinstance(outcome, Failed) and outcome.kind is kind
    assert words in outcome.cause


@pytest.mark.parametrize(
    ("engine", "options", "kind"),
    [
        ("kv", {"version": "2"}, MountKind.KV2),
        ("kv", {"version": "1"}, MountKind.KV1),
        ("kv", None, MountKind.KV1),
        ("generic", {}, MountKind.KV1),
        ("cubbyhole", None, MountKind.KV1),
        ("database", {"version": "2"}, MountKind.OTHER),
    ],
)
def test_mounts(engine: str, options: object, kind: MountKind) -> None:
    """The engine and its version decide how a secret is read."""
    assert make_mount(reply(200, {"data": {"path": "a/b/", "type": engine, "options": options}})) == Mount(
        "a/b", kind, engine
    )
