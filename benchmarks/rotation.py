"""What `check-rotation` costs in a large store, beside a loop that describes each secret, as whole processes.

    python -m benchmarks.rotation [--rounds 3] [--stored 5000] [--used 500] [--latency 20]

The store is ministack, in the place of AWS, asked as somebody who may read metadata alone; run it from the root of a
checkout, with the tools of `make test`. Every request takes 20 ms longer than its server does, and is counted where
that is added. `loop` is what people write: DescribeSecret and ListSecretVersionIds of each secret, one after the other.

`loop/secretsync` is the ratio of the medians. Only ratios carry over to other machines.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.aws import REGION
from tests.servers.faults import FaultProxy, delay
from tests.servers.ministack import start_ministack
from tests.support.processes import clean_environment, scrub

LOOP = """
import boto3, json, sys
client = boto3.client("secretsmanager")
for name in json.load(sys.stdin):
    client.describe_secret(SecretId=name)
    client.list_secret_version_ids(SecretId=name)
"""
OURS = ("-m", "secretsync", "check-rotation", "-e", "test", "--format", "json", "--timeout", "10m")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stored", type=int, default=5000, help="secrets in the store")
    parser.add_argument("--used", type=int, default=500, help="those that the environment refers to")
    parser.add_argument("--latency", type=float, default=20, help="milliseconds that every request takes longer")
    options = parser.parse_args()
    scrub(os.environ)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = start_ministack(folder / "ministack")
        try:
            account = server.account()
            stored = [f"app-{number}" for number in range(options.stored)]
            account.create_many(stored)
            used = stored[:: max(1, options.stored // options.used)][: options.used]
            proxy = FaultProxy(account.url)
            proxy.fail(delay(options.latency / 1000))
            environ = {**account.environ(account.metadata_only(), url=proxy.url), "AWS_DEFAULT_REGION": REGION}
            measure(folder, proxy, clean_environment(folder, environ), used, options.rounds)
        finally:
            server.process.stop()


def measure(folder: Path, proxy: FaultProxy, environ: Mapping[str, str], used: Sequence[str], rounds: int) -> None:
    """Both, in turns."""
    env = folder / "env" / "test" / "security.env"
    env.parent.mkdir(parents=True)
    env.write_text("".join(f'KEY_{number}="$<aws:{name}>"\n' for number, name in enumerate(used)))
    commands = {"secretsync": OURS, "loop": ("-c", LOOP)}
    times: dict[str, list[float]] = {name: [] for name in commands}
    requests: dict[str, int] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            proxy.requests.clear()
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-I", *command],
                cwd=folder,
                env=environ,
                input=json.dumps(used),
                text=True,
                capture_output=True,
                check=True,
            )
            times[name].append(time.perf_counter() - began)
            requests[name] = proxy.requests.count()
            if name == "secretsync" and json.loads(done.stdout)["summary"]["ok"] != len(used):
                sys.exit("the report is not complete")
    print(f"{len(used)} secrets, medians of {rounds} rounds\n")
    for name in commands:
        print(f"{name:12}{requests[name]:6} requests  {statistics.median(times[name]):7.2f} s")
    ratio = statistics.median(times["loop"]) / statistics.median(times["secretsync"])
    print(f"\nloop/secretsync  {ratio:.1f} in time, {requests['loop'] / requests['secretsync']:.2f} in requests")


if __name__ == "__main__":
    main()
