"""Passwords in the notations of drivers and command lines; ordinary settings are not taken for them."""

import base64
from functools import partial

import pytest

from secretsync.core.recognition.login_forms import passwords_of_logins
from secretsync.core.recognition.secret_patterns import has_password, holes_of_passwords, pieces_of_secrets
from secretsync.planning.secrecy import has_secret_shape
from tests.support.cases import check_each
from tests.support.growth import AssertLinear

# `PW` is the password.
SECRETS = [
    "app:PW@tcp(db:3306)/shop",
    "app:PW@tcp(db:3306)/shop?parseTime=true",
    "app:PW@tcp([::1]:3306)/shop",
    "app:PW@unix(/run/mysqld/mysqld.sock)/shop",
    "app:PW@cloudsql(project:region:db)/shop",
    "app:PW@/shop",
    "dsn=app:PW@tcp(db)/shop",
    "Driver={ODBC Driver 18 for SQL Server};Server=db;Uid=app;Pwd={PW};Encrypt=yes",
    "Server=db; Password={PW;{x}",
    "Pwd={PW}",
    "DSN=shop;UID=app;Pwd={PW};",
    "scott/PW@//db:1521/shop",
    "scott/PW@//db/shop",
    "app/PW@db.example.com:1521/shop",
    "app/PW@db:1521:shop",
    "app/PW@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=db)(PORT=1521)))",
    "jdbc:oracle:thin:scott/PW@//db:1521/shop",
    "jdbc:oracle:thin:scott/PW@db:1521:shop",
    "sqlplus -s scott/PW@//db/shop",
    "redis-server --requirepass PW",
    "--requirepass PW --appendonly yes",
    "--requirepass=PW",
    "requirepass PW",
    "maxmemory 64mb\nrequirepass PW\nmasterauth x",
    "masterauth PW",
    "redis-cli -h cache -a PW ping",
    "valkey-cli -a PW",
    "--password=PW",
    "--password PW",
    "--password 'PW'",
    '--db-password "PW"',
    "--user app --pass PW",
    "serve --token PW",
    "serve --api-key PW",
    "mysql -u app -p PW shop",
    "mysql -uapp -pPW shop",
    "mysqldump -h db -u app -pPW shop",
    "mariadb-dump -p'PW' shop",
    "-u app -pPW",
    "mongodump --host db -u app -p PW",
    "docker login -u app -p PW registry.example.com",
    "sshpass -p PW ssh app@host",
    "sqlcmd -S db -U app -P PW",
    "ldapsearch -D cn=app -w PW -b dc=x",
    "keytool -list -storepass PW",
    "openssl pkcs12 -passin pass:PW -in a.p12",
    "curl -u app:PW https://h/",
    "curl -sSu app:PW https://h/",
    "curl --user 'app:PW' https://h/",
    "curl -x proxy:3128 --proxy-user app:PW https://h/",
    "http -a app:PW h/path",
    "smbclient //h/share -U app%PW",
    "machine h login app password PW",
    "machine h.example.com\n  login app\n  password PW\n",
    "machine h password PW login app",
    "default login app password PW",
    "machine h login app account x password PW",
]
SETTINGS = [
    "https://www.example.com/path",
    "https://app@h/path",
    "postgresql://app@db:5432/shop",
    "amqp://rabbit:5672/vhost",
    "user:group@host",
    "root:wheel",
    "1000:1000",
    "ops@example.com",
    "Shop <ops@example.com>, Sales <sales@example.com>",
    "mailto:ops@example.com?subject=a",
    "git@github.com:team/app.git",
    "git@host:path",
    "ssh://git@host:22/team/app.git",
    "git+ssh://git@github.com/team/app.git@v1.2",
    "backup@host:/srv/backup",
    "rsync -a src/ backup@host:/srv/backup",
    "rsync -av -e 'ssh -p 2222' a/ b@h:/c",
    "repo/image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "registry:5000/team/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "registry.example.com/team/app:1.2@sha256:0123456789012345678901234567890123456789012345678901234567890123",
    "@scope/package@1.2.3",
    "npm:@scope/package@^1.2.3",
    "actions/checkout@v4",
    "team/app@main",
    "user@tcp(db:3306)/shop",
    "tcp(db:3306)/shop",
    "app:@tcp(db:3306)/shop",
    "app:${PASSWORD}@tcp(db:3306)/shop",
    "http://h:8080/a@/b",
    "Driver={ODBC Driver 18 for SQL Server};Server=db;Trusted_Connection=yes",
    "Pwd={password}",
    "Server=db;Pwd={{ password }}",
    "Server=db;Pwd={$PASSWORD}",
    "failed login: password={value} user={user}",
    "docker run -p 8080:80 app",
    "docker run -u 1000 -p 80:80 -p 53:53/udp app",
    "docker run -u app --user app:app image",
    "docker run -d -p 127.0.0.1:80:80 nginx",
    "mkdir -p /srv/app",
    "cp -a src dst",
    "ssh -p 22 app@host",
    "pytest -p no:cacheprovider -u",
    "gunicorn -w 4 -u app -b 0.0.0.0:8000",
    "uvicorn app:main --host 0.0.0.0",
    "mysql -u app -p",
    "mysql -u app -p --host db",
    "mysql -u app --password --host db",
    "redis-server --appendonly yes --maxmemory 64mb",
    "redis-cli -h cache -p 6379 ping",
    "--password-file /run/secrets/p",
    "--password /run/secrets/db_password",
    "--reset-password alice",
    "--no-password app",
    "--token-ttl 3600",
    "--requirepass $REDIS_PASSWORD",
    "--requirepass ${REDIS_PASSWORD}",
    "--password <password>",
    "mysql -u app -p$MYSQL_PASSWORD",
    "curl -u app https://h:8080/",
    "curl -u $USER:$PASSWORD https://h/",
    "curl -fsS https://h:8443/health",
    "chown -R app:app /srv",
    "machine learning password policy",
    "machine h login app",
    "The password must be changed every 90 days",
    "Basic plan",
    "basic auth",
    "Basic realm=shop",
    "Bearer realm",
    "bearer tokens are short",
    "Basic ZGVmYXVsdA==",
    "a:b@c",
    "%(asctime)s [%(name)s:%(lineno)d] %(message)s",
    "*/15 0-6 1,15 * 1-5",
    "user/group@team",
    "arn:aws:iam::123456789012:role/app",
]


