"""Draw random projects with all that `run` and `resolve_config` take; the same seed gives the same projects."""

import base64
import json
import os
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.canary import make_canary
from tests.support.hostile import PLACEHOLDER_ATOMS

# Sensitive names and settings, names of variables that programs read, and one that is refused for secrets.
KEYS = ("A", "B_1", "_X", "PORT", "LOG_LEVEL", "TOKEN", "DB_PASSWORD", "Url", "HOSTNAME", "LANG", "PYTHONPATH")
SERVICES = ("web", "worker")
STORED = ("one", "two", "document", "big", "empty", "bytes")  # the names of secrets in each store
_BEFORE_OPENING = re.compile(r"\$+(?=[<{])")
_TEXTS = (*PLACEHOLDER_ATOMS, "\r\n", "\n\n", "x" * 40, "true", "[1, 2]", "a b", "postgresql://app:", "@db:5432/app")
_BIG = (131_000, 131_072, 200_000)  # around the limit of one variable


@dataclass(slots=True, kw_only=True)
class Configuration:
    """A project, the options of `run`, and the arguments of `resolve_config` that mean the same."""

    files: dict[str, bytes] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict)  # the paths of `files` and `bindings` are relative
    environ: dict[bytes, bytes] = field(default_factory=dict)
    is_in_files: bool = False  # True: secrets are passed in files

    def write(self, root: Path) -> None:
        """Write the project below `root`."""
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def library_arguments(self, root: Path) -> dict[str, Any]:
        """Return the arguments of `resolve_config` for the project at `root`, whatever the working directory is."""
        found = dict(self.arguments)
        if "files" in found:
            found["files"] = [str(root / name) for name in found["files"]]
            found["bindings"] = found["bindings"] and str(root / found["bindings"])
            return found
        return {"root": root, **found}


def draw(drawn: random.Random) -> Configuration:
    """Return one configuration."""
    made = Configuration()
    _add_stores(made, drawn)
    if drawn.random() < 0.65:
        _add_folders(made, drawn)
    else:
        _add_named_files(made, drawn)
    if drawn.random() < 0.15:
        made.options.append("--no-validate")
        made.arguments["validate"] = False
    if drawn.random() < 0.15:
        made.is_in_files = True
        made.options += ["--files", "handed", "--allow-disk"]
    if drawn.random() < 0.1:
        made.options.append("--clean")
    return made


def _add_folders(made: Configuration, drawn: random.Random) -> None:
    environment = drawn.choice(["test", "test", "production", "eu-1"])
    stems = ["common", "security", *SERVICES]
    for stem in [stem for stem in stems if drawn.random() < 0.7] or ["common"]:
        made.files[f"env/{environment}/{stem}.env"] = _env_file(drawn)
    services = [stem for stem in SERVICES if f"env/{environment}/{stem}.env" in made.files]
    made.files[f"providers/{environment}.toml"] = _bindings(drawn)
    made.options += ["-e", environment]
    made.arguments["environment"] = environment
    if services and drawn.random() < 0.3:
        chosen = drawn.sample(services, drawn.randint(1, len(services)))
        made.options += [word for service in chosen for word in ("--service", service)]
        made.arguments["services"] = chosen


def _add_named_files(made: Configuration, drawn: random.Random) -> None:
    names = drawn.sample([".env", "b.env", "conf/c d.env", "ü.env"], drawn.randint(1, 3))
    for name in names:
        made.files[name] = _env_file(drawn)
        made.options += ["--env-file", name]
    made.arguments["files"] = names
    made.arguments["bindings"] = None
    if drawn.random() < 0.85:
        made.files["stores.toml"] = _bindings(drawn)
        made.options += ["--bindings", "stores.toml"]
        made.arguments["bindings"] = "stores.toml"
    if drawn.random() < 0.4:
        made.arguments["environment"] = drawn.choice(["test", "production"])
        made.options += ["-e", made.arguments["environment"]]


def _add_stores(made: Configuration, drawn: random.Random) -> None:
    """Fill a folder of secrets files, a store of a plug-in, and the process environment."""
    values: dict[str, str] = {}
    for name in STORED:
        made.files[f"sec/{name}"] = _secret(name, drawn)
        values[name] = _secret(name, drawn).decode("utf-8", "replace")
        variable = _secret(name, drawn).replace(b"\0", b"")
        made.environ[f"STORED_{name.upper()}".encode()] = variable if len(variable) < 131_000 else b"not so big"
    for key in drawn.sample(KEYS, 9):
        made.files[f"sec/{key.lower()}"] = _secret("one", drawn)
    made.files["probe.json"] = json.dumps(values).encode()
    for key in drawn.sample(KEYS, 3):
        made.environ[key.encode()] = _text(drawn).replace("\0", "").encode("utf-8", "surrogatepass")


def _bindings(drawn: random.Random) -> bytes:
    lines = ['lookup = ["docker", "env"]'] if drawn.random() < 0.5 else []
    if drawn.random() < 0.1:
        lines.append("strict = false")
    lines += ["[stores.docker]", 'dir = "sec"', "[stores.probe]", 'values = "probe.json"', "[secrets]"]
    for key in drawn.sample(KEYS, 4):
        lines.append(f'{key} = "{_reference(drawn, is_bound=True)}"')
    return "\n".join([*lines, ""]).encode()


