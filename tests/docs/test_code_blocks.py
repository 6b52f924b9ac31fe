"""Every code block of README.md and docs/ can be read by the program that it is for.

Other tests of this folder run many of them. This one leaves none out.
"""

import ast
import configparser
import importlib
import json
import re
import shlex
import shutil
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from secretsync.cli.commands import COMMANDS
from secretsync.cli.parser import build_parser
from secretsync.project.env_file import parse_env_file

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Directives of the site, and output, which other tests compare.
WITHOUT_READER = {"text", "console", "hcl", "{toctree}", "{include}", "{eval-rst}"}
INSTRUCTIONS = {"FROM", "RUN", "COPY", "ENTRYPOINT", "CMD", "ENV", "WORKDIR", "USER", "ARG", "EXPOSE", "HEALTHCHECK"}

_FENCED = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_ENV_FILE = re.compile(r"# \S*\.env\b")
# A word of a shell before which a new command begins.
_BEGINS = {"|", "||", "&&", ";", "&", "(", "then", "do", "if", "!", "exec", "{", "sudo", "nice"}


def blocks() -> Iterator[tuple[str, str, str]]:
    """Each block: the page with the number of the block's line, the language, the text."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCED.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{page.relative_to(ROOT)}:{line}", match[2], textwrap.dedent(match[3])


BLOCKS = list(blocks())


def of(*languages: str) -> pytest.MarkDecorator:
    """Run a test with each block of these languages."""
    chosen = [(place, text) for place, language, text in BLOCKS if language in languages]
    assert chosen
    return pytest.mark.parametrize(("place", "text"), chosen, ids=[place for place, _ in chosen])


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each `secretsync` in a script, also of one in `$(...)`."""
    script = re.sub(r"\\\n", " ", text)
    script = re.sub(r"<(\([^()]*\))", r"file; \1", script)  # process substitution
    script = re.sub(r'"?\$(\([^()]*\))"?', r"value; \1", script)
    for line in script.split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        found: list[str] | None = None
        before = ";"
        for word in lexer:
            if word in _BEGINS or set(word) <= set("();|&"):
                if found is not None:
                    yield found
                found, before = None, ";"
            elif word == "secretsync" and (before in _BEGINS or "=" in before):
                found = []
            elif found is not None:
                found.append(word)
            before = word
        if found is not None:
            yield found


def check_command(arguments: list[str]) -> None:
    """Raise SystemExit or AssertionError if the command does not take its arguments."""
    # Without a redirection and its file.
    line = re.sub(r"\d?[<>]{1,2}(?:&\d|\x00?[^\x00]*)", "", "\x00".join(arguments))
    words = [word for word in line.split("\x00") if word]
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    if name in {"--help", "--version"}:
        return
    assert name in COMMANDS, name
    command = importlib.import_module(f"secretsync.cli.commands.{name.replace('-', '_').replace(' ', '_')}")
    rest = words[len(name.split()) :]
    if hasattr(command, "split") and "--" in rest:
        rest, started = command.split(rest)
        assert started
    build_parser(name, command).parse_known_args(rest)


def test_every_language_has_a_reader() -> None:
    """A block without a language, or with a new one, is read by nobody."""
    read = {"sh", "fish", "python", "toml", "json", "yaml", "dockerfile", "ini"}
    assert {(place, language) for place, language, _ in BLOCKS if language not in read | WITHOUT_READER} == set()


@of("sh")
def test_shell(place: str, text: str) -> None:
    """A shell reads the script, and SecretSync takes each of its commands. An env file is read as one."""
    if _ENV_FILE.match(text) or re.fullmatch(r"(?:(?:#.*|\w+=.*|)\n)+", text):
        assert not parse_env_file(text.encode(), file=place).problems
        return
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, capture_output=True)
    for arguments in commands(text):
        check_command(arguments)


def test_commands_of_a_script() -> None:
    """Each command is found: in a pipe, after `&&`, over two lines, in a substitution, behind a comment."""
    script = 'A="$(secretsync get X -e production)" psql\npass x | secretsync set X \\\n  -e p && secretsync audit #\n'
    assert list(commands(script)) == [["get", "X", "-e", "production"], ["set", "X", "-e", "p"], ["audit"]]
    with pytest.raises(SystemExit):
        check_command(["audit", "--no-such-option"])
    with pytest.raises(AssertionError):
        check_command(["adit"])


@of("python")
def test_python(place: str, text: str) -> None:
    """Python reads the block."""
    ast.parse(text, place)


@of("toml")
def test_toml(place: str, text: str) -> None:
    """The block is TOML."""
    assert tomllib.loads(text), place


@of("json")
def test_json(place: str, text: str) -> None:
    """The block is JSON."""
    assert json.loads(text), place


@of("yaml")
def test_yaml(place: str, text: str) -> None:
    """The block is YAML."""
    assert list(yaml.safe_load_all(text)), place


@of("dockerfile")
def test_dockerfile(place: str, text: str) -> None:
    """Each line begins with an instruction."""
    lines = [line for line in re.sub(r"\\\n", " ", text).split("\n") if line.strip() and not line.startswith("#")]
    assert {line.split()[0] for line in lines} <= INSTRUCTIONS, place


@of("ini")
def test_ini(place: str, text: str) -> None:
    """The block is a unit of systemd, or an entry that is a part of one."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(text if text.startswith("[") else f"[Part]\n{text}")
    assert parser.sections(), place


@of("fish")
def test_fish(place: str, text: str) -> None:
    """The shell fish reads the block."""
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    subprocess.run([fish, "--no-execute"], input=text, text=True, check=True, capture_output=True)
    assert text, place
