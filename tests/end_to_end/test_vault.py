"""The whole way with Vault: a project, its placeholders, the command, and what it ends with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers import faults
from tests.servers.faults import FaultProxy
from tests.servers.openbao import OpenBao, VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject, Project

Proxies = Callable[[str], FaultProxy]


class Shop:
    """A project whose secrets are in Vault: a bound one, one found by lookup, and one in full."""

    def __init__(self, vault: VaultSpace, make_project: MakeProject, canary: CanaryFactory) -> None:
        self.vault = vault
        self.mount = vault.kv2()
        self.key, self.smtp, self.old = canary(), canary(after=" $<X> ${HOME} 'q'"), canary()
        vault.write(self.mount, "shop/app", {"secret_key": self.old, "port": 5432})
        vault.write(self.mount, "shop/app", {"secret_key": self.key, "port": 5432})
        vault.write(self.mount, "production", {"SMTP_PASSWORD": self.smtp})
        self.token = vault.token(vault.policy(f"{self.mount}/data/*", f"{self.mount}/metadata/*"))
        bindings = (
            'lookup = ["vault"]\ntimeout = "2m"\n'
            f'[stores.vault]\nkey = "{self.mount}/{{environment}}#{{name}}"\n'
            f'[secrets]\nSECRET_KEY = "vault:{self.mount}/shop/app#secret_key"\n'
        )
        env = (
            "SECRET_KEY=${SECRET_KEY}\nSMTP_PASSWORD=$<SMTP_PASSWORD>\n"
            f'PORT="$<vault:{self.mount}/shop/app#port>"\nOLD_KEY="$<vault:{self.mount}/shop/app?version=1#secret_key>"\n'
        )
        self.project: Project = make_project(
            {"env/production/common.env": "DEBUG=False\n", "env/production/security.env": env}
        )
        self.project.write("providers/production.toml", bindings)

    def cli(self, *arguments: str, token: str | None = None, url: str | None = None, **options: Any) -> Any:
        """Run a command and return its result."""
        return self.project.cli(*arguments, env=self.vault.environ(token or self.token, url=url), **options)

    def add(self, line: str) -> None:
        """One more line in the secrets."""
        text = self.project.read("env/production/security.env")
        self.project.write("env/production/security.env", f"{text}{line}\n")


@pytest.fixture
def shop(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> Shop:
    """Return the project and its secrets."""
    return Shop(vault, project, canary)


def test_run_render_check_explain(shop: Shop) -> None:
    """The application gets every value byte for byte, and not our token; the other commands show none."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    ran = shop.cli("run", "-e", "production", "--", sys.executable, "-c", program, reveals=True)
    assert ran.status == 0, ran.stderr
    environ = json.loads(ran.stdout)
    assert (environ["SECRET_KEY"], environ["SMTP_PASSWORD"]) == (shop.key, shop.smtp)
    assert (environ["OLD_KEY"], environ["PORT"], environ["DEBUG"]) == (shop.old, "5432", "False")
    assert "VAULT_TOKEN" not in environ
    assert "VAULT_ADDR" in environ
    rendered = shop.cli("render", "-e", "production", "--format", "json", reveals=True)
    assert rendered.status == 0
    assert json.loads(rendered.stdout)["SMTP_PASSWORD"] == shop.smtp
    checked = shop.cli("check", "-e", "production")
    assert (checked.status, "nothing is missing" in checked.stdout) == (0, True)
    # The longest time that can be written is more than any wait of the system takes.
    assert shop.cli("check", "-e", "production", "--timeout", "999999999w").status == 0
    assert shop.cli("explain", "-e", "production").status == 0


