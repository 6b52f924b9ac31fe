"""Values of Key Vault: what is asked, what each answer means, and how long it may take."""

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.errors import ConfigurationError, ProblemKind
from secretsync.core.model import Failed, Found, Missing, Outcome, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import Deadline, StoreContext
from tests.contract.stores_azure import AzureStore
from tests.servers import faults
from tests.servers.azure import AzureWorld, forbidden, throttled
from tests.servers.loopback import Connection, Fault, Real
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG, STALL
from tests.support.processes import clean_environment, run_command

DAY = 86400.0


@pytest.fixture
def store(azure: AzureWorld) -> AzureStore:
    """Return an empty vault."""
    return AzureStore(azure)


def ask(provider: AzureProvider, refs: Sequence[SecretRef], seconds: float = HANG) -> dict[SecretRef, Any]:
    """Return the answers for `refs`, each of which must be answered once."""
    answers = list(provider.fetch(refs, Deadline(seconds)))
    assert sorted((ref for ref, _ in answers), key=str) == sorted(refs, key=str)
    return dict(answers)


def ask_one(store: AzureStore, name: str, *, version: str | None = None, seconds: float = HANG) -> Outcome[Payload]:
    """Return the answer for one secret."""
    ref = store.ref(name, version=version)
    outcome: Outcome[Payload] = ask(store.provider(), (ref,), seconds)[ref]
    return outcome


def gets(store: AzureStore) -> int:
    """Return the number of requests with a token for a value."""
    return store.world.requests.count("get*")


# What is asked


def test_the_first_alone_then_the_others(store: AzureStore, canary: CanaryFactory) -> None:
    """100 secrets are 100 reads, one challenge and one token, over no more connections than workers."""
    values = {f"app-{number}": canary() for number in range(100)}
    for name, value in values.items():
        store.put(name, value)
    answers = ask(store.provider(), [store.ref(name) for name in values])
    assert {ref.path: outcome.value.reveal() for ref, outcome in answers.items()} == values
    counted = store.world.requests.operations
    assert counted["get"] == 100
    assert counted["challenge"] == 1
    assert counted["token"] == 1
    assert counted.total() <= 104
    assert store.world.requests.connections <= 16 + 1  # the authority's


def test_a_warm_provider_asks_in_parallel_at_once(store: AzureStore, canary: CanaryFactory) -> None:
    """The second round needs no challenge and no token any more."""
    for number in range(8):
        store.put(f"app-{number}", canary())
    provider, refs = store.provider(), [store.ref(f"app-{number}") for number in range(8)]
    ask(provider, refs[:1])
    store.world.requests.clear()
    gate = faults.Gate()
    store.world.keyvault.fail(faults.hold(gate), "get")
    answers = provider.fetch(refs, Deadline(HANG))
    first = next_in_thread(answers)
    store.world.requests.wait_for(8, "get")
    gate.open()
    assert isinstance(first()[1], Found)
    assert len(list(answers)) == 7
    assert store.world.requests.operations == {"get": 8}


