"""A secret that is pasted into a wrong place: the message gives the place and the kind, and never the word."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject

# The secrets of these tests are arguments.
pytestmark = pytest.mark.reveals

# A word that no rule on shapes can tell from a name. It may be shown only in positions where names are.
PLAIN = "xylophonequartz"

COMMON = "env/test/common.env"
SECURITY = "env/test/security.env"
BINDINGS = "providers/test.toml"
POLICY = "env/test/policy.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One position: files and a command, in which `@` is the secret."""

    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ("check", "-e", "test")
    env: Mapping[str, str] = field(default_factory=dict)
    expect: int = 2
    says: str = ""  # in the message
    is_name: bool = False  # names are in this position: a word that does not look like a value is shown


def _env_file(name: str, text: str, says: str = "", *, is_name: bool = False) -> Case:
    return Case(name=f"env file: {name}", files={SECURITY: text}, says=says, is_name=is_name)


def _bindings(name: str, text: str, says: str = "", *, is_name: bool = False) -> Case:
    return Case(name=f"bindings: {name}", files={BINDINGS: text}, says=says, is_name=is_name)


def _policy(name: str, text: str, says: str = "", *, is_name: bool = False) -> Case:
    command = ("audit", "-e", "test")
    return Case(name=f"policy: {name}", files={POLICY: text}, command=command, says=says, is_name=is_name)


def _template(name: str, text: str, says: str = "", *, is_name: bool = False) -> Case:
    command = ("render", "-e", "test", "--template", "t.in", "--escape", "none")
    return Case(name=f"template: {name}", files={"t.in": text}, command=command, says=says, is_name=is_name)


def _call(name: str, *command: str, says: str = "", expect: int = 2, is_name: bool = False) -> Case:
    return Case(name=f"call: {name}", command=command, says=says, expect=expect, is_name=is_name)


