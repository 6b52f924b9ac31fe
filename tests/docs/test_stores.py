"""The pages on stores: tables are the providers' data, examples are read, and policies do what the pages say."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from secretsync.core.secret import Environ
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.project.placeholders import parse_value
from secretsync.providers.aws_account.way import OF_THE_SDK
from secretsync.providers.registry import BUILT_IN, load_provider
from secretsync.resolving.requests.open_stores import Stores
from tests.servers.aws import AwsAccount, Principal
from tests.servers.names import unique
from tests.servers.openbao import VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject

ROOT = Path(__file__).parents[2]
OVERVIEW = (ROOT / "docs" / "stores.md").read_text(encoding="utf-8")
PAGES = {name: (ROOT / "docs" / "stores" / f"{name}.md").read_text(encoding="utf-8") for name in BUILT_IN}
TEXT = "\n".join((OVERVIEW, *PAGES.values()))
OF_AWS = [name for name in BUILT_IN if hasattr(load_provider(name), "service")]
RENDER = ("render", "-e", "production", "--format", "json")

# Enough for a provider to be built with any of the examples.
ENVIRON = {
    "VAULT_ADDR": "https://vault.internal:8200",
    "AZURE_KEYVAULT_URL": "https://app.vault.azure.net",
    "AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
}


def blocks(language: str, text: str = TEXT) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def first_cells(heading: str) -> Iterator[str]:
    """Yield the first cell of each row in the table below a heading."""
    table = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.split("|")[1].strip() for line in table.split("\n") if line.startswith("|")]
    yield from rows[2:]


def test_every_store_has_its_page() -> None:
    """Each page has the title of its provider and the same parts, and the overview has a link to it."""
    assert {path.stem for path in (ROOT / "docs" / "stores").iterdir()} == set(BUILT_IN)
    for store, page in PAGES.items():
        title = load_provider(store).spec.title
        assert page.startswith(f"# {title}\n")
        assert f"[{title}](stores/{store}.md)" in OVERVIEW
        titles = re.findall(r"^## (\w+)", page, re.MULTILINE)
        assert [title for title in titles if title not in ("Identity", "Requests")] == [
            "Settings",
            "Rights",
            "Failures",
        ]


def references() -> list[str]:
    """Every placeholder in the page's tables."""
    return re.findall(r"\| `?(\$<[^`|]+>)`", TEXT) + re.findall(r", `(\$<[^`|]+>)` \|", TEXT)


def test_references(project: MakeProject) -> None:
    """Each is one, with a path and options that its store takes."""
    assert len(references()) >= 20
    lines = "".join(f'KEY_{number}="{text}"\n' for number, text in enumerate(references()))
    made = project({"env/production/security.env": lines})
    plan = load_plan(ConfigRequest(environment="production", root=str(made.root)), Environ({}))
    assert set(plan.stores) == set(BUILT_IN)
    assert not any(parse_value(text).faults for text in references())


@pytest.mark.parametrize("block", [*blocks("toml"), (ROOT / "providers/production.toml").read_text()])
def test_bindings(project: MakeProject, block: str) -> None:
    """Each example is read, its settings are known and go together, and each store can be built."""
    made = project({"env/production/common.env": "X=1\n", "providers/production.toml": block})
    environ = Environ(ENVIRON)
    plan = load_plan(ConfigRequest(environment="production", root=str(made.root)), environ)
    assert plan.bindings.stores
    with Stores(plan.bindings.stores, plan.project, environ) as opened:
        assert set(opened) == set(plan.bindings.stores)


def test_every_way_to_log_in_has_an_example() -> None:
    """Of Vault's methods."""
    methods = load_provider("vault").spec.settings["auth"].keys["method"].choices
    shown = set(re.findall(r'method = "(\w+)"', "".join(blocks("toml", PAGES["vault"]))))
    assert shown | {"token"} == set(methods)
    assert "token_file" in "".join(blocks("toml", PAGES["vault"]))


