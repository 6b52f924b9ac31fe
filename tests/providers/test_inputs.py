"""Every input of every provider is checked before the first request: variables, settings, files and URLs."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from secretsync.core.errors import ConfigurationError, ProblemKind
from secretsync.core.model import Failed, Missing, SecretRef
from secretsync.providers import AzureProvider, docker, env
from secretsync.providers.aws import inputs as aws
from secretsync.providers.aws_account.way import Source
from secretsync.providers.azure import inputs as azure
from secretsync.providers.inputs import InputKind, InputRule, InputTable
from secretsync.providers.interface import Deadline, Provider, StoreContext
from secretsync.providers.registry import BUILT_IN, load_provider
from secretsync.providers.ssm import inputs as ssm
from secretsync.providers.vault import inputs as vault
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.cases import check_each
from tests.support.limits import HANG

TABLES: dict[str, InputTable] = {
    "aws": aws.INPUTS,
    "azure": azure.INPUTS,
    "docker": docker.inputs(),
    "env": env.inputs(),
    "ssm": ssm.INPUTS,
    "vault": vault.INPUTS,
}
FILES = (InputKind.AUTHORITIES, InputKind.CERTIFICATE, InputKind.PEM_OR_PKCS12)
URLS = (InputKind.SERVER, InputKind.URL)

# The settings and variables with which the inputs of a group are read. No server is there.
AZURE_APP = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client"}
_AWS = {
    "": {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"},
    "endpoints": {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"},
    "system authorities": {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"},
    "machine": {},
    Source.KEYS: {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"},
    Source.WEB_IDENTITY: {"AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "{good}"},
    Source.CONTAINER: {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/creds"},
}
WHOLE: dict[str, dict[str, dict[str, str]]] = {
    "aws": _AWS,
    "ssm": _AWS,
    "azure": {
        "": {**AZURE_APP, "AZURE_CLIENT_SECRET": "secret"},
        "client-secret": {**AZURE_APP, "AZURE_CLIENT_SECRET": "secret"},
        "client-certificate": {**AZURE_APP, "AZURE_CLIENT_CERTIFICATE_PATH": "{pem}"},
        "workload-identity": {**AZURE_APP, "AZURE_FEDERATED_TOKEN_FILE": "{good}"},
        "managed-identity": {"IDENTITY_ENDPOINT": "http://127.0.0.1:9/msi", "IDENTITY_HEADER": "x"},
        "default": {},
        "cli": {},
    },
    "docker": {"": {}},
    "env": {"": {}},
    "vault": {
        "": {"VAULT_TOKEN": "s.x"},
        "tls": {"VAULT_TOKEN": "s.x", "VAULT_CLIENT_CERT": "{pem}", "VAULT_CLIENT_KEY": "{pem}"},
        "token": {},
        "approle": {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"},
        "kubernetes": {},
        "jwt": {"VAULT_JWT": "a.b.c"},
        "userpass": {"VAULT_USERNAME": "user", "VAULT_PASSWORD": "word"},
        "ldap": {"VAULT_USERNAME": "user", "VAULT_PASSWORD": "word"},
        "cert": {},
        "aws": {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"},
        "aws platform": {},
    },
}
SETTINGS: dict[str, dict[str, Any]] = {
    "aws": {"region": "eu-west-1"},
    "ssm": {"region": "eu-west-1"},
    "azure": {"vault_url": "https://v.vault.azure.net"},
    "docker": {},
    "env": {},
    "vault": {"address": "https://127.0.0.1:9", "kv_version": 2},
}
PATHS = {"aws": "app", "ssm": "/app", "azure": "app", "docker": "app", "env": "NAME", "vault": "secret/app"}


class Case(NamedTuple):
    """One place of one input. `form`: how it is malformed."""

    provider: str
    group: str
    rule: InputRule
    place: str
    is_setting: bool
    form: str


FORMS: dict[str, Callable[[str], str]] = {
    "a line end": "{}\n".format,
    "a line end of Windows": "{}\r\n".format,
    "white space before it": " {}".format,
    "white space after it": "{} ".format,
    "a tab": "{}\t".format,
    "a control character": "{}\x01x".format,
    "a missing file": "/nowhere/{}".format,
    "an empty file": "".format,
    "a file with a line end inside": "{}\nx".format,
    "a file that is no PEM": "{}".format,
    "a named pipe": "".format,
    "no scheme": "{}.example.com".format,
    "another scheme": "ftp://{}.example.com".format,
    "no host": "https:///{}".format,
    "a path": "https://h.example.com/{}".format,
    "a query": "https://h.example.com?{}".format,
    "credentials in it": "https://user:{}@h.example.com".format,
    "no number": "https://h.example.com:{}".format,
    "quotes": '"{}"'.format,
    "single quotes": "'{}'".format,
    "a variable for a host": "https://${}.example.com".format,
    "a placeholder for a host": "https://{{{}}}:8200".format,
    "an empty part of a host": "https://{}..example.com".format,
    "an empty directory": "".format,
    "a directory without PEM files": "{}".format,
    "no boolean": "{}".format,
    "nothing": "".format,
}
TEXTS = (
    *("a line end", "a line end of Windows", "white space before it", "white space after it", "a tab"),
    *("a control character", "quotes", "single quotes"),
)
HOSTS = ("a variable for a host", "a placeholder for a host", "an empty part of a host")


def _forms(rule: InputRule, *, is_file: bool) -> tuple[str, ...]:
    if rule.kind in FILES:
        files = ("a missing file", "an empty file", "a file that is no PEM", "a named pipe", "an empty directory")
        return (*TEXTS, *files, "a directory without PEM files")
    if is_file:
        return (*TEXTS, "a missing file", "an empty file", "a file with a line end inside", "a named pipe")
    if rule.kind in URLS:
        form = ("a path", "a query") if rule.kind is InputKind.SERVER else ()
        scheme = () if rule.scheme else ("no scheme",)
        return (*TEXTS, *scheme, "another scheme", "no host", *form, "credentials in it", "no number", *HOSTS)
    if rule.kind is InputKind.PROXY:
        return (*TEXTS, "a path", "a query", "no number", *HOSTS)
    if rule.kind is InputKind.BOOLEAN:
        return (*TEXTS, "no boolean")
    # A password may have spaces and quotes around it.
    kept = ("white space", "quotes") if rule.kind is InputKind.LINE else ()
    return tuple(form for form in TEXTS if not any(word in form for word in kept))


# The credentials that this version of the provider does not accept.
_LATER = {"client-certificate"} - set(AzureProvider.spec.settings["credential"].choices)


def _cases() -> Iterator[Case]:
    for name, table in TABLES.items():
        for group, rules in table.items():
            for rule in rules if group not in _LATER else ():
                places = [(rule.setting, True, rule.is_file), (rule.file, True, True)]
                places += [(variable, False, rule.is_file) for variable in rule.names]
                for place, is_setting, is_file in places:
                    for form in _forms(rule, is_file=is_file) if place else ():
                        yield Case(name, group, rule, place, is_setting, form)


def _name(case: Case) -> str:
    return f"{case.provider} {case.group or 'always'}: {case.place}: {case.form}"


GROUPS = sorted({(case.provider, case.group) for case in _cases()})


def _write_usable(folder: Path) -> Path:
    """Make a folder with usable files."""
    folder.mkdir()
    (folder / "good").write_text("a.web.token")
    (folder / "pem").write_text("-----BEGIN CERTIFICATE-----\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with usable files."""
    return _write_usable(tmp_path / "usable")


