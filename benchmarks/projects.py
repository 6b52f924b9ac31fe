"""The projects that are measured: files as people write them, with comments, quotes, `export` and blank lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

PROFILE = "secretspec/bench/default"  # the folder in which secretspec looks for the secrets of this project
REFERENCES = {"aws": f"aws:{PROFILE}/{{}}", "vault": f"vault:secret/{PROFILE}/{{}}#value", "azure": "azure:{}"}
LINES = (
    *("K{0}=value of {0}", "K{0}=value", "K{0}=/var/lib/app/{0}", "# a comment", "K{0}=10", ""),
    *("K{0}=https://host-{0}.internal", 'export K{0}="some value {0}"', "K{0}='value {0}'  # why", "K{0}=True"),
)
_SETTINGS = (
    "SETTING_{0}=the value of setting {0}",
    'export SETTING_{0}="value {0}"',
    "SETTING_{0}='value {0}'",
    "SETTING_{0}=value-{0}  # why",
)


def env_text(lines: int) -> str:
    """Return an env file of so many lines, of which four fifths are entries."""
    return "".join(LINES[number % len(LINES)].format(number) + "\n" for number in range(lines))


def make_files_project(folder: Path) -> dict[str, str]:
    """Write a project of 40 variables without remote store. Return the variables of its process environment.

    `.env` has all of them as text. env/test has 20 settings, 10 variables of the process environment and 10 secrets of
    files. `files` has a file for each of the 40, for tools that read a folder.
    """
    settings = ["# Settings of the application", ""]
    for number in range(20):
        settings += [_SETTINGS[number % len(_SETTINGS)].format(number), *(["", "# More"] if number % 5 == 4 else [])]
    names = [f"SETTING_{number}" for number in range(20)]
    variables = [f"VARIABLE_{number}" for number in range(10)]
    secrets = [f"SECRET_{number}" for number in range(10)]
    common = [*settings, "", "# From the environment", *(f'{name}="$<env:{name}>"' for name in variables)]
    security = ["# Secrets of files", "", *(f"export {name}=$<docker:{name.lower()}>" for name in secrets)]
    plain = [*settings, "", "# Secrets", *(f'{name}="a value of some length"' for name in [*variables, *secrets])]
    declared = "".join(f'{name} = {{ description = "a value" }}\n' for name in [*names, *variables, *secrets])
    _write(
        folder,
        {
            "env/test/common.env": "\n".join(common) + "\n",
            "env/test/security.env": "\n".join(security) + "\n",
            "providers/test.toml": '# Where the secrets are\n[stores.docker]\ndir = "files"\n',
            ".env": "\n".join(plain) + "\n",
            "names": "\n".join([*names, *variables, *secrets]),
            "secretspec.toml": _secretspec(declared),
            **{f"files/{name.lower()}": f"the secret {name}\n" for name in [*names, *variables, *secrets]},
        },
    )
    return {name: f"the value of {name}" for name in variables}


def make_store_project(folder: Path, stores: Mapping[str, Sequence[str]]) -> int:
    """Write the project of each tool that reads these names of each store. Return the number of values.

    Only SecretSync reads several stores at once. The others' projects are of the first store.
    """
    references = {store: [REFERENCES[store].format(name) for name in names] for store, names in stores.items()}
    lines = ["# The secrets of the application", ""]
    for store, some in references.items():
        lines += [f'{store.upper()}_{name}="$<{one}>"' for name, one in zip(stores[store], some, strict=True)]
    first, names = next(iter(stores.items()))
    declared = "".join(f'{name} = {{ description = "a secret", required = true }}\n' for name in names)
    _write(
        folder,
        {
            "env/test/security.env": "\n".join(lines) + "\n",
            "names": "\n".join(names),
            "secretspec.toml": _secretspec(declared),
            ".env.schema": _varlock_schema(first, names),
        },
    )
    return sum(map(len, references.values()))


def link_npm(folder: Path, npm: Path) -> None:
    """Let varlock find its plugins from a project."""
    (folder / "package.json").write_text((npm / "package.json").read_text())
    (folder / "node_modules").symlink_to(npm / "node_modules")


def _varlock_schema(store: str, names: Sequence[str]) -> str:
    if store == "aws":
        head = ["# @plugin(@varlock/aws-secrets-plugin)", "# @initAws(region=eu-west-1)", "# ---"]
        return "\n".join([*head, *(f'{name}=awsSecret("{PROFILE}/{name}")' for name in names)]) + "\n"
    head = [
        "# @plugin(@varlock/hashicorp-vault-plugin)",
        '# @initHcpVault(url="${VAULT_ADDR}", token=$VAULT_TOKEN)',
        "# ---",
        "VAULT_ADDR=",
        "# @type=vaultToken @sensitive",
        "VAULT_TOKEN=",
    ]
    return "\n".join([*head, *(f'{name}=vaultSecret("secret/{PROFILE}/{name}#value")' for name in names)]) + "\n"


def _secretspec(declared: str) -> str:
    return f'[project]\nname = "bench"\nrevision = "1.0"\n\n[profiles.default]\n{declared}'


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
