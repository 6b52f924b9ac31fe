"""Web application of the container tests: it proves which secrets it got without showing one."""

import hashlib
import os
import signal

from flask import Flask, jsonify, request

app = Flask(__name__)
SECRETS = ("DB_PASSWORD", "SECRET_KEY", "API_TOKEN")


@app.get("/health")
def health() -> tuple[str, int]:
    """Say 200 once every secret is there."""
    return ("ok", 200) if all(os.environ.get(name) for name in SECRETS) else ("a secret is missing", 503)


@app.get("/digest")
def digest():
    """Show a salted digest of each secret: the test, which knows the values, can compare."""
    salt = request.args["salt"]
    return jsonify({name: hashlib.sha256((salt + os.environ.get(name, "")).encode()).hexdigest() for name in SECRETS})


@app.get("/process")
def process():
    """Show how PID 1 and this worker run."""
    with open("/proc/1/cmdline", encoding="utf-8") as file:
        command = file.read().split("\0")
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return jsonify(
        command=command,
        parent=os.getppid(),
        uid=os.getuid(),
        groups=os.getgroups(),
        ignored=status["SigIgn"],
        names=sorted(os.environ),
        ignores_sigpipe=signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN,
    )
