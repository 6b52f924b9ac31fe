"""The rule on images: instructions of Dockerfiles, and the ignore files of build contexts."""

from datetime import UTC, datetime

import pytest

from secretsync.audit.collect import audit_plan
from secretsync.audit.dockerfile import copies
from secretsync.audit.dockerignore import DockerIgnore
from secretsync.audit.report import AuditReport
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.planning.request import ConfigRequest, load_plan
from tests.support.canary import make_canary
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BOTH = ".git\n.env\n"


def audited(made: Project) -> AuditReport:
    """Return the report on production."""
    environ = Environ(clean_environment(made.home))
    plan = load_plan(ConfigRequest(environment="production", root=str(made.root)), AnyEnviron(environ))
    return audit_plan(plan, environ, at=AT)


def found_in(made: Project) -> list[str]:
    """Return the places of the findings, with the private paths in their messages."""
    return [
        f"{one.file}:{one.line}: {one.message.removeprefix('the image gets ').partition(', because')[0]}"
        for one in audited(made).findings
        if one.rule == "image-context"
    ]


@pytest.mark.parametrize(
    "copy",
    [
        "COPY . .",
        "COPY ./ /app/",
        "copy . .",
        "ADD . /app",
        "ADD / /app",
        "COPY * /app/",
        "COPY ./* /app/",
        "COPY .??* /app/",
        "COPY .e?v .[g]it /app/",
        "COPY .env .git /app/",
        'COPY [".", "/app"]',
        "COPY --chown=10001:10001 --link . /app",
        "COPY --exclude=*.md . /app",
        "COPY src . /app/",
        "COPY src \\\n  # a comment\n\n  . /app/",
        "ONBUILD COPY . /app",
        "RUN <<EOF\nCOPY a b\nEOF\nCOPY . /app",
    ],
)
def test_an_instruction_that_copies_private_files(project: MakeProject, copy: str) -> None:
    """Return a finding at the first line of the instruction in each form that Docker reads."""
    made = project({"env/production/web.env": "A=1\n", "Dockerfile": f"FROM scratch\n{copy}\n"})
    line = 5 if copy.startswith("RUN") else 2
    assert found_in(made) == [f"Dockerfile:{line}: .env, .git"]
    made.write(".dockerignore", BOTH)
    assert found_in(made) == []
    assert "image-context" in audited(made).passed


@pytest.mark.parametrize(
    "text",
    [
        "COPY src requirements.txt /app/",
        "COPY --from=build . /app",
        "COPY *.py /app/",
        "COPY src/ .",
        "COPY --exclude=.env --exclude=.git . /app",
        "COPY <<EOF .\nCOPY . .\nEOF",
        "RUN <<-EOF\n\tCOPY . .\n\tEOF",
        "RUN --mount=type=bind,target=. make",
        "# COPY . .",
        "RUN echo \\\nCOPY . .",
        "ADD https://example.com/a.tar .",
        "WORKDIR .",
        "COPY",
        "COPY [1, 2]",
        "COPY ' .",
    ],
)
def test_an_instruction_that_copies_nothing_private(project: MakeProject, text: str) -> None:
    """No finding for named files, other images, here documents and comments."""
    assert found_in(project({"env/production/web.env": "A=1\n", "Dockerfile": f"FROM scratch\n{text}\n"})) == []


def test_the_escape_directive() -> None:
    """A backtick continues a line if the file says so."""
    (copy,) = copies("# escape=`\nFROM a\nCOPY src `\n . C:\\\\app\n")
    assert (copy.line, copy.sources) == (3, ("src", "."))


@pytest.mark.parametrize(
    ("lines", "is_excluded"),
    [
        (".env", True),
        ("/.env", True),
        ("./.env/", True),
        (".env*", True),
        ("**/.env", True),
        ("**", True),
        ("*", True),
        (".*", True),
        (".e[n]v", True),
        (".e[^x]v", True),
        ("\\.env", True),
        ("  .env  \r", True),
        ("*\n!src", True),
        ("!.env\n.env", True),
        ("", False),
        ("# .env", False),
        ("env", False),
        ("*/.env", False),
        (".env/x", False),
        (".env\n!.env", False),
        (".env\n!.e*", False),
        ("**/.env\n!**/.env", False),
        ("*.env.*", False),
        (".[z-a]nv", False),
    ],
)
def test_patterns_of_ignore_files(lines: str, is_excluded: bool) -> None:
    """The last pattern that matches decides, as in Docker."""
    assert DockerIgnore(lines.split("\n")).excludes(".env") is is_excluded


def test_patterns_match_directories_above_a_path() -> None:
    """A pattern for a directory excludes the files in it, unless a later pattern includes one."""
    ignore = DockerIgnore([".git", "deep/**/x", "!.git/keep"])
    excluded = {path: ignore.excludes(path) for path in (".git/config", ".git/keep", "deep/x", "deep/a/b/x", "x")}
    assert excluded == {".git/config": True, ".git/keep": False, "deep/x": True, "deep/a/b/x": True, "x": False}


@pytest.mark.parametrize("name", ["Dockerfile.web", "docker/Dockerfile", "a/b/web.Dockerfile", "Containerfile"])
def test_dockerfiles_by_their_names(project: MakeProject, name: str) -> None:
    """Each of the usual names is read, near the root."""
    made = project(
        {"env/production/web.env": "A=1\n", name: "FROM a\nCOPY . .\n", "x/.hidden/Dockerfile": "COPY . .\n"}
    )
    made.write("node_modules/x/Dockerfile", "COPY . .\n")
    made.write("Dockerfile.md", "COPY . .\n")
    assert found_in(made) == [f"{name}:2: .env, .git"]
    made.write(".dockerignore", BOTH)
    assert found_in(made) == []


def test_the_ignore_file_of_a_dockerfile_wins(project: MakeProject) -> None:
    """Docker does not read the .dockerignore of the context if the Dockerfile has an ignore file of its own."""
    made = project({"env/production/web.env": "A=1\n", "docker/Dockerfile.app": "COPY . .\n", ".dockerignore": BOTH})
    made.write("docker/Dockerfile.app.dockerignore", ".git\n")
    assert found_in(made) == ["docker/Dockerfile.app:1: .env"]
    made.write("docker/Dockerfile.app.dockerignore", BOTH)
    assert found_in(made) == []


def test_private_files_of_the_project(project: MakeProject) -> None:
    """Files with plain secrets that are in the root are private, and so are the directories of stores."""
    made = project(
        {
            "env/production/web.env": "A=1\n",
            "Dockerfile": "COPY . .\n",
            ".dockerignore": BOTH,
            ".env.example": "A=\n",
            ".env.local": f"DB_PASSWORD={make_canary()}\n",
            ".secrets/development/key": make_canary(),
            "mounted/keys/key": make_canary(),
            "providers/production.toml": "[stores.docker]\ndir = 'mounted/keys'\n",
        }
    )
    assert found_in(made) == ["Dockerfile:1: .env.local, .secrets, mounted/keys"]
    made.write(".dockerignore", f"{BOTH}.env.*\n.secrets\nmounted\n")
    assert found_in(made) == []


def test_an_unreadable_dockerfile_is_reported(project: MakeProject) -> None:
    """What was not checked is in the report."""
    made = project({"env/production/web.env": "A=1\n"})
    (made.root / "Dockerfile").symlink_to("gone")
    report = audited(made)
    assert any(line.startswith("image-context: Dockerfile: ") for line in report.not_checked)
