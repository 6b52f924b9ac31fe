"""What secrets look like: generated ones are found, and what merely looks long or mixed is left alone."""

import base64
import random
import string
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from secretsync.core.recognition.secret_patterns import (
    has_password,
    has_private_key,
    has_url_password,
    holes_of_passwords,
    known_token,
    looks_random,
    may_be_secret,
    pieces_of_secrets,
)
from secretsync.planning.secrecy import has_secret_shape
from secretsync.policy.plaintext import plaintext_of
from secretsync.policy.policy import Policy
from secretsync.project.env_file import read_env_file
from tests.support.growth import AssertLinear

ROOT = Path(__file__).parents[3]
BASE62 = string.ascii_letters + string.digits
RANDOM = random.Random()


def drawn(alphabet: str, length: int) -> str:
    """Characters drawn anew: no file holds what looks like a token."""
    return "".join(RANDOM.choice(alphabet) for _ in range(length))


TOKENS = {
    "an AWS access key": lambda: "AK" + "IA" + drawn(string.ascii_uppercase + "234567", 16),
    "a GitHub token": lambda: "gh" + "s_" + drawn(BASE62, 36),
    "a GitLab token": lambda: "gl" + "pat-" + drawn(BASE62, 20),
    "a Slack token": lambda: "xo" + "xb-" + drawn(string.digits, 12),
    "a Slack webhook": lambda: (
        f"https://hooks.slack.com/services/T{drawn(BASE62, 8)}/B{drawn(BASE62, 8)}/{drawn(BASE62, 24)}"
    ),
    "a Stripe key": lambda: "sk_" + "live_" + drawn(BASE62, 24),
    "a Google API key": lambda: "AI" + "za" + drawn(BASE62, 35),
    "a Google OAuth secret": lambda: "GOC" + "SPX-" + drawn(BASE62, 28),
    "a SendGrid key": lambda: f"SG.{drawn(BASE62, 22)}.{drawn(BASE62, 43)}",
    "an npm token": lambda: "np" + "m_" + drawn(BASE62, 36),
    "a PyPI token": lambda: "py" + "pi-AgEIcHlwaS5vcmc" + drawn(BASE62, 60),
    "a Vault token": lambda: "hv" + "s." + drawn(BASE62, 24),
    "an OpenAI or Anthropic key": lambda: "sk-" + "proj-" + drawn(BASE62, 40),
    "a DigitalOcean token": lambda: "do" + "p_v1_" + drawn("0123456789abcdef", 64),
    "an Azure storage key": lambda: "AccountName=a;Account" + "Key=" + drawn(BASE62, 86) + "==",
    "a JSON web token": lambda: ".".join(
        ("ey" + "J" + drawn(BASE62, 20), "ey" + "J" + drawn(BASE62, 30), drawn(BASE62, 43))
    ),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_of_known_shapes(kind: str) -> None:
    """Alone and inside a text; not as a part of a longer word."""
    token = TOKENS[kind]()
    assert known_token(token) == kind
    assert known_token(f'{{"a": "{token}"}}') == kind
    if kind not in ("a Slack webhook", "an Azure storage key"):
        assert known_token(f"x{token}") != kind


@pytest.mark.parametrize("kind", TOKENS)
def test_the_quick_look_before_the_patterns(kind: str) -> None:
    """A text with a known token passes it, and is a secret by its shape."""
    token = TOKENS[kind]()
    assert has_secret_shape(token)
    assert has_secret_shape(f'{{"a": "{token}"}}')
    assert not has_secret_shape(token[:8])


def test_private_keys() -> None:
    """As PEM of every maker, in base64 as platforms want it, as age and PuTTY write them; no certificate."""
    body = base64.b64encode(RANDOM.randbytes(600)).decode()
    for label in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "):
        pem = f"-----BEGIN {label}{'PRIVATE'} KEY-----\n{body}\n-----END {label}{'PRIVATE'} KEY-----\n"
        assert has_private_key(pem), label
        assert has_private_key(base64.b64encode(pem.encode()).decode()), label
        assert has_private_key(base64.encodebytes(pem.encode()).decode()), label
    assert has_private_key("AGE-SECRET-" + "KEY-1" + drawn(string.ascii_uppercase, 58))
    public = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    assert not has_private_key(public)
    assert not has_private_key(base64.b64encode(public.encode()).decode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://app:pw@h/d", True),
        ("redis://:pw@h", True),
        ("https://h/?next=x://a:b@c", True),
        ("postgresql://app@h/d", False),
        ("postgresql://app:@h/d", False),
        ("http://h:8080/a@b", False),
        ("http://h/a:b@c", False),
        ("mailto:a@b", False),
        ("a:b@c", False),
        ("postgresql://app:\0@h/d", False),
    ],
)
def test_passwords_in_urls(text: str, expected: bool) -> None:
    """Between the colon and the at-sign of the authority, and nowhere else."""
    assert has_url_password(text) is expected
    assert has_password(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://db/app?user=app&password=pw", True),
        ("jdbc:sqlserver://db;user=app;Password=pw;encrypt=true", True),
        ("Server=db;Uid=app;Pwd=pw", True),
        ("host=db password='p w' dbname=app", True),
        ("jdbc:x://db?trustStorePassword=pw", True),
        ("https://h/login?reset_password=true", False),
        ("?password=", False),
        ("?password=\0", False),
        ("?password=a\0b", False),
        ("?password=$PASSWORD", False),
        ("?password={password}", False),
        ("?password=%s", False),
        ("--password-file=/run/secrets/p", False),
        ("?password=/run/secrets/p", False),
        ("?password_min=8", False),
        ("https://h/v1?api_key=pw", True),
        ("api-key=pw,x-tenant=shop", True),
        ("Endpoint=sb://h/;SharedAccessKeyName=Root;SharedAccessKey=pw", True),
        ("https://h/?grant=1&client_secret=pw&x=1", True),
        ("https://h/?access_token=pw", True),
        ("https://h/?response_type=token&partition_key=id&access_key_id=x", False),
        ("https://h/oauth/token?scope=a", False),
    ],
)
def test_passwords_as_parameters(text: str, expected: bool) -> None:
    """Of URLs and connection strings; not what leads to a password, nor a setting about one."""
    assert has_password(text) is expected
    assert has_secret_shape(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"default": {"PASSWORD": "pw", "HOST": "h"}}', ["pw"]),
        ('{"password":"pw"}', ["pw"]),
        ('{"db.password" : "p\\"w"}', ['p\\"w', 'p"w']),
        ("{'api_key': 'pw'}", ["pw"]),
        ('[{"token": "one"}, {"clientSecret": "two"}]', ["one", "two"]),
        ('{"user": "a", "password": ""}', []),
        ('{"password": true, "token": null, "token_type": "bearer"}', []),
        ('{"password": "$PASSWORD", "token": "{token}", "secret": "<secret>"}', []),
        ('{"password": "/run/secrets/db"}', []),
        ('{"password": "\0"}', []),
        ('{"key": "sort"}', []),
        ('{"max_tokens": "9"}', []),
    ],
)
def test_passwords_in_json(text: str, expected: list[str]) -> None:
    """Find members with the name of a secret; not switches, empty values, and what leads to a secret."""
    assert pieces_of_secrets(text) == expected
    assert has_password(text) is has_secret_shape(text) is bool(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcd", ["abcd"]),
        ("Authorization=Basic%20dTpw,x=1", ["dTpw", "p"]),
        ('{"Authorization": "token abcd"}', ["abcd"]),
        ("Authorization: Bearer $TOKEN", []),
        ("Authorization: Bearer \0", []),
        ("WWW-Authenticate: Bearer realm", []),
        ("Authorization", []),
    ],
)
def test_credentials_in_headers(text: str, expected: list[str]) -> None:
    """Find the credentials behind the scheme."""
    assert pieces_of_secrets(text) == expected
    assert has_password(text) is has_secret_shape(text) is bool(expected)