def _env_file(drawn: random.Random) -> bytes:
    keys = drawn.sample(KEYS, drawn.choice((1, 2, 3, 3, 4, 5)))
    end = drawn.choice(("\n", "\n", "\n", "\r\n", "\n\n", "\n# a comment\n"))
    text = "".join(f"{key}={_value(key, drawn)}{end}" for key in keys)
    return text.encode("utf-8", "replace")


def _value(key: str, drawn: random.Random) -> str:
    """Return the right side of a line, in one of the quotes."""
    if drawn.random() < 0.1:
        return drawn.choice(("", '""', "''", f"${{{key}}}", f"$<{key}>", f"{{{key}}}"))
    parts = "".join(_part(drawn) for _ in range(drawn.choice((1, 1, 2, 3))))
    quote = drawn.choice(("", "'", '"', '"'))
    if quote == '"':
        return '"' + parts.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if quote == "'":
        return "'" + parts.replace("\\", "").replace("'", "") + "'"
    return re.sub(r"[\s'\"\\`#\x00]", "", parts)


def _part(drawn: random.Random) -> str:
    kind = drawn.random()
    if kind < 0.35:
        # A text that ends with a dollar would change the placeholder behind it.
        return _BEFORE_OPENING.sub(lambda run: run[0] * 2, _text(drawn)) + "."
    if kind < 0.75:
        return f"$<{_reference(drawn)}>"
    name = drawn.choice((*KEYS, "STORED_ONE", "STORED_EMPTY", "UNKNOWN"))
    operators = ("", ":-d", "-", "-d", ":+set", "+${A:-x>}", ":-${TOKEN-}")
    return f"${{{name}{drawn.choice(operators) if drawn.random() < 0.97 else ':?it is not there'}}}"


def _reference(drawn: random.Random, *, is_bound: bool = False) -> str:
    """Return the inside of a placeholder: half of them with options, fields, defaults."""
    store = drawn.choice(("docker", "docker", "probe", "probe", "env", "" if not is_bound else "docker"))
    name = drawn.choice(("one", "one", "two", "two", "document", *STORED))
    if drawn.random() < 0.01:
        name = "missing"
    if not store:
        return drawn.choice(KEYS) + drawn.choice(("", "", "?as=url", ":-x", ":?not there"))
    path = f"STORED_{name.upper()}" if store == "env" else name
    options = drawn.choice(("", "", "as=text", "as=url", "as=url", "as=base64", "trim=false", "version=3", "as=json"))
    wanted = {"version=3": store == "probe", "trim=false": store == "docker", "as=json": name == "document"}
    if not wanted.get(options, True):
        options = ""
    if name == "bytes":
        options = "as=base64"
    shown = f"{store}:{path}{'?' if options else ''}{options}"
    if name == "document" and options not in ("as=base64", "as=json"):
        shown += drawn.choice(("#user", "#/deep/0/key", "#number", "#flag"))
    if not is_bound:
        shown += drawn.choice(("", "", "", "", ":-", ":-a default", ":?it is not there"))
    return shown


def _secret(name: str, drawn: random.Random) -> bytes:
    if name == "empty":
        return drawn.choice((b"", b"\n", b"\r\n"))
    if name == "bytes":
        return bytes(drawn.randrange(256) for _ in range(drawn.randrange(1, 40)))
    if name == "big":
        return b"b" * drawn.choice(_BIG) if drawn.random() < 0.3 else b"small enough"
    text = make_canary(after=_text(drawn))
    if name == "document":
        found = {"user": text, "deep": [{"key": _text(drawn)}], "number": 1.50, "none": None, "flag": True}
        return json.dumps(found, ensure_ascii=drawn.random() < 0.5).encode("utf-8", "replace")
    return (text + drawn.choice(("", "", "\n", "\r\n", "\ufeff"))).encode("utf-8", "replace")


def _text(drawn: random.Random) -> str:
    atoms = _TEXTS if drawn.random() < 0.03 else tuple(atom for atom in _TEXTS if atom not in ("\x00", "\ud800"))
    return "".join(drawn.choice(atoms) for _ in range(drawn.choice((0, 1, 2, 3, 5))))


def damage(variables: dict[str, str], drawn: random.Random) -> dict[str, str]:
    """Return the variables of a handover, of which one is cut, changed or removed."""
    name = drawn.choice(sorted(variables))
    text = variables[name]
    place = drawn.randrange(len(text))
    changed = {
        "cut": text[:place],
        "begun": text[place + 1 :],
        "character": text[:place] + drawn.choice('0az"{}[],:') + text[place + 1 :],
        "doubled": text[:place] + text[place] + text[place:],
        "swapped": text[:place] + text[place : place + 2][::-1] + text[place + 2 :],
    }
    kind = drawn.choice(["removed", "empty", *changed])
    if kind == "removed":
        return {key: value for key, value in variables.items() if key != name}
    return {**variables, name: changed.get(kind, "")}


def decoded(environ: dict[bytes, bytes]) -> dict[str, str]:
    """Return variables as `os.environ` has them."""
    return {os.fsdecode(name): os.fsdecode(value) for name, value in environ.items()}


def as_lines(data: bytes) -> str:
    """Return bytes as one word of a line."""
    return base64.b64encode(data).decode()