def test_check_reads_no_value(shop: Shop, vault: VaultSpace) -> None:
    """With a right to metadata alone, `check` is content and `render` names each right that is missing."""
    token = vault.token(vault.policy(f"{shop.mount}/metadata/*"))
    assert shop.cli("check", "-e", "production", token=token).status == 0
    assert not any(path.startswith(f"{shop.mount}/data/") for _, path in vault.audit())
    denied = shop.cli("render", "-e", "production", "--format", "json", token=token)
    assert denied.status == 4
    assert denied.stdout == ""
    for path in ("shop/app", "production"):
        assert f'path "{shop.mount}/data/{path}" {{ capabilities = ["read"] }}' in denied.stderr


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("NONE=$<vault:{mount}/none#x>", 3, "there is no {mount}/none"),
        ("NONE=$<vault:{mount}/shop/app#x>", 3, "no such field"),
        ("NONE=$<vault:{mount}/shop/app?version=9#x>", 3, "has no version 9"),
        ("NONE=$<vault:nowhere/x#y>", 4, "nothing is mounted there"),
        ("NONE=$<vault:{mount}/../x#y>", 2, "'..' segments"),
        ("NONE=$<vault:{mount}/x?stage=a#y>", 2, "unknown option 'stage'"),
        ("NONE=$<vault:{mount}/x?version=a#y>", 2, "whole numbers"),
    ],
)
def test_statuses(shop: Shop, line: str, status: int, words: str) -> None:
    """One bad reference, and nothing is rendered: its file, line and cause, and the status of its kind."""
    shop.add(line.replace("{mount}", shop.mount))
    ended = shop.cli("render", "-e", "production", "--format", "json")
    assert ended.status == status, ended.stderr
    assert ended.stdout == ""
    assert words.replace("{mount}", shop.mount) in ended.stderr
    assert "env/production/security.env:5" in ended.stderr


def test_default_counts_for_missing_alone(shop: Shop) -> None:
    """A default stands in for a secret that is not there, and for nothing else."""
    shop.add(f"NONE=$<vault:{shop.mount}/none#x:-fallback>")
    rendered = shop.cli("render", "-e", "production", "--format", "json", reveals=True)
    assert json.loads(rendered.stdout)["NONE"] == "fallback"
    shop.vault.write(shop.mount, "none", {"x": "y"})
    shop.vault.delete(shop.mount, "none", 1)
    deleted = shop.cli("render", "-e", "production", "--format", "json")
    assert deleted.status == 3
    assert "version 1 of" in deleted.stderr


def test_dead_token_and_dead_server(shop: Shop, vault: VaultSpace, fault_proxy: Proxies) -> None:
    """4 for a token that is no good, 5 for a server that is not there or garbled, within the time-out."""
    assert shop.cli("check", "-e", "production", token="s.dead").status == 4
    proxy = fault_proxy(vault.url)
    proxy.fail(faults.html())
    assert shop.cli("check", "-e", "production", url=proxy.url).status == 5
    proxy.refuse()
    refused = shop.cli("render", "-e", "production", "--format", "json", "--timeout", "20s", url=proxy.url)
    assert (refused.status, refused.stdout) == (5, "")
    assert "refuses connections" in refused.stderr


