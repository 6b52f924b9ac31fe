"""Recognize passwords in the notations of drivers and command lines, which do not write them as URLs do."""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Iterator

HOLE = "\0"  # the mark of a placeholder in a text, as in secret_patterns

# Before a command's option, and before a notation that begins a word. Bounds keep the time linear.
_START = r"(?<![^\s'\"=,;])"
_COMMAND = r"[^|;&\n]{0,200}?\s"
_MYSQL = r"(?:mysql|mysqldump|mysqladmin|mysqlimport|mysqlcheck|mariadb(?:-[a-z]{1,20})?|mycli)"
_LOGIN = r"(?:docker|podman|buildah|skopeo|nerdctl|oras|crane|helm\sregistry|az|oc|argocd)\s(?:auth\s)?login"
_MACHINE = r"(?<!\S)(?:machine\s{1,8}\S{1,253}|default)"
# Verbs and negations: --reset-password alice has no password.
_NOT_VERB = (
    r"(?!(?:no|ask|reset|change|show|use|with|without|prompt|read|generate|create|require|allow|force|enable|disable|"
    r"skip|hash|print|list|get|revoke|delete|remove|verify|check|update|rotate|max|min)[-_])"
)

# `<pw>` is the place of the password: a word of an option. `<in>` is one inside a longer word, up to the next mark.
_FORMS = (
    # user:password@tcp(host:3306)/db and user:password@/db of Go.
    rf"{_START}[\w.%+~!$-]{{1,128}}:(?!/)<in>@(?:[a-z][a-z0-9+-]{{0,20}}\(|/[\w{HOLE}?])",
    # scott/password@//host, scott/password@host:1521/name and scott/password@(DESCRIPTION=...) of Oracle.
    (
        rf"(?<![^\s'\"=,;:])[\w$#.{HOLE}-]{{1,128}}/<in>@"
        rf"(?://[\w\[{HOLE}]|\(\s?description\s?=|[\w.{HOLE}-]{{1,253}}:(?:\d{{1,5}}|{HOLE})[/:][\w{HOLE}])"
    ),
    # machine host login name password ... of netrc.
    rf"{_MACHINE}(?:\s{{1,8}}(?:login|account)\s{{1,8}}\S{{1,256}}){{1,2}}\s{{1,8}}password\s{{1,8}}<pw>",
    rf"{_MACHINE}\s{{1,8}}password\s{{1,8}}<pw>\s{{1,8}}(?:login|account)\s",
    # --password x, --db-password x, --requirepass x.
    (
        rf"{_START}--{_NOT_VERB}(?:[a-z0-9]{{1,20}}[-_]){{0,3}}"
        r"(?:password|passwd|passphrase|pwd|pass|requirepass|masterauth|token|api[-_]?key|client[-_]secret)(?:\s{1,8}|=)<pw>"
    ),
    # requirepass x of redis.conf.
    r"(?<!\S)(?:requirepass|masterauth)\s{1,8}<pw>",
    # -storepass x of keytool, -passin pass:x of openssl.
    r"(?<!\S)-(?:[a-z]{0,4}store|[a-z]{0,4}key)pass\s{1,8}<pw>",
    r"(?<!\S)-pass(?:in|out)?\s{1,8}pass:<pw>",
    # -p of the programs for which it is a password, and of any program behind -u NAME.
    rf"(?<![\w-])(?:{_MYSQL}|mongo(?:sh|dump|restore|export|import)?|{_LOGIN})(?![\w-]){_COMMAND}-p\s{{0,8}}<pw>",
    r"(?<![\w-])sshpass\s{1,8}-p\s{0,8}<pw>",
    r"(?<!\S)-u\s{0,4}[^\s:]{1,128}\s{1,8}-p\s{0,8}(?![\d.:/-]+(?:/(?:tcp|udp))?(?:\s|\Z))<pw>",
    r"(?<![\w-])(?:redis|valkey|keydb)-(?:cli|benchmark)(?![\w-])" + _COMMAND + r"-a\s{1,8}<pw>",
    r"(?<![\w-])(?:sqlcmd|bcp|isql)(?![\w-])" + _COMMAND + r"(?-i:-P)\s{0,8}<pw>",
    r"(?<![\w-])ldap(?:search|modify|add|delete|passwd|whoami|compare)(?![\w-])" + _COMMAND + r"(?-i:-w)\s{1,8}<pw>",
    # curl -u name:password
    r"(?<![\w-])curl(?![\w-])" + _COMMAND + r"(?:-[a-z]{0,8}u\s{0,8}|--(?:proxy-)?user(?:\s{1,8}|=))"
    r"['\"]?[^\s:'\"]{0,128}:<word>",
    r"(?<![\w-])https?\s" + r"(?:[^|;&\n]{0,200}?\s)?(?:-a|--auth)(?:\s{1,8}|=)['\"]?[^\s:'\"]{1,128}:<word>",
    # user%password of smbclient
    r"(?<![\w-])(?:smbclient|rpcclient|net)(?![\w-])" + _COMMAND + r"(?-i:-U)\s{0,8}['\"]?[^\s%'\"]{1,128}%<word>",
)