PLACEHOLDERS = [
    ("an unknown store", "$<@:db>", "no store of this name"),
    ("the path of an unknown store", "$<admin:@>", "no store of this name"),
    ("the path of a misspelt store", "$<dockr:@>", "did you mean docker?"),
    ("the path after a store that cannot be one", "$<Admin:@>", "is not the name of a store"),
    ("the path after an empty store", "$<:@>", "is not the name of a store"),
    ("the field of an unknown store", "$<admin:db#@>", "no store of this name"),
    ("the options of an unknown store", "$<admin:db?version=@>", "no store of this name"),
    ("an unknown option", "$<docker:db?@=1>", "an unknown option"),
    ("the value of an unknown option", "$<docker:db?colour=@>", "an unknown option"),
    ("the value of a known option", "$<docker:db?as=@>", "the option 'as' takes"),
    ("an unknown option and a field", "$<docker:db?@=1#a>", "an unknown option"),
    ("an option without a value", "$<docker:db?@>", "an option that is not key=value"),
    ("an option that stands twice", "$<docker:db?@=1&@=2>", "stands twice"),
    ("an option with a blank", "$<docker:db?@= 1>", "white space"),
    ("a second question mark", "$<docker:db?as=json?@>", "a second '?'"),
    ("options after the field", "$<docker:db#a?@=1>", "options stand before the field"),
    ("a second field", "$<docker:db#a#@>", "a second '#'"),
    ("a bad encoding", "$<docker:@%zz>", "percent-encoding"),
    ("white space at the edges", "$< @ >", "white space"),
    ("no end", "$<docker:@", "not terminated"),
    ("a backslash", "\\$<docker:@>", "a backslash"),
    ("a placeholder inside another", "$<docker:$<@>>", "cannot hold another"),
    ("a default with a dollar", "$<docker:db:-$@>", "may hold no"),
    ("neither a name nor a reference", "$<@!>", "neither a name nor a reference"),
    ("a path that is no variable", "$<env:A B @>", "takes"),
    ("a path that leads upwards", "$<docker:../@>", "takes"),
    ("a path that Key Vault does not have", "$<azure:@_x>", "takes"),
    ("an ARN that is none", "$<aws:arn:aws:@>", "AWS Secrets Manager takes"),
    ("a path without a mount", "$<vault:@>", "takes"),
    ("a variable that is none", "${@!}", "does not begin a variable"),
    ("a variable whose brace is not closed", "${A:-{@}", "not terminated"),
]
SPOTS = [
    *[_env_file(name, f"A={text}\n", says) for name, text, says in PLACEHOLDERS],
    _env_file("an unknown variable", "A=x${@}\n", "is neither an entry", is_name=True),
    *(
        Case(name=f"missing: {store}", files={SECURITY: f"A=$<{store}:@#x>\n"}, expect=3, is_name=True)
        for store in ("docker", "env")
    ),
    Case(name="missing: get", command=("get", "-e", "test", "docker:@"), expect=3, is_name=True),
    *(
        Case(
            name=f"the path of an address: {variable}",
            files={SECURITY: f"A=$<{reference}>\n"},
            env={"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", variable: address},
            says=says,
        )
        for variable, address, reference, says in (
            ("VAULT_ADDR", "http://127.0.0.1:9/@", "vault:a/b#c", "VAULT_ADDR has a path"),
            ("VAULT_ADDR", "http://127.0.0.1:9/v1/@/", "vault:a/b#c", "VAULT_ADDR has a path"),
            ("AZURE_KEYVAULT_URL", "https://x.vault.azure.net/@", "azure:x", "AZURE_KEYVAULT_URL has a path"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/@", "aws:x", "AWS_ENDPOINT_URL has a path"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/?@", "aws:x", "AWS_ENDPOINT_URL has a path"),
        )
    ),
    _env_file("a line without a key", "@\n", "a name without '='"),
    _env_file("a line of a key's name and more", "A @\n", ""),
    _env_file("a line that begins with no name", "1@=x\n", "cannot begin with a digit"),
    _env_file("a key with a sign", "a!@=x\n", "cannot have this character"),
    _env_file("a key that stands twice", "@==\n@==\n", "is already in line 1", is_name=True),
    _env_file("a value that stands twice", "A=@\nA=@\n", "is already in line 1"),
    _env_file("an open quote", 'A="@\n', ""),
    _env_file("text after a quote", "A='x'@\n", ""),
    _env_file("a NUL", "A=@\0\n", "a NUL character"),
    _bindings("an unknown key", "@ = 1\n", "unknown key"),
    _bindings("an unknown key in quotes", '"@ x" = 1\n', "unknown key"),
    _bindings("an unknown table", "[@]\na = 1\n", "unknown key"),
    _bindings("a wrong type", 'strict = "@"\n', "true or false"),
    _bindings("a store in lookup", 'lookup = ["@"]\n', "no store of this name"),
    _bindings("a timeout", 'timeout = "@"\n', "no length of time"),
    _bindings("a store's name", '[stores."@!"]\nprovider = "docker"\n', "a store's name is"),
    _bindings("a store without a provider", "[stores.@]\n", "no provider of this name", is_name=True),
    _bindings("a provider", '[stores.a]\nprovider = "@"\n', "no provider of this name"),
    _bindings("a provider's path", '[stores.a]\nprovider = "@.b:C"\n', "named by its name alone"),
    _bindings("an unknown setting", "[stores.docker]\n@ = 1\n", "unknown key"),
    _bindings("a credential", '[stores.vault]\ntoken = "@"\n', "no credential can be written here"),
    _bindings("an unknown key of auth", '[stores.vault]\nauth = { @ = "x" }\n', "unknown key"),
    _bindings("a method of auth", '[stores.vault]\nauth = { method = "@" }\n', "one of"),
    _bindings("a store's key", '[stores.docker]\nkey = "{@}"\n', "unknown placeholder"),
    _bindings("a store's max_age", '[stores.docker]\nmax_age = "@"\n', "no limit"),
    _bindings("a name in secrets", '[secrets]\n"@!" = "docker:db"\n', "a name is letters"),
    _bindings("a binding that is no reference", '[secrets]\nA = "@!"\n', "neither a name nor a reference"),
    _bindings("a binding that is a name", '[secrets]\nA = "@"\n', "a binding needs store:path"),
    _bindings("a binding to an unknown store", '[secrets]\nA = "admin:@"\n', "no store of this name"),
    _bindings("an unknown key of a binding", '[secrets]\nA = { ref = "docker:db", @ = 1 }\n', "unknown key"),
    _bindings("the name of a wrong binding", "[secrets]\n@ = 1\n", "it must be", is_name=True),
    _bindings("a date", '[secrets]\nA = { ref = "docker:db", rotated = "@" }\n', "a date"),
    _bindings("a limit", '[secrets]\nA = { ref = "docker:db", max_age = "@" }\n', "no limit"),
    _bindings("on_unknown", '[rotation]\non_unknown = "@"\n', "it must be"),
    _bindings("a pattern", '[rotation.patterns]\n"@ x" = 1\n', "no limit"),
    _bindings("a key that is defined twice", "[secrets]\n@ = 1\n@ = 2\n", "this is not TOML"),
    _bindings("a table that is defined twice", "[@]\n[@]\n", "defined twice"),
    _bindings("a key of an inline table that is defined twice", "a = { @ = 1, @ = 2 }\n", "defined twice"),
    _bindings("an open string", 'A = "@\n', "this is not TOML"),
    _bindings("a line that is none", "@\n", "this is not TOML"),
    _bindings("a bare value", "A = @\n", "this is not TOML"),
    _policy("an unknown key", "@ = 1\n", "unknown key"),
    _policy("a required name", '[required]\n"@!" = "x"\n', "a name is letters"),
    _policy("a wrong requirement", "[required]\n@ = 1\n", "it must be", is_name=True),
    _policy("an unknown key of a requirement", "[required]\nA = { @ = 1 }\n", "unknown key"),
    _policy("a service", '[required]\nA = { service = "@ !" }\n', "no service's name"),
    _policy("a checked name", '[checks."@!"]\nis_true = true\n', "a name is letters"),
    _policy("a wrong check", "[checks]\n@ = 1\n", "it must be a table", is_name=True),
    _policy("an unknown check", "[checks.A]\n@ = 1\n", "unknown key"),
    _policy("the value of a check", '[checks.A]\nmin = "@"\n', "a number"),
    _policy("a severity", '[checks.A]\nis_true = true\nseverity = "@"\n', "it must be"),
    _policy("a regular expression", "[checks.A]\nmatches = '(@'\n", "no regular expression"),
    _policy("a rule", '[[ignore]]\nrule = "@"\nreason = "x"\n', "no rule of this name"),
    _policy("an unknown key of ignore", '[[ignore]]\nrule = "git-tracked"\nreason = "x"\n@ = 1\n', "unknown key"),
    _policy("a date", '[[ignore]]\nrule = "git-tracked"\nreason = "x"\nuntil = "@"\n', "a date"),
    *[_template(name, f"a\n  {text}\n", says) for name, text, says in PLACEHOLDERS],
    _template("text beside a fault", "password: @\nb: $<admin:x>\n", "no store of this name"),
    _template("an unknown variable", "x${@}\n", "is neither an entry", is_name=True),
    _call("a command", "@", says="no command of this name"),
    _call("an option before the command", "--@", says="no command of this name"),
    _call("an unknown option", "check", "--@", says="no option of this name"),
    _call("the value of an unknown option", "check", "--enviroment=@", says="did you mean --environment?"),
    _call("an argument too many", "check", "@", says="1 argument too many"),
    _call("a value of an option without one", "check", "--quiet=@", says="its value cannot be used"),
    _call("a value behind a short option", "check", "-q@", says="its value cannot be used"),
    _call("an environment", "check", "-e", "@", says="no environment of this name"),
    _call("an environment that is no name", "check", "-e", "@!", says="an environment's name is"),
    _call("a service", "check", "-e", "test", "--service", "@", says="no service of this name"),
    _call("a time", "check", "-e", "test", "--timeout", "@", says="a length of time"),
    _call("a format", "render", "-e", "test", "--format", "@", says="is not one of"),
    _call("an escaping", "render", "-e", "test", "--template", "x", "--escape", "@", says="is not one of"),
    _call("a mode", "render", "-e", "test", "--format", "json", "--output", "x", "--mode", "@", says="octal digits"),
    _call("an owner", "render", "-e", "test", "--format", "json", "--output", "x", "--owner", "@", says="no user"),
    _call("an owner's group", "render", "-e", "test", "--format", "json", "--output", "x", "--owner", ":@"),
    _call("a Secret's namespace", "render", "-e", "test", "--format", "kubernetes", "--name", "a", "--namespace", "@!"),
    _call("a user", "run", "-e", "test", "--user", "@", "--", "true", says="no user of this name"),
    _call("a user's group", "run", "-e", "test", "--user", "0:@", "--", "true"),
    _call("an assignment for a program", "run", "-e", "test", "--", "A=@", "true", says="an assignment", expect=127),
    _call("a program", "run", "-e", "test", "--", "@", says="no folder in PATH", expect=127, is_name=True),
    _call("a reference of get", "get", "-e", "test", "admin:@", says="no store of this name"),
    _call("an option of get", "get", "-e", "test", "docker:db?@=1", says="an unknown option"),
    _call("a key of explain", "explain", "-e", "test", "@", says="no key of this name"),
    _call("a record of diff", "diff", "-e", "test", "@", says="one name must be a record"),
    _call("an environment of diff", "diff", "test", "@", says="no environment of this name"),
    _call("a moment", "check-rotation", "-e", "test", "--at", "@", says="it must be a date"),
    _call("a number", "track", "-e", "test", "--keep", "@", says="it must be a number"),
    _call("a provider", "providers", "@", says="no provider of this name"),
    _call("an env file", "check", "--env-file", "@", says="there is no such file", is_name=True),
    _call("an env file that is an assignment", "check", "--env-file", "A=@", says="there is no such file"),
    _call("bindings", "check", "--env-file", COMMON, "--bindings", "@", says="there is no such file", is_name=True),
    _call("a root", "check", "--root", "@", says="there is no folder env/", is_name=True),
    _call("an archive", "restore", "@", "--yes", says="there is no such file", is_name=True),
    _call("a template", "render", "-e", "test", "--template", "@", "--escape", "none", is_name=True),
    _call("a folder of init", "init", "--root", "@", says="there is no such folder", is_name=True),
    Case(name="variable: SECRETSYNC_ENV", command=("check",), env={"SECRETSYNC_ENV": "@"}, says="no environment of"),
    Case(name="variable: SECRETSYNC_ROOT", command=("check",), env={"SECRETSYNC_ROOT": "@"}, is_name=True),
    Case(
        name="variable: VAULT_ADDR",
        files={SECURITY: "A=$<vault:secret/app#a>\n"},
        env={"VAULT_ADDR": "@"},
        says="VAULT_ADDR is not a URL",
    ),
    Case(
        name="variable: a password in VAULT_ADDR",
        files={SECURITY: "A=$<vault:secret/app#a>\n"},
        env={"VAULT_ADDR": "https://app:@@vault.internal:8200"},
        says="a user or a password in it",
    ),
    Case(
        name="variable: the host of VAULT_ADDR",
        files={SECURITY: "A=$<vault:secret/app#a>\n"},
        env={"VAULT_ADDR": "http://@"},
        says="in the clear",
    ),
]


