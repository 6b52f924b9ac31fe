"""Reads from AWS, Vault and Azure Key Vault through a proxy that adds the time of a round trip, beside other tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import certifi

from benchmarks.local import set_up_of_second_call, varlock
from benchmarks.measure import Command
from benchmarks.network import Server, start_aws, start_proxy
from benchmarks.projects import PROFILE, link_npm, make_store_project
from benchmarks.tables import OURS, Table
from benchmarks.tools import Tools, commands, proves
from tests.servers.azure import start_azure
from tests.servers.certificates import CertificateAuthority
from tests.servers.faults import delay
from tests.servers.openbao import start_openbao
from tests.support.processes import clean_environment

STORED = 5000  # secrets in AWS, for `check-rotation`
_LOOP = (
    'sep="{{"; for name in $(cat names); do printf \'%s"%s":"%s"\' "$sep" "$name" "$({})" || exit 1; sep=,; done; '
    'echo "}}"'
)
_AWS_CLI = f'"$@" secretsmanager get-secret-value --secret-id "{PROFILE}/$name" --query SecretString --output text'
_BAO = f'"$@" kv get -mount=secret -field=value "{PROFILE}/$name"'
# Other tools need minutes for more secrets.
_MOST = {"shell loop over aws": 20, "shell loop over bao": 100, OURS: 2000, "secretspec": 2000, "floor": 2000}
_MOST_OF_OTHERS = 100


@dataclass(frozen=True)
class Stores:
    """The servers behind their proxies, and what a process needs to read from them.

    `direct`: the environment without a proxy. `counts`: returns the requests to AWS and Vault, and the connections to
    the proxies, since its last call.
    """

    environ: Mapping[str, str]
    direct: Mapping[str, str]
    tls: Mapping[str, str]
    counts: Callable[[], tuple[int, int]]
    vault_port: int
    round_trip: float  # seconds


@contextmanager
def start_stores(folder: Path, size: int, latency: float) -> Iterator[Stores]:
    """Start AWS, plain and with TLS, Vault, and a proxy before each; fill them with `size` secrets."""
    names = [f"SECRET_{number}" for number in range(size)]
    values = {f"{PROFILE}/{name}": f"value of {name}" for name in names}
    values |= {f"json/{name}": json.dumps({name: f"value of {name}"}) for name in names}
    certificate, bundle = _certificates(folder / "tls")
    with ExitStack() as stack:

        def keep(server: Server) -> Server:
            stack.callback(server.stop)
            return server

        openbao = start_openbao(folder / "openbao")
        stack.callback(openbao.process.stop)
        vault = openbao.space()
        for name in names:
            vault.write("secret", f"{PROFILE}/{name}", {"value": f"value of {name}"})
        servers = {"aws": keep(start_aws(values)), "tls": keep(start_aws(values, certificate))}
        ports = {store: server.port for store, server in servers.items()}
        ports["vault"] = int(vault.url.rpartition(":")[2])
        proxies = {store: keep(start_proxy(port, latency)) for store, port in ports.items()}

        def counts() -> tuple[int, int]:
            taken = {store: proxy.take() for store, proxy in proxies.items()}
            asked = sum(server.take()[0] for server in servers.values()) + taken["vault"][0]
            return asked, sum(connections for _, connections in taken.values())

        token = vault.token(vault.policy("secret/*"))
        identity = {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "the-key-of-a-benchmark",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }

        def environ(aws: int, vault_port: int) -> dict[str, str]:
            urls = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}"}
            return {
                **clean_environment(folder, {}),
                **identity,
                **urls,
                **vault.environ(token, url=f"http://127.0.0.1:{vault_port}"),
            }

        near = environ(proxies["aws"].port, proxies["vault"].port)
        yield Stores(
            environ=near,
            direct=environ(ports["aws"], ports["vault"]),
            tls={
                **near,
                "AWS_ENDPOINT_URL": f"https://127.0.0.1:{proxies['tls'].port}",
                "AWS_CA_BUNDLE": str(bundle),
                "SSL_CERT_FILE": str(bundle),
            },
            counts=counts,
            vault_port=proxies["vault"].port,
            round_trip=latency,
        )


def _certificates(folder: Path) -> tuple[tuple[str, str], Path]:
    """Return a server's certificate and key, and a bundle of all public authorities and the one that signed it."""
    authority = CertificateAuthority(folder)
    certificate, key = authority.files("127.0.0.1")
    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.bundle.read_bytes())
    return (str(certificate), str(key)), bundle


