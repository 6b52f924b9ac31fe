"""Podman and buildah with all that they keep inside the project's .tools folder: images, containers, settings."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.limits import HANG

# Taken when this module is imported: pip may need the caller's settings and home, which tests do not have.
CALLER = dict(os.environ)
BUILD_DEADLINE = 900.0  # seconds, for one command that makes something
RUN_DEADLINE = HANG  # for one command about a container

# Without a limit of our own podman asks for more than a sandbox may have. The host's network: containers reach the
# test servers on its loopback addresses. runc, because crun fails on hosts with both kinds of cgroups.
_CONTAINERS_CONF = """\
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
_STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""


class EngineError(Exception):
    """A command of the container tools failed; the text has the end of what it said."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a container that has ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Container:
    """A running container."""

    engine: Engine
    name: str

    def exec(self, *command: str, user: str | None = None) -> Finished:
        """Run `command` inside, with the image's environment and not the application's; return its output."""
        return self.engine.try_podman("exec", *(("--user", user) if user else ()), self.name, *command)

    def logs(self) -> str:
        """Everything that the container has written so far."""
        done = self.engine.try_podman("logs", self.name)
        return done.stdout + done.stderr

    def pid(self) -> int:
        """Return the process id, on the host, of the container's first process; 0 when it has ended."""
        return int(self.inspect()["State"]["Pid"])

    def inspect(self) -> Any:
        """Return podman's description of the container."""
        return json.loads(self.engine.podman("inspect", self.name).stdout)[0]

    def signal(self, name: str) -> None:
        """Send a signal to the first process."""
        self.engine.podman("kill", "--signal", name, self.name)

    def stop(self, *, patience: int = 10) -> int:
        """Its exit status after SIGTERM and, `patience` seconds later, SIGKILL."""
        self.engine.podman("stop", "--time", str(patience), self.name)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return int(self.engine.podman("wait", self.name).stdout)

    def is_healthy(self) -> bool:
        """Return the answer of the image's HEALTHCHECK, asked now."""
        return self.engine.try_podman("healthcheck", "run", self.name).status == 0

    def remove(self) -> None:
        """End it, running or not."""
        self.engine.try_podman("rm", "--force", "--time", "0", self.name)


@dataclass(frozen=True, slots=True)
class Engine:
    """Builds images and runs containers; several test processes may use one folder."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Engine:
        """Return an engine that keeps everything in `folder`."""
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        settings = {"containers.conf": _CONTAINERS_CONF, "storage.conf": _STORAGE_CONF.format(folder=folder)}
        for name, text in settings.items():
            path = folder / name
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        return cls(folder)

    def environ(self) -> dict[str, str]:
        """Return the environment of the tools: their settings come from our files."""
        return CALLER | {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Work that only one test process does at a time."""
        with (self.folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def command(self, *command: str, deadline: float = BUILD_DEADLINE) -> Finished:
        """Return the output of a command; raise an error if it failed."""
        done = self._run(command, deadline)
        if done.status != 0:
            output = (done.stderr or done.stdout)[-3000:]
            raise EngineError(f"{' '.join(command[:3])} ... ended with {done.status}:\n{output}")
        return done

    def podman(self, *arguments: str) -> Finished:
        """Return the output of podman; raise an error if it failed."""
        return self.command("podman", *arguments, deadline=RUN_DEADLINE)

    def try_podman(self, *arguments: str) -> Finished:
        """Return the output of podman, whatever its status."""
        return self._run(("podman", *arguments), RUN_DEADLINE)

    def has_image(self, tag: str) -> bool:
        """Return True if the image exists."""
        return self.try_podman("image", "exists", tag).status == 0

    def build(
        self,
        tag: str,
        dockerfile: Path,
        context: Path,
        *,
        arguments: Mapping[str, str],
        wheels: Path | None = None,
        secrets: Mapping[str, Path] | None = None,
    ) -> None:
        """Make the image `tag` (none of its bases is ever fetched)."""
        # The docker format, because the other one has no HEALTHCHECK. chroot, because a sandbox may lack the rest.
        options = ["--isolation=chroot", "--pull-never", "--format=docker", f"--tag={tag}", f"--file={dockerfile}"]
        options += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        if wheels:
            options += ["--build-arg=PIP_NO_INDEX=1", f"--build-context=wheels={wheels}"]
        options += [f"--secret=id={name},src={path}" for name, path in (secrets or {}).items()]
        self.command("buildah", "bud", *options, str(context))

    def remove_images(self, prefix: str, *, keep: Sequence[str]) -> None:
        """Forget the images whose names begin with `prefix`, and what only they are made of."""
        listed = self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        old = [tag for tag in listed if tag.startswith(prefix) and tag not in keep]
        if old:
            # --force: a container that a killed run left behind goes too.
            self.podman("rmi", "--force", *old)
        self.podman("image", "prune", "--force")

    def save(self, image: str, path: Path) -> None:
        """Write all of an image into one file: layers, history, settings."""
        self.command("podman", "save", "--quiet", "--format", "docker-archive", "--output", str(path), image)

    def inspect_image(self, image: str) -> Any:
        """Return podman's description of an image."""
        return json.loads(self.podman("image", "inspect", image).stdout)[0]

    def run(self, image: str, *command: str, options: Sequence[str] = ()) -> Finished:
        """Return the output of a container that has ended."""
        return self.try_podman("run", "--rm", *HARDENED, *options, image, *command)

    def start(self, name: str, image: str, *command: str, options: Sequence[str] = ()) -> Container:
        """Return a container in the background; its owner removes it."""
        self.podman("run", "--detach", "--name", name, *HARDENED, *options, image, *command)
        return Container(self, name)

    def _run(self, command: Sequence[str], deadline: float) -> Finished:
        done = subprocess.run(
            command,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=deadline,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


# As production runs it, and as strict as Docker and Kubernetes are: podman alone would add writable folders to a
# read-only root.
HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--pids-limit=200",
)


def digest_of(paths: Sequence[Path]) -> str:
    """Return a short digest of the files, and of all files below the folders, with their names."""
    digest = hashlib.sha256()
    for top in paths:
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(top.parent)}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