@pytest.mark.parametrize("word", ["hunter2", "Tr0ub4dor&3", "a$b!c", "x#y%z"])
def test_a_password_is_found(word: str) -> None:
    """Find the password itself, so that it is masked without the text around it."""

    def check(text: str) -> None:
        # A shell would end the command at the character.
        password = word.replace("&", ".") if " " in text or "--" in text else word
        text = text.replace("PW", password)
        assert has_secret_shape(text)
        assert has_password(text)
        assert any(password in piece for piece in pieces_of_secrets(text)), pieces_of_secrets(text)

    check_each(SECRETS, check)


def test_the_place_of_a_password() -> None:
    """A placeholder in the place of a password is one."""

    def check(text: str) -> None:
        before, _, after = text.partition("PW")
        alone, between = f"{before}\0{after}", f"\0 {before}\0{after} \0"
        assert holes_of_passwords(between) == {1} or holes_of_passwords(alone) == {0}

    check_each(SECRETS, check)


def test_ordinary_settings() -> None:
    """Hosts, images, addresses, options, and references to a password are settings."""

    def check(text: str) -> None:
        assert not has_secret_shape(text)
        assert not has_password(text)

    check_each(SETTINGS, check)


@pytest.mark.parametrize(
    "text",
    [
        *("\0@tcp(db:3306)/shop", "\0:x@h", "\0/image@sha256:ab", "docker run -p \0:80 app", "mkdir -p \0"),
        *("curl -u \0 https://h/", "ssh -p \0 a@h", "mysql -u \0 -h db", "machine \0 login \0", "Basic plan \0"),
        *("git@\0:path", "https://\0/a", "http://\0:80/a@b", "--user \0", "--token-ttl \0", "rsync -a \0 a@h:/b"),
    ],
)
def test_the_place_of_a_setting(text: str) -> None:
    """A placeholder in another place makes no secret."""
    assert holes_of_passwords(text) == set()


def test_basic_credentials() -> None:
    """The base64 and the password in it are found; a placeholder behind the scheme is in the place of a password."""
    encoded = base64.b64encode(b"app:hunter2").decode()
    for text in (f"Basic {encoded}", f"basic {encoded}", f"x=Basic {encoded}", f"Proxy: Basic%20{encoded}"):
        assert has_secret_shape(text)
        assert {encoded, "hunter2"} <= set(pieces_of_secrets(text))
    assert has_secret_shape("Bearer 0123456789abcdef")
    assert holes_of_passwords("Basic \0") == holes_of_passwords("Bearer \0") == {0}


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            ":",
            "a:b",
            "a/b@",
            "a:b@",
            "curl ",
            "curl -u ",
            "mysql -p",
            "-u a -p ",
            "--",
            "--a-",
            "--pass ",
            "Pwd={",
        ),
        *(
            "machine h ",
            "default login ",
            "machine h login a ",
            "Basic ",
            "Bearer ",
            "ldapsearch ",
            "a/@(",
            "pass=in ",
            "-p'",
        ),
    ],
)
def test_time_is_linear(assert_linear: AssertLinear, piece: str) -> None:
    """Time grows linearly with the length of a value, because otherwise a file could stop a pipeline."""

    def search(text: str) -> None:
        list(passwords_of_logins(text)), holes_of_passwords(text)

    assert_linear(lambda size: partial(search, piece * (size // len(piece))), 12_000)
