"""`secretsync template`: what the environments define, without a value, and whether a committed file says so."""

import io
import os
import re
import stat
from pathlib import Path

from dotenv import dotenv_values
from hypothesis import assume, given
from hypothesis import strategies as st

from secretsync.policy.policy import Policy
from secretsync.project.env_file import parse_env_file
from secretsync.project.layout import COMMON, SECURITY
from secretsync.rendering.env_example import Defined, env_example, masked
from secretsync.rendering.formats import dotenv
from tests.support.canary import CanaryFactory
from tests.support.hostile import ENV_FILE_ATOMS, PLACEHOLDER_ATOMS
from tests.support.plans import planned
from tests.support.projects import MakeProject, Project

ROOT = Path(__file__).parents[3]
TOKEN = "gh" + "p_" + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"

FILES = {
    "env/development/common.env": "# Off in production.\nDEBUG=True\nPORT=8000\nLOG_LEVEL=$<env:LOG_LEVEL:-INFO>\n",
    "env/development/security.env": "SECRET_KEY=$<SECRET_KEY:-for-development>\n",
    "env/production/common.env": "# Off in production.\nDEBUG=False\n# Half an hour.\nTIMEOUT=1800\nNAME='a\nb'\n",
    "env/production/security.env": (
        "# A header.\n\n# Signs sessions.\nSECRET_KEY=$<aws:prod/app#key>\nPASSWORD=${PASSWORD}\nHOST=db\n"
    ),
    "env/production/web.env": "PORT=80\nURL=pg://app:${PASSWORD}@${HOST}/app\n",
    "env/production/policy.toml": (
        "sensitive = ['*_PIN']\n[required]\nSECRET_KEY = 'the key that sessions are signed with'\n"
        "DATABASE_URL = { description = 'where the database is', service = 'database', environment = true }\n"
        "ADMIN_PIN = 'opens the door'\n"
    ),
}
EXPECTED = """
# ---- common ----

# Off in production.
DEBUG=

# only in development
PORT=

# only in development
LOG_LEVEL=

# Half an hour.
# only in production
TIMEOUT=

# only in production
NAME=

# required in production: opens the door
ADMIN_PIN=$<ADMIN_PIN>

# ---- security ----

# required in production: the key that sessions are signed with
# Signs sessions.
SECRET_KEY=$<SECRET_KEY>

# only in production
PASSWORD=$<PASSWORD>

# only in production
HOST=

# ---- database ----

# required in production: where the database is
DATABASE_URL=

# ---- web ----

# only in production
URL=$<URL>

# Here too: PORT (under common)
"""


def written(made: Project, *arguments: str) -> str:
    """Return the file that is written."""
    made.cli("template", *arguments, expect=0)
    return made.read(".env.example")


def test_what_is_written(project: MakeProject) -> None:
    """The template has services, comments and descriptions; secrets are placeholders and settings are empty."""
    made = project(FILES)
    text = written(made)
    assert text.split("\n", 2)[2] == EXPECTED
    assert stat.S_IMODE((made.root / ".env.example").stat().st_mode) == 0o644
    # Nobody's variables choose what is written, and a second run writes nothing.
    again = made.cli("template", "--all", env={"SECRETSYNC_ENV": "production", "PYTHONHASHSEED": "7"}, expect=0)
    assert ".env.example: up to date" in again.stderr
    assert made.cli("template", "--output", "-", expect=0).stdout == text
    assert made.cli("template", "--check", expect=0).stdout == ""


def test_it_can_be_read(project: MakeProject) -> None:
    """SecretSync and python-dotenv read the same keys from the template."""
    text = written(project(FILES))
    read = parse_env_file(text.encode(), file=".env.example")
    assert not read.problems
    ours = {entry.key: entry.text for entry in read.entries}
    assert ours == dotenv_values(stream=io.StringIO(text), interpolate=False)
    assert ours == dotenv_values(stream=io.StringIO(text))
    assert all(value in ("", f"$<{key}>") for key, value in ours.items())
    assert set(ours) == {
        *("DEBUG", "PORT", "LOG_LEVEL", "TIMEOUT", "NAME", "SECRET_KEY", "PASSWORD", "HOST", "URL", "DATABASE_URL"),
        "ADMIN_PIN",
    }


