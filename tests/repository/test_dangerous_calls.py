"""The code of SecretSync runs no text as a program, and unpacks no data that can run one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository.lower_bounds import lower_bounds

ROOT = Path(__file__).parents[2]

# A call of one of these, by the name that is written before the parenthesis.
FORBIDDEN = {
    "eval": "runs text",
    "exec": "runs text",
    "compile": "makes a program of text",
    "__import__": "imports what a text names",
    "os.system": "starts a shell",
    "os.popen": "starts a shell",
    "subprocess.getoutput": "starts a shell",
    "subprocess.getstatusoutput": "starts a shell",
    "tempfile.mktemp": "another process can take the name",
    "yaml.load": "creates any object",
    "yaml.unsafe_load": "creates any object",
    "yaml.full_load": "creates many objects",
    "ssl._create_unverified_context": "accepts every certificate",
}
# Modules that create any object from data, or that start shells.
FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "pty", "commands"}


def dangers(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the reason of each call and import in `source` that is forbidden."""
    aliases: dict[str, str] = {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {name.asname or name.name: name.name for name in node.names}
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
            aliases |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
        else:
            continue
        yield from ((node.lineno, name) for name in modules if name.partition(".")[0] in FORBIDDEN_MODULES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _name_of(node.func, aliases).removeprefix("builtins.")
            if name in FORBIDDEN:
                yield node.lineno, f"{name}: {FORBIDDEN[name]}"
            for option in node.keywords:
                is_false = isinstance(option.value, ast.Constant) and option.value.value is False
                if option.arg == "shell" and not is_false:
                    yield node.lineno, "shell="
                if option.arg == "verify" and is_false:
                    yield node.lineno, "verify=False: accepts every certificate"


def _name_of(function: ast.expr, aliases: dict[str, str]) -> str:
    if isinstance(function, ast.Name):
        return aliases.get(function.id, function.id)
    if isinstance(function, ast.Attribute):
        return f"{_name_of(function.value, aliases)}.{function.attr}"
    return ""


# `import_module` without the import of importlib. Its callers name modules of SecretSync or of an installed provider.
ALLOWED = {("src/secretsync/core/light.py", "__import__")}

FILES = [
    *sorted((ROOT / "src").rglob("*.py")),
    *sorted((ROOT / "demo").rglob("*.py")),
    *sorted((ROOT / "docker").rglob("*.py")),
]


def test_no_dangerous_call() -> None:
    """No file of SecretSync has one."""
    assert len(FILES) > 100
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in FILES
        for line, what in dangers(path.read_text(encoding="utf-8"))
        if (str(path.relative_to(ROOT)), what.partition(":")[0]) not in ALLOWED
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import builtins\nbuiltins.exec('1')",
        "import pickle",
        "from pickle import loads",
        "import os\nos.system('x')",
        "from os import system as run\nrun('x')",
        "import subprocess as s\ns.run('x', shell=True)",
        "run('x', shell=is_shell)",
        "import tempfile\ntempfile.mktemp()",
        "from tempfile import mktemp\nmktemp()",
        "import yaml\nyaml.load(text)",
        "import requests\nrequests.get(url, verify=False)",
        "import marshal as m",
    ],
)
def test_each_danger_is_found(source: str) -> None:
    """A call is found by each name that it can have."""
    assert list(dangers(source))


@pytest.mark.parametrize("source", ["evaluate('1')", "re.compile('x')", "run(['x'], shell=False)", "import pickles"])
def test_harmless_calls(source: str) -> None:
    """A name that only looks like one is no danger."""
    assert not list(dangers(source))


def test_every_dependency_has_a_lower_bound() -> None:
    """`make test-oldest` installs the lowest version of each package."""
    bounds = dict(lower_bounds())
    assert {"python-dotenv", "boto3", "hvac", "azure-identity", "azure-keyvault-secrets", "PyYAML"} == set(bounds)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "tests/repository/lower_bounds.py" in makefile
