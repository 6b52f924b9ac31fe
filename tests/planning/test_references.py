"""From references to stores: what exists, what is accepted, and how bare names are found."""

import pytest

from secretsync.core.model import SecretRef, Selector
from secretsync.planning.references import Target, TargetFinder
from secretsync.project.bindings_file import parse_bindings
from secretsync.project.placeholders import Fault, parse_reference
from secretsync.providers import registry
from secretsync.providers.interface import ProviderSpec, Setting, SettingType
from secretsync.testing import MemoryProvider
from tests.support.canary import HEAD, CanaryFactory


class SafeProvider(MemoryProvider):
    """A provider with every kind of setting, as a plug-in would bring it."""

    spec = ProviderSpec(
        name="safe",
        title="Safe",
        path_help="folder/name",
        key="{environment}/{kebab}#{lower}",
        options=("version",),
        settings={
            "address": Setting(help="where it is"),
            "retries": Setting(type=SettingType.INTEGER, help="how often"),
            "verify": Setting(type=SettingType.BOOLEAN, help="whether"),
            "ca_cert": Setting(type=SettingType.PATH, help="whose"),
            "mode": Setting(help="how", choices=("fast", "slow")),
            "auth": Setting(
                type=SettingType.TABLE,
                help="as whom",
                keys={"method": Setting(help="how", choices=("token", "role")), "role": Setting(help="which")},
            ),
        },
        check_path=lambda path: None if "/" in path else "a path has a folder",
    )


class _Point:
    """An entry point."""

    def __init__(self, name: str, loaded: object) -> None:
        self.name, self.value, self.loaded = name, f"module:{name}", loaded

    def load(self) -> object:
        """Return the provider class that the path names."""
        if isinstance(self.loaded, BaseException):
            raise self.loaded
        return self.loaded


@pytest.fixture(autouse=True)
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plug-ins, one of which cannot be imported."""
    points = {"safe": _Point("safe", SafeProvider), "broken": _Point("broken", ValueError(HEAD))}
    monkeypatch.setattr(registry, "plug_ins", lambda: points)


def finder(bindings: str = "", environment: str | None = "test") -> TargetFinder:
    """Return a finder that knows the stores of these bindings."""
    return TargetFinder(parse_bindings(bindings.encode(), "providers/test.toml"), environment)


def find(reference: str, bindings: str = "", environment: str | None = "test") -> list[str]:
    """Return the targets of a reference, as messages show them."""
    targets = _found(reference, bindings, environment)
    assert not isinstance(targets, Fault), targets
    return [target.shown for target in targets]


def fault(reference: str, bindings: str = "", environment: str | None = "test") -> str:
    """Return the fault of a reference."""
    found = _found(reference, bindings, environment)
    assert isinstance(found, Fault)
    return f"{found.cause}; {found.hint}"


def _found(reference: str, bindings: str, environment: str | None) -> tuple[Target, ...] | Fault:
    parsed = parse_reference(reference)
    assert not isinstance(parsed, Fault)
    return finder(bindings, environment).find(parsed)


def problems(bindings: str) -> list[str]:
    """Return the problems of the stores and bindings of a file that has the right shape."""
    made = finder(bindings)
    assert made.bindings.problems == ()
    return [str(problem) for problem in made.problems]


def test_the_lookup_order() -> None:
    """A bare name is looked for in the stores of `lookup`, each with its own key."""
    assert find("DB_PASSWORD") == ["docker:db_password", "env:DB_PASSWORD"]
    lookup = "lookup = ['env', 'safe']\n[stores.safe]\n"
    assert find("DB_PASSWORD", lookup) == ["env:DB_PASSWORD", "safe:test/db-password#db_password"]


def test_a_binding_is_the_only_place() -> None:
    """A bound name is asked where its binding says, and nowhere else."""
    bindings = "[secrets]\nX = 'docker:a?trim=false#b'\n[stores.two]\nprovider = 'docker'\n"
    assert find("X", bindings) == ["docker:a?trim=false#b"]
    assert finder(bindings).find(parse_reference("X")) == finder().find(parse_reference("docker:a?trim=false#b"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("{name}", "safe:f/MY_KEY"),
        ("{lower}", "safe:f/my_key"),
        ("{kebab}", "safe:f/my-key"),
        ("{environment}-{name}#{lower}", "safe:f/test-MY_KEY#my_key"),
        ("{name}?version=3#/a/{kebab}", "safe:f/MY_KEY?version=3#/a/my-key"),
        ("{name}{name}", "safe:f/MY_KEYMY_KEY"),
        ("a%20b#{name}", "safe:f/a b#MY_KEY"),
    ],
)
def test_key_templates(key: str, shown: str) -> None:
    """A store's key makes path, options and field of a name."""
    assert find("MY_KEY", f"lookup = ['safe']\n[stores.safe]\nkey = 'f/{key}'") == [shown]


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("f/{nmae}", "unknown placeholder in the key"),
        ("f/{name", "unknown placeholder in the key"),
        ("f/{}", "unknown placeholder in the key"),
        ("f/{{name}}", "unknown placeholder in the key"),
        ("f/x", "the key names no secret"),
        ("f/{environment}", "the key names no secret"),
        ("", "the key names no secret"),
        ("f/{name}#", "empty field"),
        ("f/{name}#a#b", "second '#'"),
        ("f/{name}?x", "key=value"),
        ("f/%{name}", "percent-encoding"),
        (" f/{name}", "white space"),
    ],
)
def test_bad_key_templates(key: str, cause: str) -> None:
    """A key that finds nothing is an error at its line, whether it is used or not."""
    (problem,) = problems(f"[stores.safe]\nkey = '{key}'")
    assert problem.startswith("providers/test.toml:2: stores.safe.key: ")
    assert cause in problem