def _make(case: Case, folder: Path, text: str, patch: pytest.MonkeyPatch) -> Provider:
    """Return the provider of a store with one input that is malformed; the inputs that are read before it are unset."""
    environ = {name: value.format(good=folder / "good", pem=folder / "pem") for name, value in _whole(case).items()}
    for name in case.rule.names:
        environ.pop(name, None)
    settings = dict(SETTINGS[case.provider])
    if case.provider == "vault" and case.group not in ("", "tls"):
        method = case.group.partition(" ")[0]
        settings["auth"] = {"method": method, "role": "app"} if method in _WITH_ROLE else {"method": method}
    if case.provider == "azure" and case.group in ("managed-identity", "default", "cli"):
        settings["credential"] = case.group
    settings.pop(case.rule.setting, None)
    if case.is_setting:
        table, _, key = case.place.rpartition(".")
        if table:
            method = _METHODS.get(case.place, case.group)
            settings[table] = {"method": method, **settings.get(table, {}), key: text}
            settings[table]["method"] = method
        else:
            settings[key] = text
    else:
        environ[case.place] = text
    if settings.get("credential"):  # azure-identity reads these from the process itself
        environ["PATH"] = os.environ["PATH"]
        for name, value in environ.items():
            patch.setenv(name, value)
    context = StoreContext(
        store=case.provider, environment="test", settings=settings, environ=environ, root=str(folder)
    )
    return load_provider(case.provider)(context)