def test_places_of_passwords() -> None:
    """Count the holes that are in the place of a password, in a URL, a parameter, JSON and a header."""
    assert holes_of_passwords("\0://\0:\0@\0") == {2}
    assert holes_of_passwords("host=\0 password=\0") == {1}
    assert holes_of_passwords('{"user": "\0", "password": "\0", "token": "a\0"}') == {1, 2}
    assert holes_of_passwords("Authorization: Bearer \0, X: \0") == {0}


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "A1a", "x://", "LS0tLS1CRUdJTi", "eyJaaaaaaaaaa.", ":", "abcd-", "a://b:", "http.", "pwd", "password="),
        *('"password":"', "authorization:basic "),
    ],
)
def test_long_values_take_one_pass(assert_linear: AssertLinear, piece: str) -> None:
    """Time grows linearly with the length of a value, because otherwise a file could stop a pipeline."""

    def search(text: str) -> None:
        has_private_key(text), known_token(text), has_password(text), looks_random("KEY", text)
        may_be_secret(text)

    assert_linear(lambda size: partial(search, piece * (size // len(piece))), 12_000)


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda: RANDOM.randbytes(16).hex(), 0.99),
        (lambda: RANDOM.randbytes(32).hex(), 0.99),
        (lambda: drawn(BASE62, 24), 0.93),
        (lambda: base64.urlsafe_b64encode(RANDOM.randbytes(24)).decode(), 0.96),
        (lambda: base64.urlsafe_b64encode(RANDOM.randbytes(48)).decode(), 0.99),
        (lambda: base64.b64encode(RANDOM.randbytes(32)).decode(), 0.92),
    ],
)
def test_generated_secrets_look_random(make: Callable[[], str], least: float) -> None:
    """Nearly all of a thousand, however they were made."""
    RANDOM.seed(20261124)  # what is measured is the same in every run, and in any order
    assert sum(looks_random("VALUE", make()) for _ in range(1000)) / 1000 >= least


