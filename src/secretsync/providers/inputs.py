"""Check the settings, variables and files that a provider reads, before its first request."""

from __future__ import annotations

import os
from _collections_abc import Mapping  # the home of collections.abc, without the import of collections

from secretsync.core.errors import ProblemKind
from secretsync.core.files import Input, read_file
from secretsync.core.light import Choices
from secretsync.core.model import Failed
from secretsync.core.records import Record
from secretsync.core.text import path_or
from secretsync.providers.interface import StoreContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class InputKind(Choices):
    """The forms that an input may have."""

    TEXT = "text"  # without white space around it
    HEADER = "header"  # the same in ASCII, for a header of a request
    WORD = "word"  # ASCII without white space
    LINE = "line"  # a password: white space may be a part of it, a line end may not
    SERVER = "server"  # the URL of a server, without a path
    URL = "URL"  # with a path
    PROXY = "proxy"  # the URL of a proxy; the scheme may be missing
    AUTHORITIES = "authorities"  # a PEM file, or a directory of them
    CERTIFICATE = "certificate"  # a PEM file
    PEM_OR_PKCS12 = "PEM or PKCS #12"
    BOOLEAN = "boolean"  # true or false, in any case


class InputRule(Record):
    """One input of a provider: variables, settings, or a file that they name. The first that is not empty is read."""

    names: tuple[str, ...]  # the variables; the settings are read before them
    kind: InputKind
    setting: str = ""  # with the input; `auth.role` is in the table `auth`
    file: str = ""  # the setting with the path of a file with the input
    default: str = ""  # the path of a file that is read if nothing is set
    is_file: bool = False  # `setting` and `names` have the path of a file with the input
    is_credential: bool = False  # status 4 if it is malformed, else 2
    is_from_root: bool = False  # a relative path in a variable starts at the project's root
    scheme: str = ""  # of a URL without a scheme; empty: it must have one


# The rules of a provider, by the credential that reads them; "": always.
InputTable = Mapping[str, tuple[InputRule, ...]]