def next_in_thread(answers: Any) -> Callable[[], Any]:
    """Begins `next(answers)` in a thread; the call returned waits for it."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(next, answers)
    pool.shutdown(wait=False)
    return lambda: future.result(HANG)


def test_version_and_creation_come_with_the_value(store: AzureStore, canary: CanaryFactory) -> None:
    """A payload knows its version and when that was made."""
    version = store.put("app", canary())
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Found)
    assert outcome.value.version == version
    assert outcome.value.created is not None
    assert outcome.value.created.utcoffset() is not None


@pytest.mark.parametrize("version", ["versions", "", "ab12", "../other", "0" * 31, "0" * 33])
def test_what_is_no_version_is_not_asked(store: AzureStore, canary: CanaryFactory, version: str) -> None:
    """A version is 32 hexadecimal digits; `versions` would be another call of the service."""
    store.put("app", canary())
    outcome = ask_one(store, "app", version=version)
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.CONFIGURATION
    assert not store.world.requests.log


def test_a_bad_version_is_not_the_first_alone(store: AzureStore, canary: CanaryFactory) -> None:
    """A secret that is not requested cannot get a challenge for the others."""
    refs = [store.ref("app", version="wrong")]
    for number in range(20):
        store.put(f"app-{number}", canary())
        refs.append(store.ref(f"app-{number}"))
    answers = ask(store.provider(), refs)
    assert [type(answers[ref]) for ref in refs] == [Failed] + [Found] * 20
    assert store.world.requests.operations["challenge"] == 1


def test_names() -> None:
    """Names have no underscore. The message does not repeat the name, because it may be a pasted secret."""
    check = AzureProvider.spec.check_path
    assert check("db-Password-1") is None
    assert "a hyphen in place of each" in str(check("db_password"))
    assert "password" not in str(check("db_password"))
    for wrong in ("", "a" * 128, "a/b", "a.b", "ä", "a\n", "versions/1"):
        assert check(wrong) is not None, wrong


# What answers mean

NOT_YET, EXPIRED = {"not_before": time.time() + DAY}, {"expires": time.time() - DAY}


@pytest.mark.parametrize(
    ("attributes", "words"),
    [({"enabled": False}, "disabled"), (EXPIRED, "expired at 20"), (NOT_YET, "not valid before 20")],
    ids=["disabled", "expired", "not yet valid"],
)
@pytest.mark.parametrize("pinned", [False, True])
def test_unusable(
    store: AzureStore, canary: CanaryFactory, attributes: dict[str, Any], words: str, *, pinned: bool
) -> None:
    """The service gives expired secrets like any other; here they are refused, each with its own message."""
    version = store.vault.set("app", canary(), **attributes).id
    outcome = ask_one(store, "app", version=version if pinned else None)
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNUSABLE
    assert words in outcome.cause
    assert gets(store) == 1


def test_a_disabled_newest_version_is_not_replaced_by_an_older_one(store: AzureStore, canary: CanaryFactory) -> None:
    """Disabled is disabled, whatever was there before."""
    store.put("app", canary())
    store.put("app", canary())
    store.disable("app")
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNUSABLE


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ForbiddenByRbac", "Key Vault Secrets User"),
        ("ForbiddenByPolicy", "--secret-permissions get"),
        ("ForbiddenByFirewall", "firewall"),
        ("ForbiddenByConnection", "public networks"),
    ],
)
def test_denied(store: AzureStore, canary: CanaryFactory, reason: str, words: str) -> None:
    """Denied names the service's reason and the right that is missing, after one request."""
    store.put("app", canary())
    store.vault.refusals["app"] = forbidden(reason)
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert reason in outcome.cause
    assert words in f"{outcome.cause} {outcome.hint}"
    assert gets(store) == 1


def test_missing(store: AzureStore, canary: CanaryFactory) -> None:
    """A secret, a version and a deleted secret that are not there are missing, after one request each."""
    store.put("app", canary())
    store.put("deleted", canary())
    store.vault.delete("deleted")
    assert isinstance(ask_one(store, "other"), Missing)
    assert isinstance(ask_one(store, "deleted"), Missing)
    assert isinstance(ask_one(store, "app", version="0" * 32), Missing)
    assert gets(store) == 3


