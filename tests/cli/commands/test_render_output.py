"""`render` into files, and of templates."""

import base64
import json
from pathlib import Path

import pytest

from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

BINDINGS = '[stores.docker]\ndir = "s"\n'


@pytest.fixture
def secret(canary: CanaryFactory) -> str:
    """Return a password that every kind of file has to escape."""
    return canary("'\"\\$<X> ${HOME} $(id)\n", " é")


@pytest.fixture
def made(project: MakeProject, secret: str) -> Project:
    """Return a project with one secret and two services."""
    return project(
        {
            "env/test/common.env": "HOST=db.internal\nPORT=5432\n",
            "env/test/security.env": "PASSWORD=$<docker:password>\n",
            "env/test/web.env": "URL=http://${HOST}:${PORT}/\n",
            "providers/test.toml": BINDINGS,
            "s/password": secret,
        }
    )


def test_template_with_json(made: Project, secret: str) -> None:
    """Values stand escaped inside the strings of a JSON template; services' entries are seen too."""
    made.write("t.json", '{"url": "${URL}", "port": ${PORT}, "password": "$<docker:password>", "text": "$$<X> $${Y}"}')
    done = made.cli("render", "-e", "test", "--template", "t.json", "--escape", "json", reveals=True, expect=0)
    assert json.loads(done.stdout) == {
        "url": "http://db.internal:5432/",
        "port": 5432,
        "password": secret,
        "text": "$<X> ${Y}",
    }


def test_template_is_not_expanded_twice(made: Project, secret: str) -> None:
    """A value from a store is inserted unchanged even if it looks like a placeholder."""
    made.write("t.txt", "[${PASSWORD}]")
    done = made.cli("render", "-e", "test", "--template", "t.txt", "--escape", "none", reveals=True, expect=0)
    assert done.stdout == f"[{secret}]"


def test_template_errors_say_where(made: Project) -> None:
    """Every fault of a template is in one report, with line and column."""
    made.write("t.txt", "a $<docker:password> ${NOPE}\n\nb $<dokcer:x>\n")
    done = made.cli("render", "-e", "test", "--template", "t.txt", "--escape", "none", expect=2)
    assert "t.txt:1:22: the variable NOPE is neither an entry nor in the process environment" in done.stderr
    assert "t.txt:3:3: there is no store called 'dokcer'; did you mean docker?" in done.stderr


def test_template_with_a_missing_secret(made: Project) -> None:
    """A secret that only the template refers to is looked for, and missing; nothing is written."""
    made.write("t.txt", "x\n  $<docker:other>")
    arguments = ("render", "-e", "test", "--template", "t.txt", "--escape", "none", "--output", "out")
    done = made.cli(*arguments, expect=3)
    assert "t.txt:2:3" in done.stderr
    assert not (made.root / "out").exists()


@pytest.mark.parametrize(
    ("escape", "text"),
    [
        ("yaml", '# old: "$<docker:gone>" ${GONE} $<\na: "b"\n'),
        ("shell", "# old: $<docker:gone> ${GONE} $<\nA=b\n"),
        ("json", '// old: "$<docker:gone>" ${GONE} $<\n/* $<nostore:x> */ {"a": "b"}\n'),
    ],
)
def test_comments_of_a_template_need_no_secret(made: Project, escape: str, text: str) -> None:
    """A comment is written as it is: no store is asked for its placeholders."""
    made.write("t.in", text)
    done = made.cli("render", "-e", "test", "--template", "t.in", "--escape", escape, expect=0)
    assert (done.stdout, done.stderr) == (text, "")


@pytest.mark.parametrize("text", ["# $<docker:gone>", "# $<nostore:x>", "# ${GONE}", "# $<"])
def test_the_message_of_none_names_the_way_to_write_a_literal(made: Project, text: str) -> None:
    """The escape `none` does not know comments."""
    made.write("t.in", text)
    done = made.cli("render", "-e", "test", "--template", "t.in", "--escape", "none")
    assert done.status in (2, 3)
    assert f"'$${text[3]}'" in done.stderr
    made.write("t.in", text.replace("$", "$$"))
    made.cli("render", "-e", "test", "--template", "t.in", "--escape", "none", expect=0)


def test_template_needs_an_escape(made: Project) -> None:
    """The kind of file is said, not guessed."""
    made.write("t.json", "{}")
    assert "--escape" in made.cli("render", "-e", "test", "--template", "t.json", expect=2).stderr


def test_template_that_cannot_carry_a_value(made: Project) -> None:
    """A value that does not fit its place in the template is status 6 with the line; no file is written."""
    made.write("t.json", '{\n"password": $<docker:password>}')
    arguments = ("render", "-e", "test", "--template", "t.json", "--escape", "json", "--output", "out.json")
    assert "t.json:2: $<docker:password>" in made.cli(*arguments, expect=6).stderr
    assert not (made.root / "out.json").exists()


@pytest.mark.sink("out.json")
def test_output_is_private_and_kept_when_unchanged(made: Project, secret: str) -> None:
    """The file is for us alone; a second run with the same content does not touch it."""
    made.cli("render", "-e", "test", "--format", "json", "--output", "out.json", expect=0)
    path = made.root / "out.json"
    before = path.stat()
    assert before.st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["PASSWORD"] == secret
    made.cli("render", "-e", "test", "--format", "json", "--output", "out.json", expect=0)
    assert path.stat().st_ino == before.st_ino
    made.cli("render", "-e", "test", "--format", "json", "--output", "out.json", "--mode", "0640", expect=0)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_failing_render_leaves_the_old_file(made: Project) -> None:
    """The file of the last run stays if a secret is missing or a format cannot carry a value."""
    path = made.write("out", "old")
    done = made.cli("render", "-e", "test", "--format", "docker", "--output", "out", expect=6)
    assert "PASSWORD" in done.stderr
    (made.root / "s/password").unlink()
    made.cli("render", "-e", "test", "--format", "json", "--output", "out", expect=3)
    assert path.read_text() == "old"


def test_kubernetes(made: Project, secret: str) -> None:
    """A manifest with the names that were given, and everything in `data`."""
    arguments = ("--format", "kubernetes", "--name", "app", "--namespace", "web")
    text = made.cli("render", "-e", "test", *arguments, reveals=True, expect=0).stdout
    assert base64.b64encode(secret.encode()).decode() in text
    assert "namespace" in text
    assert "--name does not go with json" in made.cli("render", "-e", "test", "--format", "json", "--name", "x").stderr


def test_github_masks_first(made: Project, tmp_path: Path) -> None:
    """The runner is told what to mask, for secrets alone, beside the text; lines of a secret are masked one by one."""
    # Masking commands hold the values: that is what the runner's stderr is for, so this one is not scanned.
    done = made.cli("render", "-e", "test", "--format", "github", reveals=True, reveals_stderr=True, expect=0)
    assert done.stderr.count("::add-mask::") >= 2
    assert "db.internal" not in done.stderr
    assert "PASSWORD<<" in done.stdout


def test_portable_refuses(made: Project) -> None:
    """`--portable` takes what all readers read the same way, and names what it refuses."""
    done = made.cli("render", "-e", "test", "--portable", expect=6)
    assert "PASSWORD" in done.stderr
    assert "HOST" not in done.stderr
