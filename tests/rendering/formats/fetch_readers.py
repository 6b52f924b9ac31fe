"""Put what no Debian package has into `.tools/`: old versions of Python packages, npm's dotenv, compose's parser.

Run it from anywhere: `python tests/rendering/formats/fetch_readers.py`. It needs the network once; what cannot
be had is said, and the tests that need it are skipped by name.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[3] / ".tools"
PYTHON_DOTENV_VERSIONS = ("0.21.1", "1.0.1", "1.2.2", "1.2.4")
# The oldest versions that the integrations support; the tests run with the newest as well.
OLDEST = {"oneenv": "0.1.0", "pydantic-settings": "2.0.0"}
NPM_DOTENV = "18.0.10"
COMPOSE_GO = "v2.16.2"
TEXTMATE = "vscode-textmate@9.3.2 vscode-oniguruma@2.0.1"  # how Visual Studio Code reads grammars

COMPOSE_READER = TOOLS / "compose-go"  # the folder of the program

# The libraries with which External Secrets Operator executes templates and reads properties.
SPRIG, GJSON = "v3.3.0", "v1.18.0"
TEMPLATE_ENGINE = TOOLS / "template-engine"
_ENGINE_SOURCE = Path(__file__).resolve().parents[2] / "exporting" / "engine.go"

_READER = """// Command compose-reader prints the variables of the env file on its standard input as JSON.
//
// With the argument "values" it reads JSON with an environment and a list of values instead, and prints for each value
// what it becomes as the only line of an env file; null if it is refused.
package main

import (
	"encoding/json"
	"os"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

type question struct {
	Environment map[string]string `json:"environment"`
	Values      []string          `json:"values"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "values" {
		printValues()
		return
	}
	variables, err := dotenv.ParseWithLookup(os.Stdin, func(string) (string, bool) { return "", false })
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	printJSON(variables)
}

func printValues() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	lookup := func(name string) (string, bool) {
		value, ok := asked.Environment[name]
		return value, ok
	}
	answers := make([]*string, len(asked.Values))
	for index, value := range asked.Values {
		if variables, err := dotenv.UnmarshalWithLookup("KEY="+value+"\\n", lookup); err == nil {
			text := variables["KEY"]
			answers[index] = &text
		}
	}
	printJSON(answers)
}

func printJSON(document any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		os.Exit(1)
	}
}
"""


def main() -> int:
    """Fetch what is not there; 0 in any case: the tests say what is missing."""
    TOOLS.mkdir(exist_ok=True)
    wanted: list[tuple[str, str, Callable[[Path, str], None], str]] = [
        *(
            (name, f"{name}-{version}", partial(_python_package, name), version)
            for name, version in (*(("python-dotenv", one) for one in PYTHON_DOTENV_VERSIONS), *OLDEST.items())
        ),
        ("npm dotenv", "npm", _npm_dotenv, NPM_DOTENV),
        ("compose-go", COMPOSE_READER.name, _compose_reader, COMPOSE_GO),
        ("template engine", TEMPLATE_ENGINE.name, _template_engine, f"sprig {SPRIG}, gjson {GJSON}"),
        ("textmate", "textmate", _textmate, TEXTMATE),
    ]
    for name, folder, make, version in wanted:
        there = _fetch(TOOLS / folder, make, version)
        sys.stdout.write(
            f"readers: {name} {version} {'is there' if there else 'cannot be had: its tests are skipped'}\n"
        )
    return 0


def _fetch(target: Path, make: Callable[[Path, str], None], version: str) -> bool:
    """Return True if the tool is at `target` now."""
    if (target / "VERSION").is_file() and (target / "VERSION").read_text() == version:
        return True
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    try:
        make(target, version)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(target, ignore_errors=True)
        return False
    (target / "VERSION").write_text(version)
    return True


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)


def _python_package(name: str, target: Path, version: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    _run([*pip, "--target", str(target), f"{name}=={version}"], target)


def _npm_dotenv(target: Path, version: str) -> None:
    _npm(target, f"dotenv@{version}")


def _textmate(target: Path, version: str) -> None:
    _npm(target, *version.split())


def _npm(target: Path, *packages: str) -> None:
    _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(target), *packages], target)


def _compose_reader(target: Path, version: str) -> None:
    (target / "main.go").write_text(_READER)
    (target / "go.mod").write_text("module compose-reader\n\ngo 1.21\n")
    _run(["go", "get", f"github.com/compose-spec/compose-go/v2@{version}"], target)
    _run(["go", "mod", "tidy"], target)
    _run(["go", "build", "-o", "compose-reader", "."], target)


def _template_engine(target: Path, _: str) -> None:
    shutil.copy(_ENGINE_SOURCE, target / "main.go")
    (target / "go.mod").write_text("module template-engine\n\ngo 1.21\n")
    _run(["go", "get", f"github.com/Masterminds/sprig/v3@{SPRIG}", f"github.com/tidwall/gjson@{GJSON}"], target)
    _run(["go", "mod", "tidy"], target)
    _run(["go", "build", "-o", "engine", "."], target)


if __name__ == "__main__":
    sys.exit(main())