def answer(**document: object) -> Fault:
    """Return a 200 with this JSON."""
    return faults.respond(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


GARBLED = {
    "page": faults.html(),
    "empty": faults.empty(),
    "cut JSON": faults.respond(200, b'{"value": "x', {"Content-Type": "application/json"}),
    "list": faults.respond(200, b'["x"]', {"Content-Type": "application/json"}),
    "text": faults.respond(200, b'"x"', {"Content-Type": "application/json"}),
    "null": faults.respond(200, b"null", {"Content-Type": "application/json"}),
    "not UTF-8": faults.respond(200, b'{"value": "\xff"}', {"Content-Type": "application/json"}),
    "nothing in it": answer(),
    "no id": answer(value="x", attributes={"enabled": True}),
    "404 of a proxy": faults.html(404),
    "404 of something": faults.respond(404, b'{"error": {"code": "NotFound"}}', {"Content-Type": "application/json"}),
    "redirect": faults.respond(307, b"", {"Location": "https://elsewhere.vault.azure.net/secrets/app"}),
    "400": faults.respond(400, b'{"error": {"code": "BadParameter"}}', {"Content-Type": "application/json"}),
}


@pytest.mark.parametrize("case", GARBLED)
def test_garbled(store: AzureStore, canary: CanaryFactory, case: str) -> None:
    """A response that cannot be read is unavailable, never missing or empty, and is not requested again."""
    store.put("app", canary())
    store.world.keyvault.fail(GARBLED[case], "get")
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert "gave no answer" not in outcome.cause
    assert gets(store) == 1


def test_a_redirect_is_not_followed(store: AzureStore, canary: CanaryFactory) -> None:
    """No other host is asked, not even another vault that would take the token."""
    other = store.world.vault()
    other.set("app", canary())
    store.world.keyvault.fail(
        faults.respond(307, b"", {"Location": f"{other.url}/secrets/app/?api-version=7.4"}), "get"
    )
    assert isinstance(ask_one(store, "app"), Failed)
    hosts = {request.headers["Host"] for request in store.world.requests.log}
    assert f"{other.name}.vault.azure.net" not in hosts


@pytest.mark.parametrize("value", [None, 5, ["x"], {"x": "y"}, True])
def test_a_bundle_without_a_text(store: AzureStore, value: object) -> None:
    """A value that is not there, or is no text, has failed."""
    where = f"{store.vault.url}/secrets/app/{'0' * 32}"
    document = {"id": where, "attributes": {"enabled": True}, **({} if value is None else {"value": value})}
    store.world.keyvault.fail(answer(**document), "get")
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE


@pytest.mark.parametrize(
    "where",
    ["secrets/other/VERSION", "secrets/app", "keys/app/VERSION", "https://other.vault.azure.net/secrets/app/VERSION"],
)
def test_an_answer_about_something_else(store: AzureStore, canary: CanaryFactory, where: str) -> None:
    """The id in the answer must be that of the secret that was asked for."""
    made = where.replace("VERSION", "0" * 32)
    made = made if made.startswith("https") else f"{store.vault.url}/{made}"
    store.world.keyvault.fail(answer(value=canary(), id=made, attributes={"enabled": True}), "get")
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE


def test_an_answer_about_another_version(store: AzureStore, canary: CanaryFactory) -> None:
    """A pinned version is that version."""
    store.put("app", canary())
    other = f"{store.vault.url}/secrets/app/{'1' * 32}"
    store.world.keyvault.fail(answer(value=canary(), id=other, attributes={"enabled": True}), "get version")
    outcome = ask_one(store, "app", version="0" * 32)
    assert isinstance(outcome, Failed)
    assert "another" in outcome.cause


# Retries


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_mended_by_a_retry(store: AzureStore, canary: CanaryFactory, status: int) -> None:
    """Two bad answers and a good one are a value."""
    store.put("app", value := canary())
    store.world.keyvault.fail(faults.respond(status), "get", times=2)
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Found)
    assert outcome.value.reveal() == value
    assert gets(store) == 3


def test_asked_until_the_deadline(store: AzureStore, canary: CanaryFactory) -> None:
    """A request that keeps failing is made again up to the deadline, whose outcome names the cause."""
    store.put("app", canary())
    store.world.keyvault.fail(faults.respond(503), "get")
    [outcome] = ask(store.provider(), [store.ref("app")], seconds=2.5).values()
    assert isinstance(outcome, Failed)
    assert "503" in outcome.cause
    assert gets(store) > 3


def test_retry_after_is_honoured(store: AzureStore, canary: CanaryFactory) -> None:
    """The service is left alone for as long as it asks."""
    store.put("app", canary())
    store.world.keyvault.fail(throttled(retry_after=1), "get", times=1)
    assert isinstance(ask_one(store, "app"), Found)
    first, second = (request.at for request in store.world.requests.log if request.operation == "get")
    assert second - first >= 1.0


def test_a_rest_longer_than_the_deadline_is_not_waited_for(store: AzureStore, canary: CanaryFactory) -> None:
    """Throttled past the deadline is said at once, for all secrets, after one request."""
    for number in range(5):
        store.put(f"app-{number}", canary())
    store.world.keyvault.fail(throttled(retry_after=60), "get")
    began = time.monotonic()
    answers = ask(store.provider(), [store.ref(f"app-{number}") for number in range(5)], seconds=50.0)
    assert time.monotonic() - began < 50.0
    for outcome in answers.values():
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.UNAVAILABLE
        assert "429" in outcome.cause
        assert "60 s" in str(outcome.hint)
    assert gets(store) == 1


def test_one_bad_secret_spoils_no_other(store: AzureStore, canary: CanaryFactory) -> None:
    """A failure of a secret's own, of the first too, leaves the others."""
    names = ["denied", "missing", "disabled", "good", "fine"]
    for name in ("denied", "disabled", "good", "fine"):
        store.put(name, canary())
    store.deny("denied")
    store.disable("disabled")
    answers = ask(store.provider(), [store.ref(name) for name in names])
    assert [type(outcome) for outcome in answers.values()].count(Found) == 2
    assert isinstance(answers[store.ref("missing")], Missing)