def test_the_file_works_as_a_first_env_file(project: MakeProject, canary: CanaryFactory) -> None:
    """A copy of it, as .env, is a configuration whose secrets come from where they are kept."""
    made = project(FILES)
    made.write(".env", written(made))
    env = {name: canary() for name in ("SECRET_KEY", "PASSWORD", "URL", "ADMIN_PIN")}
    done = made.cli("run", "--env-file", ".env", "--no-validate", "--", "sh", "-c", "echo $((${#URL} > 0))", env=env)
    assert done.stdout == "1\n"


def test_one_environment(project: MakeProject) -> None:
    """-e chooses; where there is one environment nothing says where a key is."""
    made = project(FILES)
    text = written(made, "-e", "development")
    assert "only in" not in text
    assert "TIMEOUT" not in text
    both = written(made, "-e", "production", "-e", "development", "-e", "production")
    assert both.split("\n", 2)[2] == EXPECTED
    assert "there is no env file there" in made.cli("template", "-e", "productoin", expect=2).stderr


def test_no_value_gets_in(project: MakeProject, canary: CanaryFactory) -> None:
    """The template has no value: not from defaults, quoting, commented-out entries, tokens or URLs."""
    c = canary
    made = project(
        {
            "env/test/common.env": (
                f"# DB_PASSWORD={c()}\n# export OLD = '{c()}'\n# the password: it was DB_PASSWORD: {c()}\n"
                f"# {TOKEN}\n# pg://app:{c()}@db/app\n# stays\nA={c()}\nB='{c()}\n{c()}'\nC=\"$<env:X:-{c()}>\"\n"
                f"DB_PASSWORD={c()}\nURL=pg://u:{c()}@h/x # {c()}\n"
            ),
            "env/test/policy.toml": f"[required]\nA = 'see pg://u:{c()}@h'\n[checks.B]\nequals = '{c()}'\n",
        }
    )
    canary.watch(made.write(".env.example", written(made)))
    text = made.read(".env.example")
    assert TOKEN not in text
    assert "# stays\nA=\n" in text
    assert "DB_PASSWORD=$<DB_PASSWORD>\n" in text
    assert "URL=$<URL>\n" in text


def test_out_of_date(project: MakeProject, canary: CanaryFactory) -> None:
    """Status 1, and a difference that shows no value of a file that somebody filled in."""
    made = project(FILES)
    text = written(made)
    filled = text.replace("PASSWORD=$<PASSWORD>", f"PASSWORD={canary()}").replace("TIMEOUT=\n", "OLD=\n")
    filled += f"\n# NOTE={canary()}\nKEY='-----BEGIN\n{canary()}\n{canary()}='\n"
    made.write(".env.example", filled)
    done = made.cli("template", "--check", expect=1)
    assert "it is out of date" in done.stderr
    changed = [line for line in done.stdout.split("\n") if re.match(r"[-+](?![-+])", line)]
    assert changed == [
        "-OLD=",
        "+TIMEOUT=",
        "-PASSWORD=********",
        "+PASSWORD=$<PASSWORD>",
        "-# ********",
        "-KEY=********",
        "-********",
        "-********",
        "-",
    ]
    assert made.read(".env.example") == filled
    assert made.cli("template", "--check", "-q", expect=1).stdout == ""
    # What cannot be parsed is masked whole, whatever its lines look like.
    made.write(".env.example", f'PASSWORD="{canary()}\n{canary()}=\n')
    assert "-********\n-********\n" in made.cli("template", "--check", expect=1).stdout