_PEM = (InputKind.AUTHORITIES, InputKind.CERTIFICATE, InputKind.PEM_OR_PKCS12)
_URLS = (InputKind.SERVER, InputKind.URL)
PROXY = InputRule(("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), InputKind.PROXY)


class Given(Record):
    """An input that is set."""

    name: str  # of the variable or setting
    text: str
    path: str | None  # of the file with the input; None: the text is the input


def check(context: StoreContext, rules: Iterable[InputRule], url: str | None = None) -> Failed | None:
    """Return the first mistake in the inputs of a store, or None.

    `url`: of the server, which decides whether a proxy is used; None: no proxy is checked. The mistake names the
    variable or the setting, and not its content.
    """
    for rule in rules:
        if rule.kind is InputKind.PROXY:
            found: object = _proxy_mistake(url, context.environ) if url else None
        elif rule.kind in _PEM:
            found = _pem_mistake(context, rule)
        else:
            found = read(context, rule)
        if isinstance(found, Failed):
            return found
    return None


def read(context: StoreContext, rule: InputRule) -> str | Failed | None:
    """Return an input, or the mistake in it; None if it is not set."""
    given = find(context, rule)
    if given is None:
        return None
    name = given.name
    if given.path is None:
        return _mistake(rule, name, given.text) or given.text
    if (cause := malformed(InputKind.TEXT, given.text)) is not None:
        return _failed(rule, f"{name} {cause}", f"set {name} again, without it")
    data = read_file(given.path, Input.SECRET_FILE)
    place = f"{name} names {path_or(given.text, 'a file')}"
    if not isinstance(data, bytes):
        cause = "there is no such file" if data.is_absent else data.cause
        return _failed(rule, f"{place}: {cause}", f"the file must be readable for the user id {os.geteuid()}")
    # One line end is removed, because editors and shells add it.
    text = data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    wrong = "is empty" if not text else "is not text" if "\ufffd" in text else malformed(rule.kind, text)
    if wrong is not None:
        return _failed(rule, f"{place}: its content {wrong}", "write the file again")
    return text


def malformed(kind: InputKind, text: str) -> str | None:
    """Return what is wrong with a text; None if nothing is."""
    if kind is not InputKind.LINE and (text != text.strip() or (kind is InputKind.WORD and len(text.split()) > 1)):
        return "ends with a line end" if text.endswith(("\n", "\r")) else "has white space that does not belong there"
    if text.endswith(("\n", "\r")):
        return "ends with a line end"
    # `docker run --env-file` and many secret stores keep the quotes that a shell removes.
    if kind is not InputKind.LINE and len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return "begins and ends with a quote"
    if kind is InputKind.BOOLEAN and text.lower() not in ("true", "false"):
        return "is not true or false"
    if not text.isprintable() or (kind in (InputKind.WORD, InputKind.HEADER) and not text.isascii()):
        return "has a character that it cannot have"
    return None


def url_mistake(url: str, *, may_have_path: bool = False) -> str | None:
    """Return what is wrong with the URL of a server; None if nothing is."""
    from urllib.parse import urlsplit  # here and below: not imported for stores of files

    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not is_host(parts.hostname) or port == 0 or not url.isascii():
        return "is not a URL that begins with https:// and a host"
    if "@" in parts.netloc:
        return "has a user or a password in it"
    if not may_have_path and (parts.path.strip("/") or parts.query or parts.fragment):
        return "has a path, a query or a fragment"
    return None


def is_host(host: str | None) -> bool:
    """Return True if a host of a URL can be a name or an address. A variable that nothing replaced is neither."""
    if not host or ":" in host:  # `urlsplit` accepts `:` only in an address in brackets
        return bool(host)
    return all(host.removesuffix(".").split(".")) and host.replace("-", "").replace("_", "").replace(".", "").isalnum()


def find(context: StoreContext, rule: InputRule) -> Given | None:
    """Return the variable or setting that gives an input; None if nothing does."""
    is_file = rule.is_file or rule.kind in _PEM
    for setting, is_path in ((rule.setting, is_file), (rule.file, True)):
        if setting and (text := _setting(context, setting)):
            return Given(setting, text, context.path(text) if is_path else None)
    for name in rule.names:
        if value := context.environ.get(name):
            path = context.path(value) if rule.is_from_root else value
            return Given(name, value, path if is_file else None)
    return Given(rule.file, rule.default, rule.default) if rule.default else None


def _setting(context: StoreContext, name: str) -> str:
    *tables, key = name.split(".")
    found = context.settings
    for table in tables:
        found = found.get(table) or {}
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _mistake(rule: InputRule, name: str, text: str) -> Failed | None:
    kind = InputKind.TEXT if rule.kind in _URLS else rule.kind
    if (cause := malformed(kind, text)) is not None:
        return _failed(rule, f"{name} {cause}", f"set {name} again, without it")
    if rule.kind in _URLS:
        url = f"{rule.scheme}://{text}" if rule.scheme and "://" not in text else text
        if (cause := url_mistake(url, may_have_path=rule.kind is InputKind.URL)) is not None:
            form = "https://HOST" if rule.kind is InputKind.SERVER else "https://HOST/PATH"
            return _failed(rule, f"{name} {cause}", f"set {name} to a URL such as {form}")
    return None


def _pem_mistake(context: StoreContext, rule: InputRule) -> Failed | None:
    given = find(context, rule)
    if given is None or given.path is None:
        return None
    if (cause := malformed(InputKind.TEXT, given.text)) is not None:
        return _failed(rule, f"{given.name} {cause}", f"set {given.name} again, without it")
    if rule.kind is InputKind.AUTHORITIES and os.path.isdir(given.path):
        return _directory_mistake(rule, given)
    if rule.kind is InputKind.PEM_OR_PKCS12 and _is_pkcs12(given.path):
        return None
    from secretsync.providers.http.tls import pem_mistake

    if (cause := pem_mistake(given.path)) is None:
        return None
    hint = f"set {given.name} to a PEM file"
    return _failed(rule, f"{given.name} names {path_or(given.text, 'a file')}: {cause}", hint)


def _directory_mistake(rule: InputRule, given: Given) -> Failed | None:
    """Return the mistake in a directory of authorities: it has no PEM file. None if it has one."""
    from secretsync.providers.http.tls import pem_mistake

    path, hint = str(given.path), f"set {given.name} to a PEM file, or to a directory of PEM files"
    place = f"{given.name} names {path_or(given.text, 'a directory')}"
    try:
        names = os.listdir(path)
    except OSError as error:
        return _failed(rule, f"{place}: it cannot be read: {error.strerror}", hint)
    if any(pem_mistake(os.path.join(path, name)) is None for name in names):
        return None
    return _failed(rule, f"{place}: the directory has no PEM file", hint)


def _is_pkcs12(path: str) -> bool:
    data = read_file(path, Input.CERTIFICATES)
    return isinstance(data, bytes) and data.startswith(b"\x30\x82")  # a sequence in DER, with its length in two bytes


def _proxy_mistake(url: str, environ: Mapping[str, str]) -> Failed | None:
    from urllib.parse import urlsplit

    from secretsync.providers.http.proxy import proxy_variable

    name = proxy_variable(url, environ)
    if name is None:
        return None
    text = environ[name]
    is_proxy = False
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        is_proxy = is_host(parts.hostname) and (parts.port or 1) > 0 and parts.path in ("", "/") and not parts.query
    except ValueError:
        is_proxy = False
    cause = malformed(InputKind.WORD, text) or (None if is_proxy else "is not the URL of a proxy")
    if cause is None:
        return None
    hint = f"set {name} to http://host:port, or list the store's host in NO_PROXY"
    return Failed(ProblemKind.CONFIGURATION, f"{name} {cause}", hint)


def _failed(rule: InputRule, cause: str, hint: str | None) -> Failed:
    return Failed(ProblemKind.DENIED if rule.is_credential else ProblemKind.CONFIGURATION, cause, hint)