_WITH_ROLE = ("kubernetes", "jwt", "aws")
# The methods that accept a setting of all methods.
_METHODS = {"auth.role": "jwt", "auth.mount": "jwt", "auth.cert_file": "cert", "auth.key_file": "cert"}


def _whole(case: Case) -> Mapping[str, str]:
    whole = dict(WHOLE[case.provider][case.group])
    if case.place in ("auth.role", "auth.mount"):
        whole["VAULT_JWT"] = "a.b.c"
    if case.place == "auth.key_file":
        whole["VAULT_CLIENT_CERT"] = "{pem}"
    return whole


def _text(case: Case, folder: Path, secret: str) -> str:
    """Return the malformed text of an input. `secret`: a part of the text that no message may repeat."""
    made = FORMS[case.form](secret)
    if case.form in ("an empty file", "a file with a line end inside", "a file that is no PEM"):
        (folder / "file").write_text(made)
        return str(folder / "file")
    if "directory" in case.form:
        (folder / "folder").mkdir()
        if case.form == "a directory without PEM files":
            (folder / "folder" / "file").write_text(made)
        return str(folder / "folder")
    if case.form == "a named pipe":
        os.mkfifo(folder / "pipe")
        return str(folder / "pipe")
    return made


def _outcome(case: Case, folder: Path, text: str, patch: pytest.MonkeyPatch) -> tuple[ProblemKind, str]:
    """Return the kind and the words of the answer."""
    try:
        provider = _make(case, folder, text, patch)
    except ConfigurationError as error:
        [problem] = error.problems
        return problem.kind, f"{problem.cause}; {problem.hint}"
    ref = SecretRef(case.provider, PATHS[case.provider])
    [(_, outcome)] = provider.fetch((ref,), Deadline(HANG))
    provider.close()
    assert isinstance(outcome, Failed), outcome
    # Nothing was requested, or even connected to.
    assert getattr(provider, "requests", None) is None or provider.requests.total == 0  # type: ignore[attr-defined]
    return outcome.kind, f"{outcome.cause}; {outcome.hint}"


@pytest.mark.parametrize(("provider", "group"), GROUPS, ids=[f"{name} {group or 'always'}" for name, group in GROUPS])
def test_a_malformed_input(provider: str, group: str, tmp_path: Path, canary: CanaryFactory) -> None:
    """Fail before the first request, by the kind of the input, with its name and without its content."""
    numbers = itertools.count()

    def check(case: Case) -> None:
        secret, folder = canary(), _write_usable(tmp_path / str(next(numbers)))
        with pytest.MonkeyPatch.context() as patch:
            kind, words = _outcome(case, folder, _text(case, folder, secret), patch)
        assert kind is (ProblemKind.DENIED if case.rule.is_credential else ProblemKind.CONFIGURATION), words
        assert case.place in words
        if case.form != "a missing file":  # paths of files are shown
            assert not find_leaks(words)
            assert secret not in words

    check_each((case for case in _cases() if (case.provider, case.group) == (provider, group)), check, _name)


def test_every_provider_has_a_table() -> None:
    """A table for each built-in provider, and an environment for each group of it."""
    assert TABLES.keys() == BUILT_IN.keys() == WHOLE.keys()
    for name, table in TABLES.items():
        assert table.keys() == WHOLE[name].keys()


def _empty_cases() -> Iterator[Case]:
    seen = set()
    for case in _cases():
        key = (case.provider, case.group, case.place)
        if not case.is_setting and key not in seen:
            seen.add(key)
            yield case._replace(form="nothing")


