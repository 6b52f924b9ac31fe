"""Recognize secrets in plain text: keys, tokens of known shapes, passwords in URLs, random text."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from secretsync.core.recognition import login_forms

_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|AGE-SECRET-KEY-1[0-9A-Z]{20}|PuTTY-User-Key-File-"
)
# "-----BEGIN", in base64.
_ENCODED_PEM = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=\s]{0,80}")

# What each issuer documents as the shape of its tokens. The bounds keep parts of longer words out.
_TOKENS = {
    "an AWS access key": r"(?:AKIA|ASIA)[A-Z2-7]{16}",
    "a GitHub token": r"(?:gh[opusr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    "a GitLab token": r"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_-]{20,}",
    "a Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Slack webhook": r"hooks\.slack\.com/services/T[A-Za-z0-9_]{6,}/B[A-Za-z0-9_]{6,}/[A-Za-z0-9]{16,}",
    "a Stripe key": r"(?:[sr]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,}",
    "a Google API key": r"AIza[A-Za-z0-9_-]{35}",
    "a Google OAuth secret": r"GOCSPX-[A-Za-z0-9_-]{28}",
    "a SendGrid key": r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "an npm token": r"npm_[A-Za-z0-9]{36}",
    "a PyPI token": r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}",
    "a Vault token": r"hv[sb]\.[A-Za-z0-9_-]{24,}",
    "an OpenAI or Anthropic key": r"sk-(?:ant-|proj-)[A-Za-z0-9_-]{20,}",
    "a DigitalOcean token": r"do[por]_v1_[a-f0-9]{64}",
    "an Azure storage key": r"AccountKey=[A-Za-z0-9+/]{40,}={0,2}",
    "a JSON web token": r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
}
_KNOWN = {name: re.compile(rf"(?<![A-Za-z0-9_]){shape}") for name, shape in _TOKENS.items()}

# What stands for a placeholder in a text: no password is found in one.
HOLE = login_forms.HOLE
# Bounded everywhere: a file of a megabyte in one word is looked through in one pass.
_URL_PASSWORD = re.compile(
    rf"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{{0,30}}://[^\s/@:?#]{{0,256}}:([^\s/@?#{HOLE}]{{1,1024}})@"
)
# Names of parameters and of members of JSON, at whose end a secret is named.
_NAMED = (
    r"(?:password|passwd|passphrase|pwd"
    r"|(?:api|access|account|private|secret|signing)[_-]?key|(?:client|app)[_-]?secret|(?:access|auth|refresh)[_-]?token)"
)
# What only leads to a secret: password=$PASSWORD, ={password}.
_NO_REFERENCE = r"(?![<{*%]|\$[A-Za-z_{(])"
# ?password=... of a URL, Pwd=...; of a connection string.
_PASSWORD_PARAMETER = re.compile(
    rf"(?<![\w.-])[\w.-]{{0,30}}{_NAMED}\s?=\s?['\"]?{_NO_REFERENCE}([^\s&;,'\"{HOLE}]{{1,1024}})(?![^\s&;,'\"])",
    re.ASCII | re.IGNORECASE,
)
# "password": "..." of JSON and of mappings that are written like it.
_PASSWORD_MEMBER = re.compile(
    rf"""["'](?:[\w.-]{{0,30}}{_NAMED}|secret|token)["']\s{{0,4}}:\s{{0,4}}(["']){_NO_REFERENCE}"""
    rf"""((?:(?!\1)[^\\\n{HOLE}]|\\.){{1,1024}})\1""",
    re.ASCII | re.IGNORECASE,
)
# Authorization: Bearer ..., also as a parameter: Authorization=Basic%20...
_CREDENTIALS = re.compile(
    rf"authorization['\"]?\s?[:=]\s?['\"]?(?:bearer|basic|token)(?:\s|%20){_NO_REFERENCE}([^\s,;'\"{HOLE}]{{4,4096}})"
    r"(?![^\s,;'\"])",
    re.ASCII | re.IGNORECASE,
)

# Where the password of a URL, of a connection string or of JSON is, whatever is there. The scheme may be a variable.
_PASSWORD_PLACE = re.compile(
    r"://[^\s/@:?#]{0,256}:([^\s/@?#]{1,1024})@"
    rf"|{_NAMED}\s?=\s?['\"]?([^\s&;,'\"]{{1,1024}})"
    rf"""|(?:{_NAMED}|["']secret|["']token)["']\s{{0,4}}:\s{{0,4}}["']([^"'\n]{{1,1024}})"""
    r"|authorization['\"]?\s?[:=]\s?['\"]?(?:bearer|basic|token)(?:\s|%20)([^\s,;'\"]{1,4096})",
    re.IGNORECASE,
)

_SWITCH = re.compile(r"true|false|yes|no|on|off|enabled|disabled|null|none|0|1", re.IGNORECASE)
_FILE_PATH = re.compile(
    r"(?:\.{0,2}|~)/(?:etc|run|var|srv|opt|home|root|usr|mnt|tmp|app|secrets?|certs?|keys?)?[\w./-]*"
)

_PUBLIC_KEYS = ("ssh-", "ecdsa-", "-----BEGIN CERTIFICATE", "-----BEGIN PUBLIC")

# Names of what is random and public.
_PUBLIC = re.compile(
    r"PUBLIC|PUBLISHABLE|CERT|FINGERPRINT|THUMBPRINT|DIGEST|CHECKSUM|HASH|SHA(?:1|256|512)?(?:_|\Z)|COMMIT|REVISION"
    r"|BUILD|ETAG|NONCE|INTEGRITY|(?:\A|_)(?:ID|IDS|UUID|GUID|ARN|AMI|VERSION)\Z",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9+_-]{20,}={0,2}")  # without "/": paths are no secrets
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_WORDLIKE = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}|[0-9]{5,}")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")


