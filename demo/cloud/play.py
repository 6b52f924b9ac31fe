"""`make demo-cloud`: ministack and OpenBao on loopback, secrets in both and in a file, resolved in one go.

The servers, the secrets and the copy of the project are this run's own, and gone when it ends.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.servers.ministack import start_ministack
from tests.servers.openbao import start_openbao
from tests.support.processes import clean_environment, scrub

HERE = Path(__file__).parent
IN_SEVEN_WEEKS = timedelta(days=50)
APPLICATION = HERE.parent / "app.py"


def main() -> int:
    """0, where every command ended well."""
    # Whatever ends us unwinds, so that the servers are stopped.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    scrub(os.environ)  # a profile or a proxy of whoever runs this has no business here
    with tempfile.TemporaryDirectory(prefix="secretsync-demo-") as temporary:
        folder = Path(temporary)
        for name in ("env", "providers"):
            shutil.copytree(HERE / name, folder / "shop" / name)
        shutil.copy(APPLICATION, folder / "shop")
        with servers(folder) as environ:
            status = show(folder / "shop", clean_environment(folder, environ))
    say("\nThe servers are stopped, and the secrets are gone with them.")
    return status


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[Mapping[str, str]]:
    """Servers with secrets in them: the variables of an application that may read these, and nothing else."""
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        ministack = start_ministack(folder / "ministack")
        stack.callback(ministack.process.stop)
        openbao = start_openbao(folder / "openbao")
        stack.callback(openbao.process.stop)
        say(f"ministack, in the place of AWS, and OpenBao listen on loopback: {time.monotonic() - began:.1f} s.")

        account, space = ministack.account(), openbao.space()
        account.create("demo/app", {"secret_key": secrets.token_urlsafe(48), "jwt_secret": secrets.token_urlsafe(48)})
        space.write("secret", "demo/database", {"password": secrets.token_urlsafe(24)})
        files = folder / "shop" / "files"
        files.mkdir(mode=0o700)
        (files / "smtp_password").write_text(secrets.token_urlsafe(24) + "\n")
        user = account.principal(resource=f"arn:aws:secretsmanager:*:{account.root.access_key}:secret:demo/*")
        token = space.token(space.policy("secret/data/demo/*", "secret/metadata/demo/*"))
        say("One secret is in each of them, and one in a file. The application may read these, and no others.")
        yield {**account.environ(user), **space.environ(token)}


def show(project: Path, environ: Mapping[str, str]) -> int:
    """Return the status of the first command that ends as it must not, else 0."""
    later = f"{datetime.now(UTC).date() + IN_SEVEN_WEEKS}"
    path = os.pathsep.join((str(Path(sys.executable).parent), environ["PATH"]))
    for expected, command in (
        (0, ("explain", "-e", "production")),
        (1, ("check-rotation", "-e", "production", "--at", later)),  # by then one is overdue
        (0, ("run", "-e", "production", "-v", "--", "python", "app.py")),
    ):
        print(f"\n$ secretsync {' '.join(command)}", flush=True)
        argv = [sys.executable, "-I", "-m", "secretsync", *command]
        done = subprocess.run(argv, cwd=project, env={**environ, "PATH": path}, stderr=subprocess.STDOUT, check=False)
        if done.returncode != expected:
            return done.returncode or 1
    return 0


def say(text: str) -> None:
    """One line, before what the commands say."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