@pytest.mark.parametrize("case", SPOTS, ids=lambda case: case.name)
@pytest.mark.parametrize("kind", ["random", "plain"])
def test_a_pasted_secret_is_not_repeated(case: Case, kind: str, project: MakeProject, canary: CanaryFactory) -> None:
    """The status and the message are right, and neither output has the word."""
    if kind == "plain" and case.is_name:
        pytest.skip("names are in this position: a word of letters may be shown")
    word = canary() if kind == "random" else PLAIN

    def fill(text: str) -> str:
        return text.replace("@", word, 1 if "@@" in text else -1)

    made = project({COMMON: "PORT=8000\n", SECURITY: "", **{name: fill(text) for name, text in case.files.items()}})
    env = {name: fill(text) for name, text in case.env.items()}
    # Not by the helper for commands: that refuses a secret in an argument list.
    argv = secretsync_argv([fill(part) for part in case.command])
    environ = clean_environment(made.home, env)
    done = subprocess.run(argv, cwd=made.root, env=environ, capture_output=True, text=True, timeout=60, check=False)
    for output in (done.stdout, done.stderr):
        canary.assert_clean(output)
        assert word not in output.lower()
    assert done.returncode == case.expect
    assert case.says in done.stderr


def test_known_words_and_their_misspellings_are_shown(project: MakeProject) -> None:
    """A message still names what it is about."""
    made = project(
        {
            COMMON: "A=$<dockr:db>\nB=$<docker:db?verson=1>\n",
            BINDINGS: "[stores.vault]\nadress = 1\ntoken = 1\n[secrets]\nDB_PASSWORD = 1\n",
        }
    )
    shown = made.cli("check", "-e", "test", expect=2).stderr
    for text in ("'dockr'", "'verson'", "stores.vault.adress: ", "stores.vault.token: ", "secrets.DB_PASSWORD: "):
        assert text in shown
    assert "env/tset: " in made.cli("check", "-e", "tset", expect=2).stderr
    assert "'chek'" in made.cli("chek", expect=2).stderr
    assert "'jsn'" in made.cli("render", "-e", "test", "--format", "jsn", expect=2).stderr
