"""The page to begin with: what it says to type is typed in an empty folder, and prints what the page shows."""

import os
import re
import sys
from pathlib import Path

from tests.servers.openbao import VaultSpace
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject

PAGE = (Path(__file__).parents[2] / "docs" / "start.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def section(title: str) -> str:
    """Return the text below a title."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str) -> list[tuple[str, str]]:
    """Each block with its language."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_from_files(project: MakeProject) -> None:
    """Each block of the shell ends with 0, and prints the block of text that follows it."""
    made = project()
    environment = clean_environment(made.home, {"PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])})
    output, compared = "", 0
    for language, text in blocks(section("From files")):
        if language == "sh":
            command = ["bash", "-ec", f"exec 2>&1\n{text}"]
            output = run_command(command, cwd=made.root, env=environment, expect=0).stdout
        else:
            pattern = re.escape(text.rstrip("\n")).replace(r"\.\.\.", r"[^\n]*")
            assert re.fullmatch(pattern, output.rstrip("\n")), output
            compared += 1
    assert compared == 3


def test_from_vault(vault: VaultSpace, project: MakeProject) -> None:
    """The bindings of the page lead to the server, and its commands put secrets there and start a program."""
    (language, bindings), (_, script) = blocks(section("From Vault or OpenBao"))
    assert language == "toml"
    made = project(
        {
            "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\n",
            "env/production/app.env": "DATABASE_URL=postgresql://app:$<DATABASE_PASSWORD?as=url>@127.0.0.1/app\n",
            "app.py": "import os\nprint(len(os.environ['SECRET_KEY']), 'VAULT_TOKEN' in os.environ)\n",
        }
    )
    space = vault.new_namespace()
    space.kv2("secret")
    given = space.environ(space.token(space.policy("*", capabilities=["create", "read", "update", "list"])))
    made.write("providers/production.toml", bindings.replace("https://vault.internal:8200", given["VAULT_ADDR"]))
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = clean_environment(made.home, {"PATH": path, **given})
    typed = script.replace("export VAULT_TOKEN=root\n", "")
    assert typed != script
    done = run_command(["bash", "-ec", typed], cwd=made.root, env=environment, expect=0)
    assert done.stdout.endswith("64 False\n")