def test_a_key_by_environment_without_one() -> None:
    """Without the name of an environment such a lookup is an error."""
    assert "the key of the store safe contains {environment}" in fault(
        "X", "lookup = ['safe']\n[stores.safe]", environment=None
    )
    assert find("X", environment=None) == ["docker:x", "env:X"]


def test_unknown_stores() -> None:
    """They are errors with the nearest one, in references, bindings and the lookup order."""
    assert "there is no store called 'dokcer'; did you mean docker?" in fault("dokcer:x")
    assert f"there are: {', '.join(sorted(registry.BUILT_IN))}" in fault("zzzz:x")
    assert f"there are: {', '.join(sorted((*registry.BUILT_IN, 'safe-eu')))}" in fault(
        "zzzz:x", "[stores.safe-eu]\nprovider = 'safe'"
    )
    (problem,) = problems("[secrets]\n\nX = 'evn:Y'")
    assert problem == "providers/test.toml:3: secrets.X: there is no store called 'evn'; did you mean env?"
    (problem,) = problems("lookup = ['docker', 'evn']")
    assert problem == "providers/test.toml:1: lookup: there is no store called 'evn'; did you mean env?"
    # a plug-in exists as a store only where it is configured
    # A password with a colon, pasted where a reference belongs, is not repeated.
    assert fault("safe:a/b").startswith("there is no store of this name; there are: aws")


def test_unknown_and_broken_providers() -> None:
    """A store needs a provider that is there, and the error has a line."""
    (problem,) = problems("[stores.sfae]\naddress = 'x'")
    assert problem.startswith("providers/test.toml:1: stores.sfae.provider: there is no provider called 'sfae'")
    assert "did you mean safe?" in problem
    (problem,) = problems("[stores.x]\n\nprovider = 'zzz'")
    assert problem.startswith("providers/test.toml:3: stores.x.provider: there is no provider of this name")
    (problem,) = problems("[stores.broken]")
    assert "cannot be imported: ValueError" in problem
    assert HEAD not in problem


@pytest.mark.parametrize("built_in", ["docker", "env"])
def test_a_plug_in_takes_no_built_in_name(monkeypatch: pytest.MonkeyPatch, built_in: str) -> None:
    """The provider of a built-in name is ours, whoever registers it."""
    monkeypatch.setattr(registry, "plug_ins", lambda: {built_in: _Point(built_in, SafeProvider)})
    assert registry.load_provider(built_in).spec.title != "Safe"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("adress = 'x'", "stores.safe.adress: unknown key; did you mean address?"),
        ("maxage = '9d'", "stores.safe.maxage: unknown key; did you mean max_age?"),
        ("zzz = 1", "stores.safe: unknown key; one of address, retries, verify, ca_cert, mode, auth, provider"),
        ("address = 1", "stores.safe.address: it must be a string; where it is"),
        ("retries = '3'", "stores.safe.retries: it must be a whole number"),
        ("retries = true", "stores.safe.retries: it must be a whole number"),
        ("retries = 1.5", "stores.safe.retries: it must be a whole number"),
        ("verify = 'no'", "stores.safe.verify: it must be true or false"),
        ("verify = 0", "stores.safe.verify: it must be true or false"),
        ("ca_cert = ['x']", "stores.safe.ca_cert: it must be a path, as a string"),
        ("mode = 'medium'", "stores.safe.mode: it must be one of fast, slow"),
        ("auth = 'token'", "stores.safe.auth: it must be a table"),
        ("auth = { method = 'x' }", "stores.safe.auth.method: it must be one of token, role"),
        ("auth = { methd = 'token' }", "stores.safe.auth.methd: unknown key; did you mean method?"),
        ("auth = { role = 1 }", "stores.safe.auth.role: it must be a string"),
    ],
)
def test_settings(setting: str, expected: str) -> None:
    """A setting that a provider does not accept is an error with its line."""
    (problem,) = problems(f"[stores.safe]\n{setting}")
    assert f"providers/test.toml:2: {expected}" in problem


