"""In a fresh process, with all debugging on, no SDK prints a credential, a token or a value."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from secretsync.providers.registry import BUILT_IN
from tests.servers.aws import REGION, AwsAccount, ContainerCredentials, Principal
from tests.servers.azure import AzureWorld
from tests.servers.faults import FaultProxy, running
from tests.servers.loopback import Connection, LoopbackServer, Real, Request, Response, json_response
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command

# All three debugging switches that applications use; then each call of a provider; then what became of the loggers.
SCRIPT = """
import http.client, importlib, json, logging, os, sys, warnings

http.client.HTTPConnection.debuglevel = 1
warnings.simplefilter("always")
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
module, name, settings, path = json.loads(sys.argv[1])

def loggers():
    known = logging.root.manager.loggerDict.items()
    found = {key: one for key, one in known if isinstance(one, logging.Logger)}
    return {key: [one.level, len(one.handlers), len(one.filters), one.propagate, one.disabled, type(one).__name__]
            for key, one in {**found, "root": logging.root}.items()}

from secretsync.core.errors import SecretSyncError
from secretsync.core.model import Found, SecretRef
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.sdk_logging import silenced

provider = getattr(importlib.import_module(module), name)(
    StoreContext(store="store", environment="test", settings=settings, environ=dict(os.environ)))
before, printing = loggers(), (logging.Logger.handle, logging.Logger.isEnabledFor, print, warnings._showwarnmsg)
refs = (SecretRef("store", path),)
outcomes = [outcome for ask in (provider.fetch, provider.describe) for _, outcome in ask(refs, Deadline(10))]
try:
    provider.identity()
except SecretSyncError:
    pass
provider.close()
after = loggers()
assert printing == (logging.Logger.handle, logging.Logger.isEnabledFor, print, warnings._showwarnmsg)
with silenced():
    for key in (one for one in after if not one.startswith("secretsync")):
        logging.getLogger(key if key != "root" else None).critical("HEARD %s", key)
