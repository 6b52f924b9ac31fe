"""What masking costs a log record without a secret, compared with formatting the record.

    python -m benchmarks.logging [--secrets 1,10,100,1000] [--rounds 25]

Both are measured in turns in one process, as processor time of one thread; the shortest round counts. `ratio` is the
filter's time divided by that of `Formatter.format` with "%(asctime)s %(levelname)s %(name)s %(message)s". Only ratios
carry over to other machines. `build` is the time that it takes to make the filter, for each secret of 43 characters.
"""

import argparse
import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from secretsync import Secret
from secretsync.config.log_filter import SecretFilter

CALLS = 400
ACCESS = '%s - "%s %s HTTP/%s" %d'


def record(msg: str, *args: object, **fields: Any) -> logging.LogRecord:
    """Return a record as loggers make it."""
    made = logging.LogRecord("app.web", logging.INFO, "/app/web.py", 10, msg, args, None, "view")
    vars(made).update(fields)
    return made


RECORDS = {
    "text": record("started"),
    "arguments": record("user %s logged in from %s in %d ms", "alice", "10.0.0.1", 12),
    "access log": record(ACCESS, "127.0.0.1:51234", "GET", "/api/items/12?q=shoes&page=2", "1.1", 200),
    "escapes": record(ACCESS, "127.0.0.1:51234", "GET", "/api/items/12?q=red%20shoes&page=2", "1.1", 200),
    "880 characters": record("some longer text of a message with details, " * 20),
    "extra fields": record("done", request_id="8f14e45f-ceea-467f", user={"id": 5, "name": "alice"}, status=200),
}


def shortest(action: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the seconds for a call of each, measured in turns."""
    best = [float("inf")] * 2
    for _ in range(rounds):
        for number, call in enumerate((action, other)):
            begin = time.thread_time()
            for _ in range(CALLS):
                call()
            best[number] = min(best[number], (time.thread_time() - begin) / CALLS)
    return best[0], best[1]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--secrets", default="1,10,100,1000", help="numbers of secrets")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    print(f"{'secrets':>7}  {'record':<14} {'filter us':>9} {'format us':>9} {'ratio':>6}")
    for count in map(int, options.secrets.split(",")):
        values = [Secret(secrets.token_urlsafe(32)) for _ in range(count)]
        begin = time.thread_time()
        masking = SecretFilter(values)
        built = time.thread_time() - begin
        for name, one in RECORDS.items():
            actions = partial(masking.filter, one), partial(formatter.format, one)
            took, formatted = shortest(*actions, options.rounds)
            print(f"{count:7}  {name:<14} {took * 1e6:9.1f} {formatted * 1e6:9.1f} {took / formatted:6.2f}")
        print(f"{count:7}  build: {built * 1e3:.1f} ms, {built / count * 1e6:.0f} us for each secret")


if __name__ == "__main__":
    main()