def test_every_credential_of_azure_is_named() -> None:
    """In the table of platforms, or beside it."""
    for choice in load_provider("azure").spec.settings["credential"].choices:
        assert choice == "auto" or f"`{choice}`" in PAGES["azure"] or f'"{choice}"' in PAGES["azure"]


@pytest.mark.parametrize("store", [name for name in BUILT_IN if load_provider(name).spec.extra])
def test_variables(store: str) -> None:
    """Every variable on the page is one that the provider knows."""
    spec = load_provider(store).spec
    known = {*spec.credentials, *spec.identity_variables}
    settings = [*spec.settings.values(), *(key for one in spec.settings.values() for key in one.keys.values())]
    known |= {one.environment for one in settings if one.environment}
    known |= set(re.findall(r"[A-Z_]{4,}", " ".join(one.default or "" for one in settings)))
    known |= set(load_provider("aws").spec.credentials) if store == "vault" else set()  # of its login by AWS IAM
    known |= {*OF_THE_SDK} if store == "aws" else set()
    known |= {name.replace("VAULT_", "BAO_") for name in known}  # of OpenBao
    prefixes = {name.partition("_")[0] for name in known}
    shown = {name for name in re.findall(r"`([A-Z]+_[A-Z_]+)`", PAGES[store]) if name.partition("_")[0] in prefixes}
    assert bool(shown) == bool(known)
    assert shown <= known


@pytest.mark.parametrize("store", BUILT_IN)
def test_messages(store: str) -> None:
    """Every message in the tables of failures is one that its provider has."""
    folder = ROOT / "src" / "secretsync"
    names = (
        "providers/http/*.py",
        f"providers/{store}/*.py",
        f"providers/{store}.py",
        *(["providers/aws_account/**/*.py"] if store in OF_AWS else []),
        "providers/files.py",
        "providers/inputs.py",
        "core/files.py",
    )
    source = "".join(path.read_text(encoding="utf-8") for name in names for path in sorted(folder.glob(name)))
    [title] = re.findall(r"^## (Failures .*)", PAGES[store], re.MULTILINE)
    messages = [text for cell in first_cells(title) for text in re.findall(r"`([^`]+)`", cell)]
    assert len(messages) >= 3
    for message in messages:
        stem = re.sub(r" ?\(.*", "", message)  # what follows is put in
        assert stem in source, message


# The policies.