ORDINARY = """
APP_URL=https://www.example.com/very/long/path/to/Something2/else?utm_source=Newsletter2026
HOST=ip-10-0-12-34.eu-west-1.compute.internal
DB_HOST=app-production-1.cluster-cx7k2m9q0abc.eu-west-1.rds.amazonaws.com
REDIS_HOST=master.app-prod-redis.abc1de.euw1.cache.amazonaws.com
HANDLER=com.example.services.MyLongHandlerName2Factory
CLASS=django.contrib.auth.password_validation.UserAttributeSimilarityValidator
IMAGE=registry.example.com/team/app:1.24.3-alpine3.20-20261124
IMAGE_DIGEST=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
GIT_SHA=3f786850e387550fdab836ed7e6dc881de23001b
CLIENT_ID=8c2f6a0e-1b1d-4f4e-9d0a-6c1f0b2e7a55
TENANT=8c2f6a0e-1b1d-4f4e-9d0a-6c1f0b2e7a55
ROLE=arn:aws:iam::123456789012:role/AppProductionTaskRole2
LOG_FORMAT=%(asctime)s %(levelname)s [%(name)s:%(lineno)d] %(message)s
CSP=default-src 'self'; script-src 'sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K'
FEATURES=newCheckout2,darkMode,betaSearchV3,fastPaymentsIntegration
S3_BUCKET=company-production-uploads-eu-west-1-123456789012
QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/123456789012/ProductionOrdersQueueV2.fifo
CRON=*/15 0-6 1,15 * 1-5
USER_AGENT=Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
SSH_HOST_KEY=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmZ3k2l1Jq8Xc5Vb7Nw0Rt4Yp9Hd6Gs1Kf3Lz8QvTe2
STRIPE_PUBLISHABLE_KEY=pk_live_q7Rt2Zx9Lp4Vb8Nw3Ks6Hj1D
JAVA_OPTS=-Xms512m -Xmx2048m -XX:+UseG1GC -XX:MaxGCPauseMillis=200
TIMEZONE=America/Argentina/Buenos_Aires
SENTRY_RELEASE=frontend@2026.11.24-Build1234
ALPHABET=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz
VERSION=1.2.3-rc.1+build.20261124T093000Z
KUBERNETES_SERVICE=http://app-backend-v2.production.svc.cluster.local:8080
TOKEN_TTL=3600
PASSWORD_MIN_LENGTH=12
PASSWORD_HASHERS=django.contrib.auth.hashers.Argon2PasswordHasher
SECRET_MANAGER_ENABLED=true
API_KEY_HEADER=X-Api-Key
ACCESS_TOKEN_URL=https://login.example.com/oauth/token
REFRESH_TOKEN_COOKIE=__Host-refresh
TOKEN_AUDIENCE=https://api.example.com
DB_PASSWORD_FILE=/run/secrets/db_password
TLS_PRIVATE_KEY=/etc/ssl/private/server.key
JWT_SECRET_NAME=production/jwt
AWS_SECRET_REGION=eu-west-1
SECRETS_BACKEND=vault
AUTH_METHOD=password
"""


def test_ordinary_settings_are_left_alone(tmp_path: Path) -> None:
    """Hosts, images, digests, ids, classes, public keys, and settings about secrets: not one finding."""
    path = tmp_path / "ordinary.env"
    path.write_text(ORDINARY)
    read = read_env_file(str(path), file="ordinary.env", service=None)
    assert read.problems == ()
    found = [f"{one.key}: {one.rule}" for one in plaintext_of([read], Policy(), is_strict=True)]
    assert found == []


def test_this_repositorys_own_files_are_clean() -> None:
    """Every environment."""
    paths = sorted((ROOT / "env").glob("*/*.env"))
    assert len(paths) == 12
    for path in paths:
        file = read_env_file(str(path), file=str(path.relative_to(ROOT)), service=None)
        assert list(plaintext_of([file], Policy(), is_strict=True)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hunter2", True),
        ("4711", True),
        ("/abc+def", True),
        ("/etc/ssl/key.pem", False),
        ("/run/secrets/db_password", False),
        ("", False),
        ("Off", False),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", False),
    ],
)
def test_a_value_that_cannot_be_a_secret(text: str, expected: bool) -> None:
    """Switches, paths and public keys are not secrets, whatever their name."""
    assert may_be_secret(text) is expected