def _ways(store: str, tools: Tools, stores: Stores) -> dict[str, tuple[str, Sequence[str]]]:
    """Return the tools that read from a store: by the shown name, the distribution and the command line."""
    ours = ("", tools.secretsync("render", "-e", "test", "--format", "json"))
    if store != "vault":
        return {
            "secretspec": ("secretspec", tools.program("secretspec_resolve", "awssm://eu-west-1")),
            OURS: ours,
            "floor: standard library": ("", tools.program("aws_floor_standard", PROFILE)),
            "floor: botocore": ("boto3", tools.program("aws_floor_sdk", PROFILE)),
            "varlock": ("varlock", tools.varlock()),
            "loop over boto3": ("boto3", tools.program("aws_boto3", PROFILE)),
            "pydantic-settings": ("pydantic-settings", tools.program("aws_pydantic")),
            "shell loop over aws": ("awscli", ["/bin/sh", "-c", _LOOP.format(_AWS_CLI), "sh", *tools.aws()]),
        }
    uri = f"vault://127.0.0.1:{stores.vault_port}/secret?tls=false"
    return {
        "secretspec": ("secretspec", tools.program("secretspec_resolve", uri)),
        OURS: ours,
        "floor: standard library": ("", tools.program("vault_floor_standard", PROFILE)),
        "floor: hvac": ("hvac", tools.program("vault_floor_sdk", PROFILE)),
        "varlock": ("varlock", tools.varlock()),
        "loop over hvac": ("hvac", tools.program("vault_hvac", PROFILE)),
        "pydantic-settings-vault": ("pydantic-settings-vault", tools.program("vault_pydantic", PROFILE)),
        "shell loop over bao": ("", ["/bin/sh", "-c", _LOOP.format(_BAO), "sh", str(tools.bao)]),
    }


def measure_store(
    table: Table, store: str, tools: Tools, stores: Stores, folder: Path, sizes: Sequence[int], rounds: int
) -> Table:
    """Measure how long tools need for `sizes` secrets of one store. `store`: aws, tls (AWS over TLS) or vault."""
    kind = "aws" if store == "tls" else store
    environ = stores.tls if store == "tls" else stores.environ
    for size in sizes:
        project = folder / f"{store}-{size}"
        count = make_store_project(project, {kind: [f"SECRET_{number}" for number in range(size)]})
        ways = _ways(kind, tools, stores)
        if store == "tls":
            ways = {name: way for name, way in ways.items() if name in ("secretspec", OURS) or name.startswith("floor")}
        made, absent = commands(ways, tools, project, environ, proves(count, "value of "))
        table.absent |= absent
        if "varlock" in made:
            link_npm(project, tools.npm)
            made["varlock"] = replace(made["varlock"], environ=varlock(dict(environ)))
        most = {name: _MOST.get(name.partition(":")[0], _MOST_OF_OTHERS) for name in made}
        table.add(size, {name: one for name, one in made.items() if size <= most[name]}, rounds, stores.counts)
    return table