def aws_user(account: AwsAccount, document: str) -> Principal:
    """Return a new user with a policy of the page, which is about another account."""
    iam, name = account.client("iam"), unique("documented")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    policy = document.replace("123456789012", account.root.access_key)
    assert policy != document
    iam.put_user_policy(UserName=name, PolicyName="documented", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Principal(key["AccessKeyId"], key["SecretAccessKey"], None, arn)


def test_policies_of_aws(aws: AwsAccount, project: MakeProject, canary: CanaryFactory) -> None:
    """The one reads the secrets of production and no others; the other sees what they are, and reads none."""
    values, metadata = blocks("json", PAGES["aws"])
    names = [f"production/app-{number}" for number in range(8)]
    for name in (*names, "staging/app"):
        aws.create(name, canary())
    lines = "".join(f"KEY_{number}=$<aws:{name}>\n" for number, name in enumerate(names))
    made = project({"env/production/security.env": lines, "env/other/security.env": "KEY=$<aws:staging/app>\n"})
    reader, watcher = aws.environ(aws_user(aws, values)), aws.environ(aws_user(aws, metadata))

    done = made.cli(*RENDER, "-v", env=reader, reveals=True, expect=0)
    assert len(json.loads(done.stdout)) == 8
    assert "aws: 8 secrets, 1 request, " in done.stderr
    made.cli("render", "-e", "other", "--format", "json", env=reader, expect=4)

    checked = made.cli("check", "-e", "production", env=watcher, expect=0)
    assert "the right to read values: aws" in checked.stdout
    made.cli("check-rotation", "-e", "production", env=watcher, expect=0)
    denied = made.cli(*RENDER, "-v", env=watcher, expect=4)
    assert denied.stderr.count("secretsmanager:GetSecretValue") >= 8
    made.cli("check", "-e", "other", env=watcher, expect=4)


def test_listing_can_be_left_out(aws: AwsAccount, project: MakeProject) -> None:
    """As the page says of the second statement: 30 secrets are looked at all the same."""
    _, metadata = blocks("json", PAGES["aws"])
    policy = json.loads(metadata)
    policy["Statement"] = [one for one in policy["Statement"] if one["Action"] != "secretsmanager:ListSecrets"]
    assert len(policy["Statement"]) == 1
    names = [f"production/{number}" for number in range(30)]
    aws.create_many(names)
    made = project({"env/production/security.env": "".join(f"K{n}=$<aws:{name}>\n" for n, name in enumerate(names))})
    made.cli("check", "-e", "production", env=aws.environ(aws_user(aws, json.dumps(policy))), expect=0)


def vault_token(space: VaultSpace, rules: str) -> Mapping[str, str]:
    """Return the environment of somebody with a policy of the page."""
    name = unique("documented")
    space.root.sys.create_or_update_policy(name, rules)
    return space.environ(space.token(name))


def test_policies_of_vault(
    vault: VaultSpace, postgresql: PostgreSql, project: MakeProject, canary: CanaryFactory
) -> None:
    """The page's Vault policies grant what SecretSync needs and no more, with the paths of the page."""
    values, metadata = blocks("hcl", PAGES["vault"])
    space = vault.new_namespace()
    mount, database = space.kv2("secret"), space.database(postgresql, "database", static="shop")
    space.write(mount, "production/app", {"password": canary()})
    space.write(mount, "staging/app", {"password": canary()})
    names = (f"{mount}/production/app#password", f"{database.creds}#username", f"{database.static_creds}#password")
    lines = "".join(f"KEY_{number}=$<vault:{name}>\n" for number, name in enumerate(names))
    made = project({"env/production/security.env": lines})
    made.write("env/other/security.env", f"KEY=$<vault:{mount}/staging/app#password>\n")
    reader, watcher = vault_token(space, values), vault_token(space, metadata)

    assert len(json.loads(made.cli(*RENDER, env=reader, reveals=True, expect=0).stdout)) == 3
    made.cli("render", "-e", "other", "--format", "json", env=reader, expect=4)

    checked = made.cli("check", "-e", "production", "-v", env=watcher, expect=0)
    assert "the right to read values: vault" in checked.stdout
    made.cli("check-rotation", "-e", "production", env=watcher, expect=0)
    denied = made.cli(*RENDER, "-v", env=watcher, expect=4)
    assert denied.stderr.count("the token may not read") == 3
    made.cli("check", "-e", "other", env=watcher, expect=4)


def test_policy_for_kv_1(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> None:
    """The policy of the page allows `read`, and `list` for check."""
    mount = vault.kv1()
    vault.write1(mount, "production/app", {"password": canary()})
    made = project({"env/production/security.env": f"KEY=$<vault:{mount}/production/app#password>\n"})
    policy = vault.policy(f"{mount}/production/*", capabilities=["read", "list"])
    environ = vault.environ(vault.token(policy))
    made.cli(*RENDER, env=environ, reveals=True, expect=0)
    made.cli("check", "-e", "production", env=environ, expect=0)


def test_roles_of_azure() -> None:
    """The roles on the page are those that the messages name."""
    source = (ROOT / "src/secretsync/providers/azure/errors.py").read_text(encoding="utf-8")
    for role in ("Key Vault Secrets User", "Key Vault Reader"):
        assert role in PAGES["azure"]
        assert role in source