def test_sealed_server(shop: Shop, openbao_sealed: OpenBao) -> None:
    """5, and the state by its name."""
    sealed = shop.cli("render", "-e", "production", "--format", "json", "--timeout", "20s", url=openbao_sealed.url)
    assert sealed.status == 5
    assert "it is sealed" in sealed.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_between_two_tries(shop: Shop, fault_proxy: Proxies, number: signal.Signals, status: int) -> None:
    """A signal while a busy server is waited for ends the process at once; nothing was started."""
    proxy = fault_proxy(shop.vault.url)
    proxy.fail(faults.vault_error(429, headers={"Retry-After": "600"}))
    env = clean_environment(shop.project.home, shop.vault.environ(shop.token, url=proxy.url))
    argv = secretsync_argv(["run", "-e", "production", "--timeout", "1h", "--", "touch", "started"])
    with subprocess.Popen(
        argv, cwd=shop.project.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        proxy.requests.wait_for(1, timeout=60.0)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (status, b"", b"")
    assert not (shop.project.root / "started").exists()


def test_no_address(shop: Shop) -> None:
    """2: a store that is asked needs an address."""
    ended = shop.project.cli("check", "-e", "production")
    assert ended.status == 2
    assert "VAULT_ADDR" in ended.stderr


def test_no_credential_in_the_bindings(shop: Shop) -> None:
    """2: a token has no place in a file that is committed."""
    text = shop.project.read("providers/production.toml")
    shop.project.write("providers/production.toml", text.replace("key =", 'auth = { token = "s.x" }\nkey ='))
    ended = shop.cli("check", "-e", "production")
    assert ended.status == 2
    assert "no credential can be written here" in ended.stderr


def test_user_and_password_of_one_lease(
    vault: VaultSpace, postgresql: PostgreSql, project: MakeProject, fault_proxy: Proxies
) -> None:
    """Two entries and a URL with both: one read, and the database lets them in."""
    roles = vault.database(postgresql)
    user, password = f"$<vault:{roles.creds}#username>", f"$<vault:{roles.creds}#password>"
    entries = {"DB_USER": user, "DB_PASSWORD": password, "DB_URL": f"postgresql://{user}:{password}@localhost/app"}
    text = "".join(f'{key}="{value}"\n' for key, value in entries.items())
    made = project({"env/production/common.env": "", "env/production/database.env": text})
    proxy = fault_proxy(vault.url)
    environ = vault.environ(vault.token(vault.policy(roles.creds)), url=proxy.url)
    rendered = made.cli("render", "-e", "production", "--format", "json", env=environ, reveals=True)
    assert rendered.status == 0, rendered.stderr
    values = json.loads(rendered.stdout)
    user, password = values["DB_USER"], values["DB_PASSWORD"]
    assert values["DB_URL"] == f"postgresql://{user}:{password}@localhost/app"
    assert postgresql.query("select current_user", user=user, password=password) == user
    assert proxy.requests.count(f"GET /v1/{roles.creds}") == 1


@pytest.mark.parametrize(("ttl", "end"), [("2h", "its lease in 60 minutes"), ("50m", "the login token in ")])
def test_run_prints_the_shortest_lease_once(
    vault: VaultSpace, postgresql: PostgreSql, project: MakeProject, ttl: str, end: str
) -> None:
    """The end of the value that ends first is one line on stderr; --quiet leaves it out."""
    roles, other = vault.database(postgresql), vault.database(postgresql)
    paths = {"A": roles.creds, "B": roles.creds, "C": other.creds}
    text = "".join(f'{key}="$<vault:{path}#password>"\n' for key, path in paths.items())
    made = project({"env/production/common.env": "", "env/production/database.env": text})
    environ = vault.environ(vault.token(vault.policy(roles.creds, other.creds), ttl=ttl))
    ran = made.cli("run", "-e", "production", "--", sys.executable, "-c", "", env=environ)
    assert (ran.status, ran.stderr.count(" ends with "), ran.stderr.count(f"ends with {end}")) == (0, 1, 1)
    assert "refresh()" in ran.stderr
    quiet = made.cli("run", "-q", "-e", "production", "--", sys.executable, "-c", "", env=environ)
    assert (quiet.status, quiet.stderr) == (0, "")


def test_check_finds_a_wrong_field_without_a_value(shop: Shop) -> None:
    """A misspelled field of KV v2 is missing if the token may read the names of fields, and is not checked else."""
    shop.add(f'WRONG="$<vault:{shop.mount}/shop/app#secret_kye>"')
    unknown = shop.cli("check", "-e", "production", expect=0)
    assert f"vault:{shop.mount}/shop/app#secret_kye" in unknown.stdout
    shop.cli("check", "-e", "production", "--strict", expect=1)
    may_list = shop.vault.policy(f"{shop.mount}/data/*", f"{shop.mount}/metadata/*", f"{shop.mount}/subkeys/*")
    token = shop.vault.token(may_list)
    before = len([path for _, path in shop.vault.audit() if "/data/" in path])
    wrong = shop.cli("check", "-e", "production", token=token, expect=3)
    assert "WRONG: vault:" in wrong.stderr
    assert "the secret has no such field; did you mean #secret_key?" in wrong.stderr
    text = shop.project.read("env/production/security.env")
    shop.project.write("env/production/security.env", text.replace("kye", "key"))
    right = shop.cli("check", "-e", "production", "--strict", token=token, expect=0)
    assert "not checked" not in right.stdout
    assert len([path for _, path in shop.vault.audit() if "/data/" in path]) == before
