"""The forms in which libraries write a secret into texts."""

import base64
import html
import json
import shlex
import urllib.parse
from collections.abc import Callable

Form = Callable[[str], str]


def _lower(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _aligned(shift: int, encode: Callable[[bytes], bytes]) -> Form:
    return lambda secret: encode(b"abc"[:shift] + secret.encode() + b"xyz").decode()


def _double_quoted(secret: str) -> str:
    return '"' + "".join("\\" + one if one in '"\\$`' else one for one in secret) + '"'


FORMS: dict[str, Form] = {
    "plain": lambda s: s,
    "URL-encoded": lambda s: urllib.parse.quote(s, safe=""),
    "URL-encoded path": urllib.parse.quote,
    "URL-encoded, lower case": lambda s: _lower(urllib.parse.quote(s, safe="")),
    "URL-encoded twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe=""),
    "form": urllib.parse.quote_plus,
    "user part of a URL": lambda s: f"postgresql://app:{urllib.parse.quote(s, safe='')}@db:5432/app?a=%20b",
    "user part with sub-delimiters": lambda s: f"amqp://{urllib.parse.quote(s, safe=chr(33) + '$&()*+,;=')}:x@mq/",
    "JSON": json.dumps,
    "JSON of Unicode": lambda s: json.dumps(s, ensure_ascii=False),
    "JSON with escaped slashes": lambda s: json.dumps(s).replace("/", "\\/"),
    "JSON for web pages": lambda s: json.dumps(s).replace("<", "\\u003c").replace("&", "\\u0026"),
    "JSON twice": lambda s: json.dumps({"body": json.dumps({"k": s})}),
    "JSON of Unicode twice": lambda s: json.dumps(json.dumps(s, ensure_ascii=False), ensure_ascii=False),
    "repr": repr,
    "ascii": ascii,
    "repr of repr": lambda s: repr([repr(s)]),
    "repr of bytes": lambda s: repr(s.encode()),
    "repr of bytes in JSON": lambda s: json.dumps(repr(s.encode())),
    "JSON in repr of bytes": lambda s: repr(json.dumps({"k": s}).encode()),
    "JSON of Unicode in repr of bytes": lambda s: repr(json.dumps({"k": s}, ensure_ascii=False).encode()),
    **{f"base64 at {shift}": _aligned(shift, base64.b64encode) for shift in range(3)},
    **{f"URL-safe base64 at {shift}": _aligned(shift, base64.urlsafe_b64encode) for shift in range(3)},
    "base64 at the end": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "Basic": lambda s: "Basic " + base64.b64encode(f"user:{s}".encode()).decode(),
    "base64 of JSON": lambda s: base64.b64encode(json.dumps({"key": s}).encode()).decode(),
    "URL-encoded base64": lambda s: urllib.parse.quote(base64.b64encode(s.encode()).decode(), safe=""),
    "hex": lambda s: s.encode().hex(),
    "upper hex": lambda s: s.encode().hex().upper(),
    "hex with colons": lambda s: s.encode().hex(":"),
    "hex with spaces": lambda s: s.encode().hex(" "),
    "list of bytes": lambda s: str(list(s.encode())),
    "HTML": html.escape,
    "HTML without quotes": lambda s: html.escape(s, quote=False),
    "HTML in numbers": lambda s: html.escape(s).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "shell": shlex.quote,
    "shell with backslashes": lambda s: "'" + s.replace("'", "'\\''") + "'",
    "shell in double quotes": _double_quoted,
    "URL in JSON": lambda s: json.dumps({"url": f"https://u:{urllib.parse.quote(s, safe='')}@h/"}),
    "HTML of JSON": lambda s: html.escape(json.dumps({"key": s})),
    "HTML of repr": lambda s: html.escape(repr({"key": s})),
    "SQL": lambda s: "'" + s.replace("'", "''") + "'",
    "CSV": lambda s: '"' + s.replace('"', '""') + '"',
}
