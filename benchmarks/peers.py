"""What reading secrets costs beside other tools, as whole processes with 20 ms to the store.

    python -m benchmarks.peers [--rounds 7] [--secrets 1,20,100,500] [--latency 20] [--store aws,vault,both] [--tls]

Needs the packages of benchmarks/peers.txt and an installed SecretSync beside them; `make bench` sets both up. A tool
that is not installed is named as absent. AWS is a double of this benchmark, Vault is OpenBao. With `--tls`, AWS speaks
TLS, and each tool reads the system's authorities, as it does against AWS itself; the double's authority is among them.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Command, Sample, ratio, take_turns
from benchmarks.network import Server, start_aws, start_proxy
from tests.servers.certificates import CertificateAuthority
from tests.servers.openbao import start_openbao
from tests.support.processes import clean_environment, scrub

PROFILE = "secretspec/bench/default"  # the folder in which secretspec looks for the secrets of this project

SECRETSPEC = """
import json, sys, secretspec
found = secretspec.resolve(path="secretspec.toml", provider=sys.argv[1], profile="default", reason="benchmark")
print(json.dumps({name: secret.value for name, secret in found.secrets.items()}))
"""
BOTO3 = """
import json, sys, boto3
read = boto3.client("secretsmanager").get_secret_value
names = open("names").read().split()
print(json.dumps({name: read(SecretId=f"{sys.argv[1]}/{name}")["SecretString"] for name in names}))
"""
HVAC = """
import json, sys, hvac
read = hvac.Client().secrets.kv.v2.read_secret_version
found = {
    name: read(f"{sys.argv[1]}/{name}", mount_point="secret", raise_on_deleted_version=True)["data"]["data"]["value"]
    for name in open("names").read().split()
}
print(json.dumps(found))
"""
REFERENCES = {"aws": f"aws:{PROFILE}/{{}}", "vault": f"vault:secret/{PROFILE}/{{}}#value"}


# The interpreter that is measured, the tools that it has, and the environment of its processes.
Place = tuple[str, frozenset[str], Mapping[str, str]]


def make_project(folder: Path, stores: Mapping[str, Sequence[str]]) -> int:
    """Write the project of each tool that reads these names of each store. Return the number of values."""
    lines = [
        f'{store.upper()}_{name}="$<{REFERENCES[store].format(name)}>"\n'
        for store, names in stores.items()
        for name in names
    ]
    (folder / "env" / "test").mkdir(parents=True)
    (folder / "env" / "test" / "security.env").write_text("".join(lines))
    first = next(iter(stores.values()))
    (folder / "names").write_text("\n".join(first))
    declared = "".join(f'{name} = {{ description = "a secret", required = true }}\n' for name in first)
    (folder / "secretspec.toml").write_text(
        f'[project]\nname = "bench"\nrevision = "1.0"\n\n[profiles.default]\n{declared}'
    )
    return len(lines)


def installed(python: str) -> frozenset[str]:
    """Return which of the tools the interpreter `python` can import. Name the others on the screen."""
    program = "import sys, importlib.util as u; print(*filter(u.find_spec, sys.argv[1:]))"
    tools = ("secretspec", "boto3", "hvac")
    found = subprocess.run([python, "-I", "-c", program, *tools], check=True, capture_output=True, text=True)
    absent = set(tools) - set(found.stdout.split())
    if absent:
        print(f"not installed: {', '.join(sorted(absent))}")
    return frozenset(found.stdout.split())


def commands(store: str, place: Place, folder: Path, uri: str, count: int) -> dict[str, Command]:
    """Return the command of each tool that is installed; the first is the measure."""
    interpreter, tools, environ = place

    def proves(output: bytes) -> bool:
        values = json.loads(output).values()
        return len(values) == count and all(value.startswith("value of ") for value in values)

    python = [interpreter, "-I"]
    ways = {
        "secretspec": ("secretspec", [*python, "-c", SECRETSPEC, uri]),
        "secretsync": (None, [*python, "-m", "secretsync", "render", "-e", "test", "--format", "json"]),
        "loop over boto3": ("boto3", [*python, "-c", BOTO3, PROFILE]),
        "loop over hvac": ("hvac", [*python, "-c", HVAC, PROFILE]),
    }
    ways.pop("loop over hvac" if store == "aws" else "loop over boto3")
    return {
        name: Command(argv, folder, environ, proves)
        for name, (package, argv) in ways.items()
        if (package is None or package in tools) and not (name.startswith("loop") and count > 100)
    }


def make_certificates(folder: Path) -> tuple[tuple[str, str], Mapping[str, str]]:
    """Return the files of the double's certificate and key, and the variables with which the tools trust it.

    The bundle is that of the system with one more authority, because loading a whole bundle is a part of the cost.
    """
    authority = CertificateAuthority(folder)
    system = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(system).read_bytes() + authority.bundle.read_bytes())
    certificate, key = authority.files("127.0.0.1", "localhost")
    return (str(certificate), str(key)), {"AWS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}


def show(store: str, size: int, samples: Mapping[str, Sequence[Sample]]) -> None:
    """Print one row for each tool."""
    first = next(iter(samples))
    for name, taken in samples.items():
        wall, cpu = (ratio(taken, samples[first], figure) for figure in ("wall", "cpu"))
        milliseconds = statistics.median(one.wall for one in taken) * 1000
        memory = statistics.median(one.memory for one in taken) / 1024
        last = taken[-1]
        row = f"{store:6}{size:5}  {name:17}{milliseconds:7.0f} ms{wall:7.2f}{cpu:7.2f}{memory:7.0f} MiB"
        print(f"{row}{last.requests:7}{last.connections:6}")


def main() -> None:
    """Start the servers, measure, print, and stop them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (default: 7)")
    parser.add_argument("--secrets", default="1,20,100,500", help="how many secrets (default: 1,20,100,500)")
    parser.add_argument("--latency", type=float, default=20, help="milliseconds of a round trip (default: 20)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has SecretSync and the peers")
    parser.add_argument("--store", default="aws,vault,both", help="what to measure (default: aws,vault,both)")
    parser.add_argument("--tls", action="store_true", help="AWS over TLS, with the system's authorities")
    options = parser.parse_args()
    sizes = [int(size) for size in options.secrets.split(",")]
    names = [f"SECRET_{number}" for number in range(max(20, *sizes))]
    scrub(os.environ)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        openbao = start_openbao(folder / "openbao")
        certificate, trust = make_certificates(folder / "certificates") if options.tls else (None, {})
        aws = start_aws({f"{PROFILE}/{name}": f"value of {name}" for name in names}, certificate)
        proxies: dict[str, Server] = {}
        try:
            vault = openbao.space()
            for name in names:
                vault.write("secret", f"{PROFILE}/{name}", {"value": f"value of {name}"})
            port = int(vault.url.rpartition(":")[2])
            proxies = {
                "aws": start_proxy(aws.port, options.latency / 1000),
                "vault": start_proxy(port, options.latency / 1000),
            }
            urls = {store: f"http://127.0.0.1:{proxy.port}" for store, proxy in proxies.items()}
            if certificate:
                urls["aws"] = urls["aws"].replace("http:", "https:")
            environ = {
                **clean_environment(folder, {}),
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "the-key-of-a-benchmark",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL": urls["aws"],
                **trust,
                **vault.environ(vault.token(vault.policy("secret/*")), url=urls["vault"]),
            }
            uris = {"aws": "awssm://eu-west-1", "vault": f"vault://127.0.0.1:{proxies['vault'].port}/secret?tls=false"}

            def counts() -> tuple[int, int]:
                asked = aws.take()
                return asked[0], sum(proxy.take()[1] for proxy in proxies.values())

            python = os.path.abspath(options.python)  # the commands run in another folder
            place = (python, installed(python), environ)
            print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, {options.rounds} rounds")
            head = f"{'store':6}{'size':>5}  {'tool':17}{'wall':>10}{'x wall':>7}{'x cpu':>7}"
            print(f"{head}{'memory':>11}{'asked':>7}{'conn.':>6}")
            for store in options.store.split(","):
                if store == "both":
                    measure_both(folder, place, names[:20], options.rounds, counts)
                    continue
                for size in sizes:
                    project = folder / f"{store}-{size}"
                    count = make_project(project, {store: names[:size]})
                    ways = commands(store, place, project, uris[store], count)
                    show(store, size, take_turns(ways, options.rounds, counts))
        finally:
            for server in (aws, *proxies.values()):
                server.stop()
            openbao.process.stop()


def measure_both(
    folder: Path, place: Place, names: Sequence[str], rounds: int, counts: Callable[[], tuple[int, int]]
) -> None:
    """Print what twenty secrets of both stores cost in one run, beside each store alone."""
    ways = {}
    for name, stores in {"aws": ["aws"], "vault": ["vault"], "both": ["aws", "vault"]}.items():
        project = folder / f"several-{name}"
        count = make_project(project, dict.fromkeys(stores, names))
        ways[name] = commands("aws", place, project, "", count)["secretsync"]
    samples = take_turns(ways, rounds, counts)
    slower = max(("aws", "vault"), key=lambda name: statistics.median(one.wall for one in samples[name]))
    print(f"both / {slower} alone: {ratio(samples['both'], samples[slower], 'wall'):.2f}")


if __name__ == "__main__":
    main()