_WITH_AT = 2  # the forms before this index have an at-sign; the others are several words, or an option

# What only leads to a password: $PASSWORD, {password}, <password>, *****.
_NO_REFERENCE = r"(?![<{*%]|\$[A-Za-z_{(])"
_LITERAL = {
    "<pw>": rf"(?:\"{_NO_REFERENCE}([^\"\n{HOLE}]{{1,1024}})\"|'{_NO_REFERENCE}([^'\n{HOLE}]{{1,1024}})'"
    rf"|(?!-){_NO_REFERENCE}([^\s'\"|;&{HOLE}]{{1,1024}})(?![^\s'\"|;&]))",
    "<word>": rf"{_NO_REFERENCE}([^\s'\"{HOLE}]{{1,1024}})(?![^\s'\"])",
    "<in>": rf"{_NO_REFERENCE}([^\s@/'\"{HOLE}]{{1,256}})",
}
_PLACE = {
    "<pw>": r"(?:\"([^\"\n]{1,1024})\"|'([^'\n]{1,1024})'|(?!-)([^\s'\"|;&]{1,1024}))",
    "<word>": r"([^\s'\"]{1,1024})",
    "<in>": r"([^\s@/'\"]{1,256})",
}


@functools.cache
def _compiled(form: str, *, is_place: bool) -> re.Pattern[str]:
    places = _PLACE if is_place else _LITERAL
    filled = re.sub("|".join(places), lambda mark: places[mark.group()], form)
    return re.compile(filled, re.ASCII | re.IGNORECASE)


def _shapes(text: str, *, is_place: bool) -> Iterator[re.Pattern[str]]:
    """Yield the patterns that may match. The others are not compiled, because that takes longer than a search."""
    has_at, is_command = "@" in text, len(text.split(None, 1)) > 1 or "--" in text
    for index, form in enumerate(_FORMS):
        if (index >= _WITH_AT and is_command) or (index < _WITH_AT and has_at):
            yield _compiled(form, is_place=is_place)


# Pwd={...}; of ODBC. `{password}` alone is a variable of a template.
_BRACED = re.compile(
    r"(?:(?<![^;'\"])|(?<=;\s))(?:[a-z ]{0,20})(?:password|passwd|pwd)\s?=\s?\{"
    rf"(?!\w{{0,60}}(?:pass|pwd|secret|token|key)\w{{0,60}}\}}|[{{$<%])((?:[^}}\n{HOLE}]|\}}\}}){{1,1024}})\}}(?!\}})",
    re.ASCII | re.IGNORECASE,
)
# Basic <base64 of name:password>, as the value of a header.
_BASIC = re.compile(r"(?<![\w-])Basic(?:\s{1,4}|%20)([A-Za-z0-9+/_-]{4,4096}={0,2})(?![\w=])", re.ASCII | re.IGNORECASE)
# Bearer <token> alone. A token has a digit, so that prose is not one.
_BEARER = re.compile(rf"\s*Bearer\s{{1,4}}{_NO_REFERENCE}(?=[^\s\d]*\d)([^\s{HOLE}'\",;]{{12,4096}})\s*", re.IGNORECASE)
_SCHEME_PLACE = re.compile(rf"\s*(?:Basic|Bearer)\s{{1,4}}([^\s]{{0,1024}}{HOLE}[^\s]{{0,1024}})\s*")


def passwords_of_logins(text: str) -> Iterator[str]:
    """Yield the literal passwords in `text`."""
    for shape in (*_shapes(text, is_place=False), _BRACED):
        for match in shape.finditer(text):
            yield match[match.lastindex or 0]
    for match in _BASIC.finditer(text):
        if password := _basic_password(match[1]):
            yield match[1]
            yield password
    if token := _BEARER.fullmatch(text):
        yield token[1]


def places_of_passwords(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each place of a password in `text`, whatever is there."""
    for shape in _shapes(text, is_place=True):
        for match in shape.finditer(text):
            yield match.span(match.lastindex or 0)
    if scheme := _SCHEME_PLACE.fullmatch(text):
        yield scheme.span(1)


def _basic_password(encoded: str) -> str | None:
    """Return the password in base64 of name:password; None if it is something else."""
    padded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
    try:
        name, colon, password = (
            base64.b64decode(padded, altchars=b"-_" if {"-", "_"} & set(encoded) else None).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    return password if colon and password and (name + password).isprintable() else None