def test_an_empty_variable_counts_as_unset(folder: Path) -> None:
    """Find no mistake in a variable without a character: Compose and CI set variables that have no value."""
    from secretsync.providers.inputs import check

    def check_case(case: Case) -> None:
        environ = {case.place: ""}
        context = StoreContext(store=case.provider, environment="test", environ=environ, root=str(folder))
        rule = InputRule(case.rule.names, case.rule.kind, is_file=case.rule.is_file)
        assert check(context, (rule,), "https://h.example.com") is None

    check_each(_empty_cases(), check_case, _name)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("provider", ["aws", "azure", "vault"])
def test_a_malformed_proxy_that_is_not_used(provider: str, name: str, folder: Path) -> None:
    """Find no mistake in a proxy that NO_PROXY excludes for the store."""
    from secretsync.providers.inputs import PROXY, check

    environ = {name: "h:port", "NO_PROXY": ".example.com"}
    context = StoreContext(store=provider, environment="test", environ=environ)
    assert check(context, (PROXY,), "https://h.example.com") is None
    assert check(context, (PROXY,), "https://h.example.org") is not None


def test_a_folder_that_no_path_can_name(tmp_path: Path) -> None:
    """Fail by the name of the setting, and raise nothing, if TOML gives a path with a NUL character."""
    context = StoreContext(store="docker", environment="test", settings={"dir": "a\0b"}, root=str(tmp_path))
    [(_, outcome)] = load_provider("docker")(context).fetch((SecretRef("docker", "app"),), Deadline(HANG))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.CONFIGURATION


def test_stores_of_files_without_a_mistake(tmp_path: Path) -> None:
    """A folder and a variable without a mistake still answer missing."""
    for name in ("docker", "env"):
        context = StoreContext(store=name, environment="test", environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
        [(_, outcome)] = load_provider(name)(context).fetch((SecretRef(name, PATHS[name]),), Deadline(HANG))
        assert isinstance(outcome, Missing)


@pytest.mark.parametrize("store", ["aws", "ssm"])
@pytest.mark.parametrize(
    ("settings", "environ", "words"),
    [
        ({}, {"AWS_REGION": "eu-west-1a"}, "AWS_REGION is an availability zone"),
        ({}, {"AWS_DEFAULT_REGION": "us-gov-west-1b"}, "AWS_DEFAULT_REGION is an availability zone"),
        ({"region": "us-west-2-lax-1a"}, {}, "region is an availability zone"),
        ({"role_arn": "role/app"}, {}, "role_arn is not the ARN of a role"),
        ({"role_arn": "arn:aws:sts::1:assumed-role/app/x"}, {}, "role_arn is not the ARN of a role"),
        ({}, {"AWS_ROLE_ARN": "app", "AWS_WEB_IDENTITY_TOKEN_FILE": "{good}"}, "AWS_ROLE_ARN is not the ARN of a role"),
        ({}, {"AWS_STS_REGIONAL_ENDPOINTS": "local", "AWS_WEB_IDENTITY_TOKEN_FILE": "{good}"}, "SDK cannot be conf"),
        ({}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://[::1"}, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL"),
    ],
)
def test_settings_of_aws_in_another_form(
    folder: Path, store: str, settings: dict[str, str], environ: dict[str, str], words: str
) -> None:
    """Status 2 for a zone instead of a region, a name instead of an ARN, and words that the SDK does not know."""
    variables = {name: value.format(good=folder / "good") for name, value in environ.items()}
    variables.setdefault("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
    if "AWS_REGION" not in variables and "AWS_DEFAULT_REGION" not in variables:
        variables["AWS_REGION"] = "eu-west-1"
    context = StoreContext(store=store, environment="test", settings=settings, environ=variables)
    [(_, outcome)] = load_provider(store)(context).fetch((SecretRef(store, "app"),), Deadline(HANG))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.CONFIGURATION
    assert words in outcome.cause


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_kept_token_that_is_no_file(tmp_path: Path, kind: str) -> None:
    """The message names the path of the kept token of Vault, and does not say that there is none."""
    path = tmp_path / ".vault-token"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    environ = {"HOME": str(tmp_path), "VAULT_ADDR": "http://127.0.0.1:9"}
    context = StoreContext(store="vault", environment="test", settings={"kv_version": 2}, environ=environ)
    [(_, outcome)] = load_provider("vault")(context).fetch((SecretRef("vault", "secret/app"),), Deadline(HANG))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert str(path) in outcome.cause