sys.stdout.write(json.dumps({"before": before, "after": after, "found": [isinstance(o, Found) for o in outcomes]}))
"""

PROVIDERS = {name: target.split(":") for name, target in BUILT_IN.items()}

# Loggers that SDKs make when they are imported or first used.
MADE = (
    "asyncio",
    "azure",
    "bcdocs",
    "boto3",
    "botocore",
    "charset_normalizer",
    "concurrent",
    "hvac",
    "msal",
    "msal_extensions",
    "requests",
    "s3transfer",
    "urllib3",
)


@dataclasses.dataclass
class Case:
    """An identity at a store: where a secret is, what a process needs to read it, and what must never be printed."""

    store: str
    path: str
    environ: Mapping[str, str]
    servers: list[LoopbackServer]
    credentials: list[str]
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Worlds:
    """All that the cases are built from."""

    request: pytest.FixtureRequest
    folder: Path
    home: Path
    canary: CanaryFactory

    def proxy(self, url: str) -> FaultProxy:
        """Return a proxy before `url`, which plays faults."""
        started: FaultProxy = self.request.getfixturevalue("fault_proxy")(url)
        return started


class SsoPortal(LoopbackServer):
    """The portal of IAM Identity Center: keys of a role for who brings the token of a sign-in."""

    def __init__(self, principal: Principal, token: str) -> None:
        self._principal, self._token = principal, token
        super().__init__()

    def answer(self, request: Request) -> Response:
        """Return the keys of a role."""
        if request.path != "/federation/credentials" or request.headers["x-amz-sso_bearer_token"] != self._token:
            return json_response({"message": "Session token not found or invalid"}, 401)
        keys = {"accessKeyId": self._principal.access_key, "secretAccessKey": self._principal.secret_key}
        token = {"sessionToken": self._principal.token, "expiration": 4102444800000}
        return json_response({"roleCredentials": {**keys, **token}})


def _keys(principal: Principal) -> list[str]:
    return [secret for secret in (principal.secret_key, principal.token) if secret]


def _aws(worlds: Worlds, how: str) -> Iterator[Case]:
    aws: AwsAccount = worlds.request.getfixturevalue("aws")
    name = aws.create("app", worlds.canary()).split(":secret:")[1][:-7]
    proxy = worlds.proxy(aws.url)
    user = aws.principal()
    session = aws.assume(aws.role(), user)
    case = Case("aws", name, {}, [proxy], [])
    if how in ("static", "session"):
        who = user if how == "static" else session
        yield dataclasses.replace(case, environ=aws.environ(who, url=proxy.url), credentials=_keys(who))
    elif how == "web identity":
        environ = aws.pod(worlds.folder, url=proxy.url)
        token = Path(environ["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text(encoding="utf-8")
        yield dataclasses.replace(case, environ=environ, credentials=[token])
    elif how == "container":
        task = ContainerCredentials(session)
        with running(task):
            credentials = [task.token, *_keys(session)]
            yield dataclasses.replace(
                case, environ=task.environ(proxy.url), servers=[proxy, task], credentials=credentials
            )
    else:
        portal = SsoPortal(session, token := worlds.canary())
        with running(portal):
            yield dataclasses.replace(
                case,
                environ={**_signed_in(worlds.home, token), "AWS_ENDPOINT_URL": proxy.url}
                | {"AWS_ENDPOINT_URL_SSO": portal.url},
                servers=[proxy, portal],
                credentials=[token, *_keys(session)],
            )


def _signed_in(home: Path, token: str) -> dict[str, str]:
    """Return the files that `aws sso login` leaves behind, and the variables of a process that uses them."""
    start = "https://example.awsapps.com/start"
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    (home / ".aws" / "config").write_text(
        f"[profile app]\nsso_start_url = {start}\nsso_region = us-east-1\nsso_account_id = 000000000000\n"
        f"sso_role_name = app\nregion = {REGION}\n"
    )
    kept = {"startUrl": start, "region": "us-east-1", "accessToken": token, "expiresAt": "2099-01-01T00:00:00Z"}
    file = hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()
    (cache / f"{file}.json").write_text(json.dumps(kept))
    return {"AWS_PROFILE": "app", "AWS_EC2_METADATA_DISABLED": "true"}


def _vault(worlds: Worlds, how: str) -> Iterator[Case]:
    vault: VaultSpace = worlds.request.getfixturevalue("vault")
    mount = vault.kv2()
    vault.write(mount, "app", {"key": worlds.canary()})
    policy, proxy = vault.policy(f"{mount}/*"), worlds.proxy(vault.url)
    auth: dict[str, object]
    environ, auth, credentials = vault.environ(url=proxy.url), {"method": how.rpartition(" ")[2]}, []
    if how == "token":
        credentials = [vault.token(policy)]
        environ["VAULT_TOKEN"] = credentials[0]
    elif how.endswith("approle"):
        wrapped = how.startswith("wrapped")
        role = vault.approle(policy, wrap="60s" if wrapped else None)
        auth |= {"mount": role.mount, "role_id": role.role_id} | ({"wrapped": True} if wrapped else {})
        credentials = [role.secret_id]
        environ["VAULT_SECRET_ID"] = role.secret_id
    elif how == "userpass":
        user = vault.userpass(policy)
        auth |= {"mount": user.mount, "username": user.username}
        credentials = [user.password]
        environ["VAULT_PASSWORD"] = user.password
    elif how == "jwt":
        signer = vault.jwt(policy)
        auth |= {"mount": signer.mount, "role": signer.role}
        credentials = [signer.sign()]
        environ["VAULT_JWT"] = credentials[0]
    else:
        pod = vault.kubernetes(policy)
        (worlds.folder / "pod").write_text(pod.token)
        auth |= {"mount": pod.mount, "role": pod.role, "jwt_file": str(worlds.folder / "pod")}
        credentials = [pod.token]
    yield Case("vault", f"{mount}/app", environ, [proxy], credentials, {"auth": auth})


def _azure(worlds: Worlds, how: str) -> Iterator[Case]:
    world: AzureWorld = worlds.request.getfixturevalue("azure")
    vault, principal = world.vault(), world.principal()
    vault.set("app", worlds.canary())
    environ = {**getattr(world, how)(principal), **world.network}
    credentials = [principal.secret] if how == "client_secret" else []
    if "AZURE_FEDERATED_TOKEN_FILE" in environ:
        credentials.append(Path(environ["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="utf-8"))
    credentials += [environ["IDENTITY_HEADER"]] if "IDENTITY_HEADER" in environ else []
    yield Case("azure", "app", environ, [world.keyvault, *world.endpoints], credentials, {"vault_url": vault.url})


CASES: dict[str, tuple[Callable[[Worlds, str], Iterator[Case]], str]] = {
    **{f"aws {how}": (_aws, how) for how in ("static", "session", "web identity", "container", "sso")},
    **{
        f"vault {how}": (_vault, how)
        for how in ("token", "approle", "wrapped approle", "userpass", "jwt", "kubernetes")
    },
    **{
        f"azure {how}": (_azure, how)
        for how in ("client_secret", "workload_identity", "managed_identity", "machine_identity")
    },
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path, home: Path, canary: CanaryFactory) -> Iterator[Case]:
    """Each identity of each store."""
    build, how = CASES[request.param]
    yield from build(Worlds(request, tmp_path, home, canary), how)


def lose_a_byte(connection: Connection, real: Real) -> bool:
    """Send the real answer without its last byte, as plain text. It is not JSON, and SDKs report it with its body."""
    answer = real()
    connection.send(Response(answer.status, answer.body.rstrip()[:-1], {"Content-Type": "text/plain"}).to_bytes())
    return True


@pytest.mark.parametrize("is_faulty", [False, True], ids=["good", "faulty"])
def test_nothing_is_printed(case: Case, tmp_path: Path, home: Path, is_faulty: bool) -> None:
    """With the root logger at DEBUG, http.client's debug output and all warnings on, not a line is printed."""
    if is_faulty:
        for server in case.servers:
            server.fail(lose_a_byte)
    argument = json.dumps([*PROVIDERS[case.store], case.settings, case.path])
    environ = clean_environment(home, case.environ)
    if case.store == "azure":
        del environ["PATH"]  # a CLI of Azure would be an identity as well
    ran = run_command([sys.executable, "-c", SCRIPT, argument], cwd=tmp_path, env=environ, expect=0)
    for secret in case.credentials:
        assert secret not in f"{ran.stdout}{ran.stderr}"
    assert ran.stderr == ""
    report = json.loads(ran.stdout)
    assert report["found"] == [not is_faulty] * 2
    assert sum(len(server.requests.log) for server in case.servers) > 0
    before, after = report["before"], report["after"]
    assert {name: after[name] for name in before} == before
    made = {name: state for name, state in after.items() if name not in before}
    assert {name.partition(".")[0] for name in made} <= {*MADE, "secretsync"}
    # No level, filter or switch is left behind at those that were made; a handler there is a library's NullHandler.
    for level, _, filters, is_propagated, is_disabled, _ in made.values():
        assert (level, filters, is_propagated, is_disabled) == (0, 0, True, False)
