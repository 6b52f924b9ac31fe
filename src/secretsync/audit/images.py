"""The rule on images: a Dockerfile that copies private files into an image."""

from __future__ import annotations

import os
from collections.abc import Iterator

from secretsync.audit.dockerfile import Copy, copies
from secretsync.audit.dockerignore import DockerIgnore, cleaned, matches
from secretsync.audit.evidence import Evidence, ImageCopy
from secretsync.audit.git import is_private_path, secret_folders
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.planning.plan import Plan
from secretsync.policy.findings import RuleFinding, found

# Directories below the root in which Dockerfiles are searched, and at most this number of them.
_DEPTH = 3
_MOST_FOLDERS = 2000
_FOREIGN = frozenset({"__pycache__", "node_modules", "site-packages", "vendor", "venv"})
# Private in every project, whether they are here or not: a developer's machine has them, and a CI job does not.
_ALWAYS = (".env", ".git")


def image_copies(plan: Plan) -> tuple[ImageCopy, ...]:
    """Return the instructions of the project's Dockerfiles that copy private files, and Dockerfiles that are unread."""
    root = plan.project.root
    if not plan.project.is_in_folders:
        return ()
    private = (*_ALWAYS, *_private_here(plan))
    return tuple(copy for path in sorted(_dockerfiles(root)) for copy in _copied(root, path, private))


def _private_here(plan: Plan) -> list[str]:
    """Return the further names in the root that hold plain secrets: `.env.local`, `.secrets`."""
    folders = secret_folders(plan)
    names = (name for name in sorted(os.listdir(plan.project.root)) if name not in _ALWAYS)
    found = [name for name in names if name == ".secrets" or is_private_path(name, folders)]
    return found + [folder for folder in folders if folder.split("/")[0] not in found and _is_folder(plan, folder)]


def _is_folder(plan: Plan, folder: str) -> bool:
    return os.path.isdir(os.path.join(plan.project.root, folder))


def _dockerfiles(root: str) -> Iterator[str]:
    """Yield the paths of the Dockerfiles near the root, relative to it."""
    for count, (folder, folders, files) in enumerate(os.walk(root)):
        relative = os.path.relpath(folder, root)
        depth = 0 if relative == "." else relative.count(os.sep) + 1
        if depth >= _DEPTH or count >= _MOST_FOLDERS:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _FOREIGN)
        yield from (os.path.normpath(os.path.join(relative, name)) for name in files if _is_dockerfile(name))
        if count >= _MOST_FOLDERS:
            return


def _is_dockerfile(name: str) -> bool:
    if name.endswith(("ignore", "~", ".md", ".orig")):
        return False
    lower = name.lower()
    return lower.split(".")[0] in ("dockerfile", "containerfile") or lower.endswith((".dockerfile", ".containerfile"))


def _copied(root: str, path: str, private: tuple[str, ...]) -> Iterator[ImageCopy]:
    data = read_file(os.path.join(root, path), Input.DOCKERFILE)
    if isinstance(data, FileRefusal):
        yield ImageCopy(file=path, line=0, unread=data.cause)
        return
    found = list(copies(data.decode("utf-8", "replace")))
    ignores = _ignore_files(root, path) if found else []
    for copy in found:
        taken = tuple(name for name in private if _takes(copy, name))
        left = (tuple(name for name in taken if not ignore.excludes(name)) for ignore in ignores)
        if names := min(left, key=len, default=taken):
            yield ImageCopy(file=path, line=copy.line, private=names)


def _takes(copy: Copy, name: str) -> bool:
    """Return True if an instruction copies `name`, or the whole context with it."""
    if any(matches(pattern, name) for pattern in copy.excluded):
        return False
    paths = [cleaned(source) for source in copy.sources]
    return any(not path or matches(path, name) or path.startswith(f"{name}/") for path in paths)


def _ignore_files(root: str, path: str) -> list[DockerIgnore]:
    """Return the ignore files that a build may use: the Dockerfile's own, else those of its folder and of the root.

    One of the two folders is the build context. A Dockerfile does not name its context, so one good file is enough.
    """
    folder, name = os.path.split(os.path.join(root, path))
    kinds = (".containerignore", ".dockerignore") if name.lower().startswith("containerfile") else (".dockerignore",)
    own = [ignore for kind in kinds if (ignore := _ignore_file(f"{os.path.join(folder, name)}{kind}"))]
    if own:
        return own[:1]
    places = dict.fromkeys((folder, os.path.normpath(root)))
    each = [[one for kind in kinds if (one := _ignore_file(os.path.join(place, kind)))] for place in places]
    return [one for ignores in each for one in ignores[:1]]


def _ignore_file(path: str) -> DockerIgnore | None:
    data = read_file(path, Input.IGNORE_FILE)
    if isinstance(data, FileRefusal):
        return None
    return DockerIgnore(data.decode("utf-8-sig", "replace").split("\n"))


def _context(evidence: Evidence) -> Iterator[RuleFinding]:
    for copy in evidence.images:
        if copy.private:
            message = f"the image gets {', '.join(copy.private)}, because no .dockerignore excludes them"
            if len(copy.private) == 1:
                message = f"the image gets {copy.private[0]}, because no .dockerignore excludes it"
            yield found("image-context", message, file=copy.file, line=copy.line)


CHECKS = {"image-context": _context}
