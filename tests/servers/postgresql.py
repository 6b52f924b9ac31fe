"""PostgreSQL, for the credentials that Vault's database engine makes."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.names import unique
from tests.servers.process import HOST, ServerProcess, clean_environment, start_server
from tests.servers.tools import ToolUnavailableError, postgresql_program


@dataclass(frozen=True, slots=True)
class PostgreSql:
    """A running server whose users need their passwords."""

    process: ServerProcess = field(repr=False)
    folder: Path
    superuser: str
    password: str = field(repr=False)

    @property
    def port(self) -> int:
        """Return the port on 127.0.0.1."""
        return self.process.port

    def query(self, sql: str, *, user: str | None = None, password: str | None = None) -> str:
        """Return psql's output for `sql`, as this user; raise CalledProcessError if the user is not let in."""
        environ = clean_environment(self.folder, PGPASSWORD=password or self.password, PGCONNECT_TIMEOUT="5")
        where = ["-h", HOST, "-p", str(self.port), "-U", user or self.superuser, "-d", "postgres"]
        command = [str(postgresql_program("psql")), "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", *where]
        done = subprocess.run(command, input=sql, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def create_user(self) -> str:
        """Return the name of a new user that may log in."""
        name = unique("user").replace("-", "_")
        self.query(f"CREATE ROLE {name} LOGIN PASSWORD '{secrets.token_hex(8)}'")
        return name

    def stop(self) -> None:
        """End it, and remove its files."""
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_postgresql() -> PostgreSql:
    """Return a PostgreSQL that lets users in by password."""
    initdb, postgres = postgresql_program("initdb"), postgresql_program("postgres")
    # Not below pytest's folder, which only we may enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    user = _who_runs_it(folder)
    password, data, password_file = secrets.token_hex(16), folder / "data", folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)
    flags = ["--username=root", f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
    environ = clean_environment(folder)
    subprocess.run(
        [str(initdb), *flags, f"--pgdata={data}"], env=environ, user=user, cwd=folder, capture_output=True, check=True
    )
    fast = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")
    options = [part for setting in (*fast, "unix_socket_directories=") for part in ("-c", setting)]
    process = start_server(
        "postgresql",
        lambda port: [postgres, "-D", data, "-h", HOST, "-p", str(port), *options],
        folder=folder,
        user=user,
        stop_signal=signal.SIGINT,  # SIGTERM would wait for the clients
        ready=lambda port: _accepts(port, folder),
    )
    return PostgreSql(process, folder, "root", password)


def _who_runs_it(folder: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        owner = pwd.getpwnam("postgres")
    except KeyError:
        raise ToolUnavailableError("there is no user postgres to run PostgreSQL: apt-get install postgresql") from None
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return "postgres"


def _accepts(port: int, folder: Path) -> bool:
    command = [str(postgresql_program("pg_isready")), "-q", "-h", HOST, "-p", str(port)]
    return subprocess.run(command, env=clean_environment(folder), check=False).returncode == 0
