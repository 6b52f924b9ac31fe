"""What reading many secrets costs, beside a loop over each store's own SDK, as whole processes.

    python -m benchmarks.stores [--rounds 5] [--secrets 1,20,100] [--latency 20]

AWS is ministack, Vault OpenBao, Azure the tests' double (over TLS); run it from the root of a checkout, with the tools
of `make test`. Every request takes 20 ms longer than its server does, and is counted where that is added.
`requests` has ours, then the loop's. `loop` is what people write: the SDK's client, one call a secret, one after the
other. `secretsync` is `render`. Both are whole processes, start and import of the SDK included, and take turns, so that
whatever else the machine does falls on both.

`loop/secretsync` is the ratio of the medians. Only ratios carry over to other machines, and this one is too small, for
servers, proxies and clients share the processors here.

The second table has twenty secrets of each store, and then the sixty of all stores in one run. Waiting overlaps; what
is left above the slowest is the import of three SDKs into one interpreter. Try --latency 300 to see the one without the
other.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.aws import REGION, AwsAccount
from tests.servers.azure import AzureWorld, start_azure
from tests.servers.faults import FaultProxy, delay
from tests.servers.loopback import LoopbackServer
from tests.servers.ministack import start_ministack
from tests.servers.openbao import VaultSpace, start_openbao
from tests.support.processes import clean_environment, scrub

LOOPS = {
    "aws": """
import boto3
client = boto3.client("secretsmanager")
values = [client.get_secret_value(SecretId=name)["SecretString"] for name in names]
""",
    "vault": """
import hvac
read = hvac.Client().secrets.kv.v2.read_secret_version
values = [read(name, mount_point="secret", raise_on_deleted_version=True)["data"]["data"]["value"] for name in names]
""",
    "azure": """
import os
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
client = SecretClient(os.environ["AZURE_KEYVAULT_URL"], DefaultAzureCredential())
values = [client.get_secret(name).value for name in names]
""",
}
REFERENCES = {"aws": "aws:{}", "vault": "vault:secret/{}#value", "azure": "azure:{}"}


@dataclass
class Place:
    """Where the three stores are, filled, and what a process needs to read them."""

    folder: Path
    servers: Mapping[str, LoopbackServer]  # that add the latency, and count
    environ: Mapping[str, str] = field(repr=False)

    def project(self, name: str, secrets: Mapping[str, Sequence[str]]) -> Path:
        """Return a project that refers to these secrets of each store."""
        lines = [
            f'{store.upper()}_{number}="$<{REFERENCES[store].format(secret)}>"\n'
            for store, some in secrets.items()
            for number, secret in enumerate(some)
        ]
        folder = self.folder / name
        (folder / "env" / "test").mkdir(parents=True)
        (folder / "env" / "test" / "security.env").write_text("".join(lines))
        return folder

    def requests(self) -> int:
        """How many there were since the last time."""
        number = sum(server.requests.count() for server in self.servers.values())
        for server in self.servers.values():
            server.requests.clear()
        return number


def fill(folder: Path, names: Sequence[str], aws: AwsAccount, vault: VaultSpace, azure: AzureWorld) -> Place:
    """Return the servers with a secret of each name in them."""
    keyvault = azure.vault()
    aws.create_many(names)
    for name in names:
        vault.write("secret", name, {"value": f"value-of-{name}"})
        keyvault.set(name, f"value-of-{name}")
    servers = {"aws": FaultProxy(aws.url), "vault": FaultProxy(vault.url), "azure": azure.keyvault}
    environ = {
        **aws.environ(aws.principal(), url=servers["aws"].url),
        **vault.environ(vault.token(vault.policy("secret/*")), url=servers["vault"].url),
        **azure.client_secret(azure.principal()),
        **azure.network,
        "AZURE_KEYVAULT_URL": keyvault.url,
        "AWS_DEFAULT_REGION": REGION,
    }
    return Place(folder, servers, clean_environment(folder, environ))


def run(argv: Sequence[str], cwd: Path, environ: Mapping[str, str], count: int) -> float:
    """How many seconds a process took that prints a JSON document with `count` values."""
    begin = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=dict(environ), capture_output=True, check=False)
    took = time.perf_counter() - begin
    if done.returncode or len(json.loads(done.stdout)) != count:
        sys.exit(f"{argv[-1][:40]}: status {done.returncode}\n{done.stderr.decode()}")
    return took


def compare(place: Place, ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, tuple[float, int]]:
    """Return the median time, and the requests, of each way, in turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    asked = {}
    for number in range(rounds + 1):
        for name, way in ways.items():
            place.requests()
            took = way()
            asked[name] = place.requests()
            if number:  # the first round warms caches of the file system
                times[name].append(took)
    return {name: (statistics.median(taken), asked[name]) for name, taken in times.items()}


