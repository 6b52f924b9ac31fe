"""Generate .env files as programs have them, with secrets planted in every place where people put them."""

import io
import random
from collections.abc import Iterator

import dotenv

from secretsync.project.env_file import parse_env_file
from tests.support.canary import make_canary

_PIECES = (
    *("a", "Z", "0", " ", "  ", "-", "_", ".", ",", ";", ":", "/", "@", "#", " #", "%", "%41", "&", "?", "=", "+", "*"),
    *("$", "$$", "$<", "$<A>", "$$<", "$HOME", "$(id)", "`", "'", '"', "\\", "\\\\", "\\n", "\\t", "{", "}", "<", ">"),
    *(
        "\n",
        "\t",
        "é",
        "漢",
        "😀",
        "\u2028",
        "\x85",
        "\ufeff",
        "!",
        "~",
        "|",
        "(",
        "[",
        "yes",
        "null",
        "1.10",
        "\\$<",
        "\r",
    ),
)
_SECRETS = (
    "SECRET_KEY",
    "API_TOKEN",
    "SMTP_PASSWORD",
    "DB_PASSWORD",
    "jwt.secret",
    "STRIPE-KEY",
    "PGPASSWORD",
    "SENTRY_DSN",
)
_PARTS_OF_URLS = ("p@ss", "a/b", "x:y", "#1", "100%", "é", "+", " ", "~", "?", "[")


class Generated:
    """One file: its text, and the secrets in it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.planted: list[str] = []
        self._keys: list[str] = []
        lines = list(self._lines())
        self.text = "".join(lines)

    def _lines(self) -> Iterator[str]:
        choose = self._random
        for number in range(choose.randint(15, 40)):
            if choose.random() < 0.2:
                yield choose.choice(["\n", "# a comment\n", f"# OLD_PASSWORD={self._plant()}\n", "#\n", "#B=2\n"])
            key = f"{choose.choice(['APP', 'Db', '_X', 'LOG_LEVEL', 'a.b', 'c-d'])}{number}"
            line = choose.choice(
                [self._plain, self._plain, self._quoted, self._secret, self._secret, self._url, self._variable]
            )
            made = line(key)
            if self._is_readable(made):
                yield made

    def _is_readable(self, line: str) -> bool:
        """Return True if both parsers read one entry, whose variables are not in single quotes."""
        read = parse_env_file(line.encode(), file="")
        values = dotenv.dotenv_values(stream=io.StringIO(line.replace("\r", "\n")))
        is_one = not read.problems and len(read.entries) == 1 == len(values) and None not in values.values()
        if (
            not is_one
            or read.entries[0].key in self._keys
            or (read.entries[0].literal and "${" in read.entries[0].text)
        ):
            return False
        self._keys.append(read.entries[0].key)
        return True

    def _plant(self, before: str = "", after: str = "") -> str:
        self.planted.append(make_canary(before, after))
        return self.planted[-1]

    def _text(self) -> str:
        return "".join(self._random.choice(_PIECES) for _ in range(self._random.randint(0, 8)))

    def _plain(self, key: str) -> str:
        value = self._text().replace("\n", "").replace("\r", "").strip()
        return f"{self._random.choice(['', 'export '])}{key}={value}{self._random.choice(['', ' # a note'])}\n"

    def _quoted(self, key: str) -> str:
        quote = self._random.choice("'\"")
        escaped = self._text().replace("\\", "\\\\").replace(quote, f"\\{quote}")
        return f"{key} = {quote}{escaped}{quote}\n"

    def _secret(self, key: str) -> str:
        name = f"{key}_{self._random.choice(_SECRETS)}"
        value = self._plant(
            self._random.choice(["", "p$", "$<", 'q"', "a b", "\\"]), self._random.choice(["", "#x", "$", "é"])
        )
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"{self._random.choice(["", f" # was {value}"])}\n'

    def _url(self, key: str) -> str:
        from urllib.parse import quote

        password = self._plant(self._random.choice(_PARTS_OF_URLS), self._random.choice(_PARTS_OF_URLS))
        written = self._random.choice([quote(password, safe=""), quote(password), password])
        host = self._random.choice(["db:5432/app", "[::1]/x?sslmode=require", "h/$<x>"])
        form = self._random.choice(["URL='postgres://u:{}@{}'", "DSN='redis://:{}@{}'", "CONN='host={1};password={0}'"])
        return f"{key}_{form.format(written, host)}\n"

    def _variable(self, key: str) -> str:
        known = self._random.choice([key for key in self._keys if key.isidentifier()] or ["NOT_DEFINED"])
        piece = self._random.choice(
            [f"${{{known}}}", "${NOT_DEFINED}", "${NOT_DEFINED:-a b}", "${NOT DEFINED:-x}", f"$${{{known}}}"]
        )
        before = self._random.choice(["", "http://h/", "x$", "a b "])
        return f'{key}="{before}{piece}{self._random.choice(["", "/y", " #"])}"\n'