def measure_both(tools: Tools, stores: Stores, folder: Path, rounds: int) -> Table:
    """Measure twenty secrets of AWS and of Vault in one run, beside each store alone."""
    table = Table("both", "20 secrets of AWS, of Vault, and of both in one run", "secretsync, AWS", "secrets")
    names = [f"SECRET_{number}" for number in range(20)]
    ways: dict[str, Command] = {}
    for name, some in {"AWS": ["aws"], "Vault": ["vault"], "AWS and Vault": ["aws", "vault"]}.items():
        project = folder / f"both-{len(ways)}"
        count = make_store_project(project, dict.fromkeys(some, names))
        argv = tools.secretsync("render", "-e", "test", "--format", "json")
        ways[f"secretsync, {name}"] = Command(argv, project, stores.environ, proves(count, "value of "))
    table.add(20, ways, rounds, stores.counts)
    return table


def measure_rotation(tools: Tools, stores: Stores, folder: Path, rounds: int) -> Table:
    """Measure `check-rotation` of 500 secrets in a store of 5,000, beside two SDK calls a secret from 16 threads."""
    table = Table("rotation", "check-rotation, 500 of 5,000 secrets of AWS", "two SDK calls a secret", "secrets")
    used = [f"app-{number}" for number in range(0, STORED, 10)][:500]
    project = folder / "rotation"
    (project / "env" / "test").mkdir(parents=True)
    lines = [f'KEY_{number}="$<aws:{name}>"\n' for number, name in enumerate(used)]
    (project / "env" / "test" / "security.env").write_text("".join(lines))
    (project / "names").write_text("\n".join(used))
    argv = tools.secretsync("check-rotation", "-e", "test", "--format", "json", "--timeout", "10m")
    with ExitStack() as stack:
        aws = start_aws({f"app-{number}": "a value" for number in range(STORED)})
        stack.callback(aws.stop)
        proxy = start_proxy(aws.port, stores.round_trip)
        stack.callback(proxy.stop)
        environ = {**stores.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        measured = {OURS: Command(argv, project, environ, lambda output: json.loads(output)["summary"]["ok"] == 500)}
        table.absent = tools.absent("boto3")
        if not table.absent:
            sdk = Command(tools.program("rotation_boto3"), project, environ, lambda output: int(output) == 500)
            measured = {table.base: sdk} | measured
        table.add(len(used), measured, rounds, lambda: (aws.take()[0], proxy.take()[1]))
    return table


def measure_second_call(tools: Tools, stores: Stores, folder: Path, rounds: int) -> float | None:
    """Return the set-up of a second `resolve_config` with 20 secrets of AWS divided by the first's."""
    project = folder / "calls"
    make_store_project(project, {"aws": [f"SECRET_{number}" for number in range(20)]})
    return set_up_of_second_call(tools, project, dict(stores.direct), rounds)


def measure_azure(tools: Tools, folder: Path, size: int, rounds: int, latency: float) -> Table:
    """Measure a key vault, a double over TLS, beside a loop over the SDK."""
    table = Table("azure", "secrets of Azure Key Vault", "loop over the SDK", "secrets")
    table.absent = tools.absent("azure-keyvault-secrets")
    if table.absent:
        return table
    world = start_azure(folder / "azure")
    try:
        vault = world.vault()
        names = [f"SECRET-{number}" for number in range(size)]
        for name in names:
            vault.set(name, f"value of {name}")
        environ = {
            **clean_environment(folder, {}),
            **world.client_secret(world.principal()),
            **world.network,
            "AZURE_KEYVAULT_URL": vault.url,
        }
        project = folder / "azure-project"
        make_store_project(project, {"azure": names})
        security = project / "env/test/security.env"
        security.write_text(security.read_text().replace("AZURE_SECRET-", "AZURE_SECRET_"))
        world.keyvault.fail(delay(latency))

        def counts() -> tuple[int, int]:
            number = world.keyvault.requests.count()
            world.keyvault.requests.clear()
            return number, 0

        check = proves(size, "value of ")
        loop = Command(tools.program("azure_sdk"), project, environ, check)
        argv = tools.secretsync("render", "-e", "test", "--format", "json")
        ours = Command(argv, project, environ, check)
        table.add(size, {"loop over the SDK": loop, OURS: ours}, rounds, counts)
    finally:
        world.stop()
    return table
