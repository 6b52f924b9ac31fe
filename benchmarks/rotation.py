"""Measure `check-rotation` in a large store of AWS beside the SDK with two calls a secret, as whole processes.

    python -m benchmarks.rotation [--rounds 3] [--stored 5000] [--used 500] [--latency 20] [--python PATH]

The SDK's program calls DescribeSecret and ListSecretVersionIds of each secret from 16 threads. A round trip takes
20 ms. The columns wall and CPU are ratios to the SDK within a round. Only ratios carry over to other machines.

`--used` takes a list: 1,20,500,5000 refers to one secret, to a few and to all. The secrets are spread over the store.
Run the program from the root of a checkout.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Command, ratio, take_turns
from benchmarks.network import start_aws, start_proxy
from tests.support.processes import clean_environment, scrub

SDK = """
import boto3, sys
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
client = boto3.client("secretsmanager", config=Config(max_pool_connections=16))
def ask(name):
    client.describe_secret(SecretId=name)
    return client.list_secret_version_ids(SecretId=name)["Versions"][0]["CreatedDate"]
with ThreadPoolExecutor(16) as threads:
    print(len(list(threads.map(ask, open(sys.argv[1]).read().split()))))
"""
OURS = ("-m", "secretsync", "check-rotation", "-e", "test", "--format", "json", "--timeout", "10m")


def commands(python: str, folder: Path, environ: Mapping[str, str], used: Sequence[str]) -> dict[str, Command]:
    """Write the files that refer to the secrets `used`. Return both commands, first that of the SDK."""
    (folder / "env" / "test").mkdir(parents=True)
    lines = [f'KEY_{number}="$<aws:{name}>"\n' for number, name in enumerate(used)]
    (folder / "env" / "test" / "security.env").write_text("".join(lines))
    (folder / "names").write_text("\n".join(used))
    sdk = Command([python, "-I", "-c", SDK, "names"], folder, environ, lambda output: int(output) == len(used))
    ours = Command(
        [python, "-I", *OURS], folder, environ, lambda output: json.loads(output)["summary"]["ok"] == len(used)
    )
    return {"sdk": sdk, "secretsync": ours}


def main() -> None:
    """Start the servers, measure, print, and stop them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--stored", type=int, default=5000, help="secrets in the store (default: 5000)")
    parser.add_argument("--used", default="500", help="secrets that the environment refers to (default: 500)")
    parser.add_argument("--latency", type=float, default=20, help="milliseconds of a round trip (default: 20)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has SecretSync and boto3")
    options = parser.parse_args()
    scrub(os.environ)
    stored = [f"app-{number}" for number in range(options.stored)]
    with tempfile.TemporaryDirectory() as temporary:
        aws = start_aws(dict.fromkeys(stored, "a value"))
        proxy = start_proxy(aws.port, options.latency / 1000)
        environ = {
            **clean_environment(Path(temporary), {}),
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "the-key-of-a-benchmark",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
        }
        try:
            print(
                f"{'used':>5}  {'':12}{'time':>8}{'wall':>9}{'CPU':>7}{'memory':>11}{'requests':>10}{'connections':>13}"
            )
            for size in map(int, options.used.split(",")):
                used = stored[:: max(1, options.stored // size)][:size]
                both = commands(options.python, Path(temporary, str(size)), environ, used)
                samples = take_turns(both, options.rounds, lambda: (aws.take()[0], proxy.take()[1]))
                for name, taken in samples.items():
                    wall, cpu = (ratio(taken, samples["sdk"], figure) for figure in ("wall", "cpu"))
                    seconds = statistics.median(one.wall for one in taken)
                    memory = statistics.median(one.memory for one in taken) / 1024
                    row = f"{size:5}  {name:12}{seconds:6.2f} s{wall:9.2f}{cpu:7.2f}{memory:7.0f} MiB"
                    print(f"{row}{taken[-1].requests:10}{taken[-1].connections:13}", flush=True)
        finally:
            proxy.stop()
            aws.stop()


if __name__ == "__main__":
    main()