def has_private_key(text: str) -> bool:
    """Return True if `text` has a private key: as PEM, as PEM in base64, or as age and PuTTY write one."""
    if _PRIVATE_KEY.search(text):
        return True
    for encoded in _ENCODED_PEM.finditer(text):
        packed = re.sub(r"\s", "", encoded.group())
        try:
            head = base64.b64decode(packed[: len(packed) // 4 * 4])
        except (binascii.Error, ValueError):
            continue
        if b"PRIVATE KEY" in head:
            return True
    return False


def known_token(text: str) -> str | None:
    """Return the kind of token in `text`, or None."""
    return next((name for name, shape in _KNOWN.items() if shape.search(text)), None)


def has_url_password(text: str) -> bool:
    """Return True if a URL in `text` has a literal password."""
    return _URL_PASSWORD.search(text) is not None


def has_password(text: str) -> bool:
    """Return True if `text` has a literal password: in a URL, a connection string, a command line, JSON or a header."""
    return has_url_password(text) or any(True for _ in _named_secrets(text))


def _named_secrets(text: str) -> Iterator[str]:
    """Yield the literal secrets in `text` that a name or an option before them, or a driver's notation, shows."""
    for shape in (_PASSWORD_PARAMETER, _PASSWORD_MEMBER, _CREDENTIALS):
        for match in shape.finditer(text):
            if may_be_secret(piece := match[match.lastindex or 0]):
                yield piece
    yield from filter(may_be_secret, login_forms.passwords_of_logins(text))


def pieces_of_secrets(text: str) -> list[str]:
    """Return the passwords and tokens in `text`, each as it is there, percent-decoded, and as JSON reads it."""
    found = [match[1] for match in _URL_PASSWORD.finditer(text)] + list(_named_secrets(text))
    found += [match.group() for shape in _KNOWN.values() for match in shape.finditer(text)]
    unescaped = [re.sub(r'\\(["\\/])', r"\1", piece) for piece in found if "\\" in piece]
    return list(dict.fromkeys([*found, *(unquote(piece) for piece in found), *unescaped]))


def holes_of_passwords(text: str) -> set[int]:
    """Return the numbers of the holes in `text`, from 0, that are in the place of a password."""
    found: set[int] = set()
    named = (match.span(match.lastindex or 0) for match in _PASSWORD_PLACE.finditer(text))
    for start, end in (*named, *login_forms.places_of_passwords(text)):
        first = text.count(HOLE, 0, start)
        found.update(range(first, first + text.count(HOLE, start, end)))
    return found


def may_be_secret(text: str) -> bool:
    """Return True if the value of a sensitive name may be the secret itself, not a switch, a path or a public key."""
    if not text.strip() or _SWITCH.fullmatch(text.strip()) or text.startswith(_PUBLIC_KEYS):
        return False
    is_path = _FILE_PATH.fullmatch(text) is not None and ("." in text.rsplit("/", 1)[-1] or "secrets/" in text)
    return not is_path


def looks_random(name: str, text: str) -> bool:
    """Return True if a part of `text` looks random, and `name` does not name something public."""
    if _PUBLIC.search(name) or text.startswith(_PUBLIC_KEYS):
        return False
    text = _UUID.sub("", text)
    return any(_is_random(word.group()) for word in _WORD.finditer(text) if not _is_digest(text, word.start()))


def _is_digest(text: str, start: int) -> bool:
    """Return True if the text at `start` is marked as a digest: sha256:..., sha384-... ."""
    before, rest = text[:start], text[start:]
    return before.endswith(("sha256:", "sha1:", "sha512:", "md5:")) or rest.startswith(
        ("sha256-", "sha384-", "sha512-")
    )


def _is_random(word: str) -> bool:
    if _HEX.fullmatch(word):
        return _entropy(word) >= 3.0
    if not (any(c.isdigit() for c in word) and any(c.islower() for c in word) and any(c.isupper() for c in word)):
        return False
    # Names and paths are made of words, whatever joins them; what is random hardly ever has a stretch of one case.
    in_words = sum(len(run) for run in _WORDLIKE.findall(word))
    return in_words / len(word) < 0.6 and _entropy(word) >= 3.7


def _entropy(word: str) -> float:
    """Bits for each character, after Shannon."""
    counts = Counter(word)
    return -sum(count / len(word) * math.log2(count / len(word)) for count in counts.values())