def secretsync(project: Path, place: Place, count: int) -> Callable[[], float]:
    """Return a way: `render`."""
    argv = [sys.executable, "-I", "-m", "secretsync", "render", "-e", "test", "--format", "json"]
    return lambda: run(argv, project, place.environ, count)


def loop(store: str, names: Sequence[str], place: Place) -> Callable[[], float]:
    """Return a way: the SDK, one secret after the other."""
    program = f"import json\nnames = {list(names)!r}\n{LOOPS[store]}print(json.dumps(values))"
    return lambda: run([sys.executable, "-I", "-c", program], place.folder, place.environ, len(names))


def measure(place: Place, names: Sequence[str], sizes: Sequence[int], rounds: int) -> None:
    """Print the tables."""
    print(f"{'store':8}{'secrets':>8}{'secretsync':>12}{'loop':>9}{'loop/secretsync':>17}   requests")
    for store in LOOPS:
        for size in sizes:
            project = place.project(f"{store}-{size}", {store: names[:size]})
            ways = {"ours": secretsync(project, place, size), "loop": loop(store, names[:size], place)}
            found = compare(place, ways, rounds)
            (ours, asked), (theirs, theirs_asked) = found["ours"], found["loop"]
            row = f"{store:8}{size:8}{ours * 1000:9.0f} ms{theirs * 1000:6.0f} ms{theirs / ours:17.1f}"
            print(f"{row}   {asked}, {theirs_asked}")
    several = {store: {store: names[:20]} for store in LOOPS} | {"all": dict.fromkeys(LOOPS, names[:20])}
    together = {
        name: secretsync(place.project(f"several-{name}", some), place, 20 * len(some))
        for name, some in several.items()
    }
    found = compare(place, together, rounds)
    slowest = max(found[store][0] for store in LOOPS)
    total = sum(found[store][0] for store in LOOPS)
    print(f"\n{'20 secrets of':16}{'secretsync':>12}{'/ slowest':>11}{'/ sum':>8}")
    for name, (took, _) in found.items():
        print(f"{name:16}{took * 1000:9.0f} ms{took / slowest:11.2f}{took / total:8.2f}")


def main() -> None:
    """Start the servers, measure, and stop them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--secrets", default="1,20,100", help="how many secrets (default: 1,20,100)")
    parser.add_argument("--latency", type=float, default=20, help="milliseconds that each request takes more (20)")
    options = parser.parse_args()
    sizes = [int(size) for size in options.secrets.split(",")]
    names = [f"app-{number}" for number in range(max(20, *sizes))]
    scrub(os.environ)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ministack, openbao = start_ministack(folder / "ministack"), start_openbao(folder / "openbao")
        azure = start_azure(folder / "azure")
        try:
            place = fill(folder, names, ministack.account(), openbao.space(), azure)
            for server in place.servers.values():
                server.fail(delay(options.latency / 1000))
            cores = os.cpu_count()
            print(f"Python {sys.version.split()[0]}, {cores} cores, {options.latency:g} ms, {options.rounds} rounds\n")
            measure(place, names, sizes, options.rounds)
        finally:
            azure.stop()
            openbao.process.stop()
            ministack.process.stop()


if __name__ == "__main__":
    main()
