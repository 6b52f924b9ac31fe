"""The formats that `secretsync import` reads."""

import base64
import json
from pathlib import Path

import pytest

from secretsync.core.errors import ConfigurationError
from secretsync.moving.sources import read_source
from tests.support.canary import CanaryFactory

FIELDS = (("Secret", "data"), ("Secret", "stringData"), ("ConfigMap", "data"))


def texts(
    tmp_path: Path, name: str, content: str, *, format_: str | None = None, service: str | None = None
) -> dict[str, str]:
    """Return the keys of a source with their texts in SecretSync's notation."""
    path = tmp_path / name
    path.write_text(content)
    return {entry.key: entry.text.reveal() for entry in read_source(str(path), format_, service).entries}


def test_json(tmp_path: Path) -> None:
    """An object of names and scalars, as `heroku config --json` and `doppler secrets download` write it."""
    content = '{"A": "x ${B} $<C>", "PORT": 5432, "RATE": 1.10, "ON": true, "E": ""}'
    expected = {"A": "x $${B} $$<C>", "PORT": "5432", "RATE": "1.10", "ON": "true", "E": ""}
    assert texts(tmp_path, "config.json", content) == expected


def test_doppler(tmp_path: Path) -> None:
    """The computed value counts, and the names that Doppler adds are left out."""
    content = {
        "A": {"raw": "${B}", "computed": "b", "note": ""},
        "DOPPLER_PROJECT": {"computed": "shop"},
    }
    assert texts(tmp_path, "doppler.json", json.dumps(content)) == {"A": "b"}


def test_chamber(tmp_path: Path) -> None:
    """Names become variables as `chamber exec` makes them."""
    assert texts(tmp_path, "x.json", '{"db-password": "x", "user": "y"}', format_="chamber") == {
        "DB_PASSWORD": "x",
        "USER": "y",
    }


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"A": null}', '{"A": {"B": 1}}', '{"a b": "x"}', '{"A": 1, "A": 2}', '{"A": "\\u0000"}']
)
def test_json_that_is_refused(tmp_path: Path, content: str) -> None:
    """A file that is no object of names and scalars is an error that names the file."""
    with pytest.raises(ConfigurationError, match=r"bad\.json"):
        texts(tmp_path, "bad.json", content)


def test_a_kubernetes_secret(tmp_path: Path) -> None:
    """`data` is decoded, `stringData` replaces it, and scalars of YAML stay as they are written."""
    data = base64.b64encode("p$<x>ä".encode()).decode()
    content = f"apiVersion: v1\nkind: Secret\ndata:\n  PASSWORD: {data}\n  B: eA==\nstringData:\n  B: yes\n  C: 0123\n"
    assert texts(tmp_path, "s.yaml", content) == {"PASSWORD": "p$$<x>ä", "B": "yes", "C": "0123"}
    listed = f"kind: List\nitems:\n- kind: ConfigMap\n  data: {{D: '1'}}\n- kind: Secret\n  data: {{E: {data}}}\n"
    assert texts(tmp_path, "l.yaml", listed) == {"D": "1", "E": "p$$<x>ä"}


def test_compose(tmp_path: Path) -> None:
    """Variables of Compose become variables, an unset one is empty, and `$$` is a dollar sign."""
    content = (
        "services:\n  web:\n    environment:\n      A: ${X:-d}\n      B: $Y/z\n      C: 'a$$b$${D}'\n      D: ${Z}\n"
        "      E:\n      N: 1_000\n  db:\n    image: x\n"
    )
    expected = {"A": "${X:-d}", "B": "${Y-}/z", "C": "a$b$${D}", "D": "${Z-}", "N": "1_000"}
    assert texts(tmp_path, "compose.yaml", content) == expected
    listed = "services:\n  web:\n    environment:\n      - A=x=y\n      - B\n  worker:\n    environment: {C: 1}\n"
    assert texts(tmp_path, "compose.yml", listed, service="web") == {"A": "x=y"}
    with pytest.raises(ConfigurationError, match="2 services have an environment; name one: --service"):
        texts(tmp_path, "compose.yml", listed)


@pytest.mark.parametrize(
    "content",
    [
        "a: [",
        "!!python/object:os.system {}",
        "x: 1",
        "kind: Secret\ndata: {A: '!'}\n",
        *(
            f"kind: {kind}\n{field}: {content}"
            for kind, field in FIELDS
            for content in ("x", "[x]", "1", "{{a: b}: c}")
        ),
        *(f"kind: List\nitems: {content}" for content in ("x", "1", "{kind: Secret}", "[1, [x]]")),
        *(f"services: {content}" for content in ("x", "[x]", "{web: x}", "{web: {environment: x}}")),
        "services: {web: {environment: [[A, b]]}}",
    ],
)
def test_yaml_that_is_refused(tmp_path: Path, content: str, canary: CanaryFactory) -> None:
    """Bad YAML, tags of Python and other documents are errors without a part of the file."""
    value = canary()
    with pytest.raises(ConfigurationError) as raised:
        texts(tmp_path, "bad.yaml", f"{content}\n# {value}\n")
    assert value not in str(raised.value)


def test_a_pasted_secret_as_a_name(tmp_path: Path, canary: CanaryFactory) -> None:
    """A name that is not one is in no message, because it may be a secret."""
    value = canary("x ")
    with pytest.raises(ConfigurationError) as raised:
        texts(tmp_path, "bad.yaml", f"kind: Secret\ndata: {{'{value}': '!'}}\n")
    assert value not in str(raised.value)