def test_line_ends_and_missing_files(project: MakeProject) -> None:
    """Git may have changed the line ends; a file that is not there is out of date."""
    made = project(FILES)
    assert "there is no such file" in made.cli("template", "--check", expect=1).stderr
    made.write(".env.example", written(made).replace("\n", "\r\n"))
    made.cli("template", "--check", expect=0)
    other = made.cli("template", "--output", "docs.env", expect=0)
    assert "docs.env: written" in other.stderr
    made.cli("template", "--check", "--output", "docs.env", expect=0)
    made.cli("template", "--check", "--output", "-", expect=2)
    (made.root / ".env.example").unlink()
    (made.root / ".env.example").mkdir()
    assert "not a regular file but a folder" in made.cli("template", "--check", expect=6).stderr
    assert "it is a folder" in made.cli("template", expect=6).stderr


def test_the_mode_stays(project: MakeProject) -> None:
    """A committed file keeps the mode that it has."""
    made = project(FILES)
    made.write(".env.example", "", mode=0o664)
    written(made)
    assert stat.S_IMODE((made.root / ".env.example").stat().st_mode) == 0o664


def test_everything_wrong_at_once(project: MakeProject) -> None:
    """Problems of all environments in one report, and nothing is written."""
    made = project(
        {
            "env/a/common.env": "A=1\nA=2\n",
            "env/b/common.env": "B=$<\n",
            "env/c/common.env": "C=1\n",
            "env/c/policy.toml": "oops = 1\n",
        }
    )
    failed = made.cli("template", expect=2)
    assert re.findall(r"env/\w+/[\w.]+:\d", failed.stderr) == [
        "env/a/common.env:2",
        "env/b/common.env:1",
        "env/c/policy.toml:1",
    ]
    assert not os.path.lexists(made.root / ".env.example")


_ATOMS = st.sampled_from([atom for atom in (*ENV_FILE_ATOMS, *PLACEHOLDER_ATOMS) if atom.isascii() or atom.isalpha()])
_HOSTILE = st.lists(_ATOMS, max_size=5).map("".join)
_COMMENTS = st.lists(_HOSTILE.map(lambda text: "#" + text.replace("\n", " ").replace("\r", " ")), max_size=3)
_VALUES = st.one_of(
    st.sampled_from(["", "1", "$<A>", "${A}", "x$<aws:p#f>y", "$<env:X:-d>", "$<X:?m>", '"a\nb"', "u://u:p@h", "''"]),
    _HOSTILE.filter(lambda text: dotenv.refusal("A", text) is None).map(lambda text: dotenv.render({"A": text})[2:-1]),
)


@st.composite
def env_files(draw: st.DrawFn) -> str:
    """Return an env file with comments, blank lines, and values in every quoting."""
    parts = []
    for name in draw(st.lists(st.sampled_from(["A", "B", "DB_PASSWORD", "TOKEN_TTL", "c", "_D"]), unique=True)):
        parts += [*draw(_COMMENTS), *[""] * draw(st.integers(0, 1)), *draw(_COMMENTS)]
        parts.append(f"{draw(st.sampled_from(['', 'export ']))}{name}={draw(_VALUES)}")
    return "\n".join(parts)


@given(st.dictionaries(st.sampled_from([COMMON, SECURITY, "web", "db"]), env_files()))
def test_whatever_the_files_hold(files: dict[str, str]) -> None:
    """For any env files the template can be read, has every key once, and has no value."""
    plan, _ = planned(files)
    assume(plan is not None)
    assert plan is not None
    read = tuple(
        parse_env_file(text.encode(), file=f"env/test/{stem}.env", service=None if stem in (COMMON, SECURITY) else stem)
        for stem, text in files.items()
    )
    text = env_example([Defined(name="test", plan=plan, files=read, policy=Policy())])
    back = parse_env_file(text.encode(), file="x")
    assert not back.problems
    assert {entry.key for entry in back.entries} == {entry.key for file in read for entry in file.entries}
    assert all(entry.text in ("", f"$<{entry.key}>") for entry in back.entries)
    assert set(dotenv_values(stream=io.StringIO(text), interpolate=False)) == {entry.key for entry in back.entries}
    assert masked(text, text) == text


def test_our_own_is_up_to_date(project: MakeProject) -> None:
    """This repository's .env.example says what its env/ defines."""
    project().cli("template", "--check", "--root", str(ROOT), expect=0)
