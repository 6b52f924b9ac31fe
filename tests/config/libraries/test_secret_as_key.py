"""Real libraries that get a Secret in place of its value: each fails, and nothing is signed or sent."""

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import flask
import itsdangerous
import jwt
import pytest
import requests
import sqlalchemy
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from secretsync import Secret
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment

NAMES_REVEAL = r"call \.reveal\(\)"


@pytest.fixture
def secret(canary: CanaryFactory) -> Secret:
    """Return a Secret whose mask and value must not be used."""
    return Secret(canary())


# Each of these once signed with the mask; Django is configured once a process, so it gets its own.
DJANGO = """
import sys
from django.conf import settings
from secretsync import Secret
settings.configure(
    SECRET_KEY=Secret(sys.stdin.read()),
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
import django
django.setup()
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core import checks, signing
from django.core.checks.security.base import check_secret_key
from django.core.signing import Signer, TimestampSigner
from django.utils.crypto import salted_hmac

def session():
    store = SessionStore()
    store["user"] = 1
    store.save()
    return store.session_key

for name, sign in {
    "signer": lambda: Signer().sign("user=1"),
    "timestamp": lambda: TimestampSigner().sign("user=1"),
    "dumps": lambda: signing.dumps({"user": 1}),
    "hmac": lambda: salted_hmac("salt", "user=1").hexdigest(),
    "session": session,
    "check": lambda: check_secret_key(None),
}.items():
    try:
        print(name, "SIGNED", sign())
    except TypeError as error:
        print(name, error)
"""


def test_django_signs_nothing(home: Path, canary: CanaryFactory) -> None:
    """`SECRET_KEY = config.secret(...)` in settings: no signer, session or check accepts the Secret."""
    argv = [sys.executable, "-c", DJANGO]
    done = subprocess.run(
        argv, input=canary(), env=clean_environment(home), capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["signer", "timestamp", "dumps", "hmac", "session", "check"]
    assert all(".reveal()" in line and "SIGNED" not in line for line in lines)
    canary.assert_clean(done.stdout + done.stderr)


def test_flask_signs_no_session(secret: Secret) -> None:
    """The application fails in the first request that writes the session."""
    app = flask.Flask("app")
    app.config["SECRET_KEY"] = secret
    app.testing = True

    @app.route("/")
    def index() -> str:
        flask.session["user"] = 1
        return "written"

    with pytest.raises(TypeError, match="Secret"):
        app.test_client().get("/")
    app.config["SECRET_KEY"] = secret.reveal()
    assert app.test_client().get("/").text == "written"


@pytest.mark.parametrize(
    "make",
    [
        itsdangerous.Signer,
        itsdangerous.TimestampSigner,
        itsdangerous.URLSafeSerializer,
        itsdangerous.URLSafeTimedSerializer,
        lambda key: itsdangerous.Signer([key]),
        lambda key: itsdangerous.URLSafeTimedSerializer(["older", key]),
        lambda key: itsdangerous.Signer("key", salt=key),
    ],
)
def test_itsdangerous_signs_nothing(secret: Secret, make: Callable[[Any], Any]) -> None:
    """Alone, in a list of keys and as the salt."""

    def sign() -> object:
        signer = make(secret)
        return signer.dumps({"user": 1}) if hasattr(signer, "dumps") else signer.sign("user=1")

    with pytest.raises(TypeError, match=NAMES_REVEAL):
        sign()


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "RS256", "ES256"])
def test_pyjwt_signs_and_verifies_nothing(secret: Secret, algorithm: str) -> None:
    """As the key of any algorithm, when encoding and when decoding."""
    with pytest.raises(TypeError):
        jwt.encode({"sub": "1"}, secret, algorithm=algorithm)  # type: ignore[arg-type]
    token = jwt.encode({"sub": "1"}, secret.reveal(), algorithm="HS256")
    with pytest.raises(TypeError):
        jwt.decode(token, secret, algorithms=["HS256"])  # type: ignore[arg-type]


def connect(password: Any) -> object:
    """Connect with this password; the driver must not be reached."""

    def reached(**options: Any) -> None:
        pytest.fail("the driver was called")

    driver = types.SimpleNamespace(connect=reached, paramstyle="pyformat", __version__="2.9.9", extensions=None)
    url = sqlalchemy.URL.create("postgresql+psycopg2", "app", password, "db", 5432, "app")
    return sqlalchemy.create_engine(url, module=driver, _initialize=False).connect()


@pytest.mark.parametrize(
    "use",
    [
        connect,
        sqlalchemy.create_engine,
        lambda secret: sqlalchemy.create_engine(f"postgresql://app:{secret}@db/app"),
        lambda secret: sqlalchemy.make_url("postgresql://app:%s@db/app" % secret),  # noqa: UP031 - as people write it
    ],
)
def test_sqlalchemy_connects_with_no_mask(secret: Secret, use: Callable[[Any], object]) -> None:
    """Neither as the password of a URL, nor as the URL, nor inside its text."""
    with pytest.raises((TypeError, sqlalchemy.exc.ArgumentError), match="Secret"):
        use(secret)


@pytest.mark.filterwarnings("ignore:Non-string passwords:DeprecationWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"auth": ("app", "S")},
        {"headers": {"Authorization": "S"}},
        {"params": {"token": "S"}},
        {"data": {"token": "S"}},
        {"json": {"token": "S"}},
        {"cookies": {"session": "S"}},
        {"files": {"file": "S"}},
    ],
)
def test_requests_sends_no_mask(secret: Secret, options: dict[str, Any]) -> None:
    """As credentials, header, parameter, form field, JSON, cookie or file: the request cannot be prepared."""

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(item) for key, item in value.items()}
        return tuple(put(item) for item in value) if isinstance(value, tuple) else secret if value == "S" else value

    with pytest.raises((TypeError, AttributeError, requests.exceptions.InvalidHeader), match="Secret"):
        requests.Request("POST", "http://127.0.0.1:1/", **put(options)).prepare()


def test_boto3_signs_nothing(secret: Secret) -> None:
    """As the secret access key of a session and of a client, and in the signer itself."""
    options: dict[str, Any] = {"aws_access_key_id": "AKIA", "aws_secret_access_key": secret, "region_name": "eu-west-1"}
    with pytest.raises(TypeError):
        boto3.client("sts", endpoint_url="http://127.0.0.1:1", **options).get_caller_identity()
    with pytest.raises(TypeError):
        boto3.Session(**options).client("sts", endpoint_url="http://127.0.0.1:1").get_caller_identity()
    as_any: Any = secret
    request = AWSRequest("GET", "http://127.0.0.1:1/")
    with pytest.raises(TypeError):
        SigV4Auth(Credentials("AKIA", as_any), "sts", "eu-west-1").add_auth(request)
    assert "Authorization" not in request.headers