def test_good_settings() -> None:
    """A setting that a provider accepts is kept as written."""
    text = (
        "[stores.safe]\naddress='a'\nretries=3\nverify=false\nca_cert='c'\nmode='fast'\nauth={method='role',role='r'}"
    )
    assert problems(text) == []


@pytest.mark.parametrize("store", ["safe", "docker", "env"])
@pytest.mark.parametrize(
    "key", ["token", "password", "client_secret", "secret_id", "aws_secret_access_key", "access_key", "jwt"]
)
def test_no_credential_can_be_written(canary: CanaryFactory, store: str, key: str) -> None:
    """Any of these is refused in plain words, without its text, at the top as in a table."""
    secret = canary()
    (problem,) = problems(f"[stores.{store}]\n{key} = '{secret}'")
    assert f"stores.{store}.{key}: unknown key; no credential can be written here" in problem
    assert secret not in problem
    if store == "safe":
        (problem,) = problems(f"[stores.safe]\nauth = {{ method = 'token', {key} = '{secret}' }}")
        assert f"stores.safe.auth.{key}: unknown key; no credential can be written here" in problem
        assert secret not in problem


@pytest.mark.parametrize(
    ("reference", "ref", "selector"),
    [
        ("safe:a/b", SecretRef("safe", "a/b"), Selector()),
        ("safe:a/b?version=3#k", SecretRef("safe", "a/b", version="3"), Selector(field="k")),
        ("safe:a/b?as=json#/k", SecretRef("safe", "a/b"), Selector(field="/k", as_="json")),
        ("safe:a%2Fb?decode=base64&as=base64", SecretRef("safe", "a/b"), Selector(decode="base64", as_="base64")),
        ("safe:a/b?trim=true", SecretRef("safe", "a/b"), Selector(trim=True)),
        ("docker:x?trim=false", SecretRef("docker", "x"), Selector(trim=False)),
    ],
)
def test_what_is_asked_and_what_is_taken(reference: str, ref: SecretRef, selector: Selector) -> None:
    """Version and stage go to the store, everything else is the core's."""
    parsed = parse_reference(reference)
    assert not isinstance(parsed, Fault)
    (target,) = finder("[stores.safe]").find(parsed)  # type: ignore[misc]
    assert isinstance(target, Target)
    assert (target.ref, target.selector, target.is_bound) == (ref, selector, True)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("safe:a/b?stage=x", "unknown option 'stage'; Safe takes: version, as, decode, trim"),
        ("safe:a/b?versoin=x", "unknown option 'versoin'; did you mean version?"),
        ("docker:x?version=1", "unknown option 'version'"),
        ("env:X?stage=1", "unknown option 'stage'"),
        ("safe:a/b?as=yaml", "the option 'as' takes: base64, json"),
        ("safe:a/b?decode=hex", "the option 'decode' takes: base64"),
        ("safe:a/b?trim=no", "the option 'trim' takes: true, false"),
        ("safe:b", "a path has a folder; Safe takes: folder/name"),
        *(
            (f"docker:{path}", "named by its name alone")
            for path in ("../x", "a/b", "/etc/passwd", "..data", ".", "..")
        ),
        *((f"docker:{path}", "named by its name alone") for path in ("%2e%2e%2fx", "a%2Fb", "a%00", "a%0Ab", "..2026")),
        ("docker:" + "é" * 128, "no file can have a name this long"),
        *((f"env:{path}", "this is no name of a variable") for path in ("1A", "A=B", "A%00", "É", "a b", "%24A")),
    ],
)
def test_what_a_store_does_not_accept(reference: str, expected: str) -> None:
    """Unknown options and paths that lead elsewhere are refused before anything is asked."""
    assert expected in fault(reference, "[stores.safe]")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Y", "a binding needs store:path"),
        ("env:", "empty path"),
        ("env:1A", "this is no name of a variable"),
        ("env:A?version=1", "unknown option 'version'"),
        ("", "neither a name nor a reference"),
        ("$<env:A>", "the text before ':'"),
        ("env:A>", "'<' or '>'"),
        (" env:A", "the text before ':'"),
        ("env:A ", "white space"),
    ],
)
def test_bad_bindings(reference: str, expected: str) -> None:
    """A binding is checked whether it is used or not, once, at its line."""
    made = finder(f"[secrets]\nX = {{ ref = '{reference}' }}")
    (problem,) = made.problems
    assert str(problem).startswith("providers/test.toml:2: secrets.X: ")
    assert expected in problem.cause
    assert made.find(parse_reference("X")) == ()  # type: ignore[arg-type]