# The deadline

BROKEN: dict[str, Callable[[AzureWorld], None]] = {
    "refused": lambda world: world.keyvault.refuse(),
    "proxy refused": lambda world: world.proxy.refuse(),
    "silent": lambda world: world.keyvault.fail(faults.silence()),
    "no handshake": lambda world: world.keyvault.mute(),
    "black hole": lambda world: world.proxy.black_hole(),
    "dripping": lambda world: world.keyvault.fail(faults.drip(0.2)),
    "reset": lambda world: world.keyvault.fail(faults.reset()),
    "cut": lambda world: world.keyvault.fail(faults.cut()),
    "silent vault": lambda world: world.keyvault.fail(faults.silence(), "get"),
    "silent authority": lambda world: world.keyvault.fail(faults.silence(), "token"),
    "dripping authority": lambda world: world.keyvault.fail(faults.drip(0.2), "token"),
    "broken authority": lambda world: world.keyvault.fail(faults.respond(503), "token"),
    "page for a token": lambda world: world.keyvault.fail(faults.html(), "token"),
    "resetting authority": lambda world: world.keyvault.fail(faults.reset(), "token"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_deadline_holds(store: AzureStore, canary: CanaryFactory, case: str) -> None:
    """However a server fails, every reference is unavailable by the deadline."""
    for number in range(20):
        store.put(f"app-{number}", canary())
    BROKEN[case](store.world)
    provider = store.provider()
    began = time.monotonic()
    answers = ask(provider, [store.ref(f"app-{number}") for number in range(20)], seconds=1.5)
    provider.close()
    assert time.monotonic() - began < 1.5 + STALL
    for outcome in answers.values():
        assert isinstance(outcome, Failed), outcome
        assert outcome.kind is ProblemKind.UNAVAILABLE
    assert store.world.requests.count() <= 12


# Tokens


def test_a_revoked_token_is_renewed_once(store: AzureStore, canary: CanaryFactory) -> None:
    """Tokens that end in the middle of 50 secrets cost one more token, and no secret."""
    for number in range(50):
        store.put(f"app-{number}", canary())

    def revoke(connection: Connection, real: Real) -> bool:
        store.world.keyvault.revoke_tokens()
        connection.send(real().to_bytes())
        return True

    store.world.keyvault.fail(revoke, "get", after=20, times=1)
    answers = ask(store.provider(), [store.ref(f"app-{number}") for number in range(50)])
    assert all(isinstance(outcome, Found) for outcome in answers.values())
    assert store.world.requests.count("token") == 2


def test_a_token_that_is_never_taken(store: AzureStore, canary: CanaryFactory) -> None:
    """A vault that takes no token is denied, after one renewal and for all secrets at once."""
    for number in range(5):
        store.put(f"app-{number}", canary())
    store.world.keyvault.token_lifetime = 0
    answers = ask(store.provider(), [store.ref(f"app-{number}") for number in range(5)])
    for outcome in answers.values():
        assert isinstance(outcome, Failed)
        assert outcome.kind is ProblemKind.DENIED
        assert "token" in outcome.cause
    assert store.world.requests.count("get") <= 4


# Where the vault is


_FORK = """
import json, os, sys
from secretsync.core.model import Found, SecretRef
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import Deadline, StoreContext

seconds, settings = json.loads(sys.argv[1])
context = StoreContext(store="azure", environment="test", settings=settings, environ=dict(os.environ))
provider, ref = AzureProvider(context), SecretRef("azure", "app")

def is_found():
    outcome = dict(provider.fetch((ref,), Deadline(seconds)))[ref]
    return isinstance(outcome, Found)

found = [is_found()]
child = os.fork()
if child == 0:
    os._exit(0 if is_found() else 1)
found += [os.waitpid(child, 0)[1] == 0, is_found()]
print(json.dumps(found))
"""


def test_one_provider_before_and_after_a_fork(store: AzureStore, canary: CanaryFactory, tmp_path: Path) -> None:
    """A child does not write to its parent's connections, although it has the provider."""
    store.put("app", canary())
    # A process of its own, because a thread of the server's might hold a lock of OpenSSL while this process forks.
    argv = [sys.executable, "-W", "ignore", "-c", _FORK, json.dumps([HANG, {"vault_url": store.vault.url}])]
    before = store.world.requests.connections
    done = run_command(
        argv, cwd=tmp_path, env=clean_environment(tmp_path, {**store.environ, **store.world.network}), expect=0
    )
    assert json.loads(done.stdout) == [True, True, True]
    in_one_process = 2  # one to the vault, one for the token
    assert store.world.requests.connections == before + in_one_process + 1


def test_a_host_that_is_no_key_vault_gets_no_token(store: AzureStore) -> None:
    """A challenge for a token of Key Vault is not answered to a host outside its domain."""
    challenge = 'Bearer authorization="https://login.microsoftonline.com/x", resource="https://vault.azure.net"'
    store.world.keyvault.fail(faults.respond(401, b"", {"WWW-Authenticate": challenge}))
    url = f"https://localhost:{store.world.keyvault.port}"
    context = StoreContext(store="azure", environment="test", settings={"vault_url": url}, environ=store.environ)
    ref = store.ref("app")
    outcome = ask(AzureProvider(context), (ref,))[ref]
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.CONFIGURATION
    assert "Key Vault" in outcome.cause
    assert store.world.requests.count() == 1
    assert not store.world.requests.log[0].headers.get("Authorization")


def test_a_certificate_that_is_not_trusted(
    store: AzureStore, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the authority's certificate there is no request at all, and no second try."""
    store.put("app", canary())
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert "certificate" in outcome.cause
    assert not store.world.requests.log
    assert store.world.proxy.requests.count() == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read(
    store: AzureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """A bundle that is not there, or is none, is a matter of configuration."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.CONFIGURATION
    assert "REQUESTS_CA_BUNDLE" in str(outcome.hint)


def test_a_certificate_of_another_host(store: AzureStore) -> None:
    """The certificate must be the host's own."""
    context = StoreContext(
        store="azure",
        environment="test",
        settings={"vault_url": "https://a.b.vault.azure.net"},
        environ=store.environ,
    )
    ref = store.ref("app")
    outcome = ask(AzureProvider(context), (ref,))[ref]
    assert isinstance(outcome, Failed)
    assert "certificate" in outcome.cause
    assert not store.world.requests.log


@pytest.mark.parametrize(
    "url",
    [
        "http://kv.vault.azure.net",
        "kv.vault.azure.net",
        "https://",
        "https://user@kv.vault.azure.net",
        "https://kv.vault.azure.net/secrets/x",
        "https://kv.vault.azure.net?x=y",
        "https://kv.vault.azure.net:port",
        "https://[kv",
        None,
    ],
)
def test_vault_url_is_checked(url: str | None) -> None:
    """Only https, a host and nothing else."""
    settings = {"vault_url": url} if url else {}
    with pytest.raises(ConfigurationError, match="vault_url"):
        AzureProvider(StoreContext(store="azure", environment="test", settings=settings))


def test_vault_url_from_the_environment(store: AzureStore, canary: CanaryFactory) -> None:
    """AZURE_KEYVAULT_URL counts where the bindings say nothing; a slash at the end does not matter."""
    store.put("app", canary())
    environ = {**store.environ, "AZURE_KEYVAULT_URL": f"{store.vault.url}/"}
    ref = store.ref("app")
    provider = AzureProvider(StoreContext(store="azure", environment="test", environ=environ))
    assert isinstance(ask(provider, (ref,))[ref], Found)


@pytest.mark.parametrize("operation", ["get", "token"])
@pytest.mark.parametrize("large", faults.LARGE)
def test_a_large_answer(store: AzureStore, canary: CanaryFactory, large: str, operation: str) -> None:
    """An answer of the vault or of Entra ID is bounded after it was decompressed, and asked for once."""
    store.put("app", canary())
    store.world.keyvault.fail(faults.LARGE[large](), operation)
    outcome = ask_one(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert faults.is_refused_as_large(outcome.cause)
    assert store.world.requests.count(operation) == 1


@pytest.mark.parametrize("is_chunked", [True, False])
def test_an_endless_answer(store: AzureStore, canary: CanaryFactory, *, is_chunked: bool) -> None:
    """After the deadline nothing is read any more."""
    store.put("app", canary())
    provider, ref, ended = store.provider(), store.ref("app"), threading.Event()
    assert isinstance(ask(provider, (ref,))[ref], Found)
    store.world.keyvault.fail(faults.endless(ended, is_chunked=is_chunked), "get")
    outcome = ask(provider, (ref,), seconds=0.7)[ref]
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
    assert ended.wait(HANG)
