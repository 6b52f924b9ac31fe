"""The inputs of a store of Vault. Vault's own variables are before OpenBao's, and before those of other tools."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from secretsync.core.model import Failed
from secretsync.providers.inputs import PROXY, InputKind, InputRule, check
from secretsync.providers.interface import StoreContext
from secretsync.providers.remote import RequestError
from secretsync.providers.vault.settings import POD_TOKEN

if TYPE_CHECKING:
    from secretsync.providers.logins import Login


def _names(*names: str) -> tuple[str, ...]:
    return tuple(f"{start}_{name}" for name in names for start in ("VAULT", "BAO"))


def _credential(key: str, name: str, kind: InputKind = InputKind.WORD, *, setting: str = "") -> InputRule:
    return InputRule(_names(name), kind, setting=setting, file=f"auth.{key}_file", is_credential=True)


TOKEN = _credential("token", "TOKEN")
ROLE_ID = _credential("role_id", "ROLE_ID", setting="auth.role_id")
SECRET_ID = _credential("secret_id", "SECRET_ID")
USERNAME = _credential("username", "USERNAME", InputKind.TEXT, setting="auth.username")
PASSWORD = _credential("password", "PASSWORD", InputKind.LINE)
JWT = _credential("jwt", "JWT")
POD_JWT = InputRule((), InputKind.WORD, file="auth.jwt_file", default=POD_TOKEN, is_credential=True)
AUTHORITIES = InputRule(
    (*_names("CACERT", "CAPATH"), "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    InputKind.AUTHORITIES,
    setting="ca_cert",
    is_from_root=True,
)
CERTIFICATE = InputRule(
    _names("CLIENT_CERT"), InputKind.CERTIFICATE, setting="auth.cert_file", is_credential=True, is_from_root=True
)
KEY = InputRule(
    _names("CLIENT_KEY"), InputKind.CERTIFICATE, setting="auth.key_file", is_credential=True, is_from_root=True
)
_LOG_IN = "run `vault login`, or choose another method: auth in the bindings"
# By the method of the login; "" for all methods, "tls" if the address is https://.
INPUTS = {
    "": (
        InputRule(_names("ADDR"), InputKind.SERVER, setting="address"),
        InputRule(_names("NAMESPACE"), InputKind.WORD, setting="namespace"),
        InputRule((), InputKind.WORD, setting="auth.mount"),
        InputRule((), InputKind.WORD, setting="auth.role"),
        PROXY,
    ),
    "tls": (AUTHORITIES, CERTIFICATE, KEY, InputRule(_names("TLS_SERVER_NAME"), InputKind.WORD)),
    "token": (TOKEN,),
    "approle": (ROLE_ID, SECRET_ID),
    "kubernetes": (POD_JWT,),
    "jwt": (JWT,),
    "userpass": (USERNAME, PASSWORD),
    "ldap": (USERNAME, PASSWORD),
    "cert": (),
    "aws": (
        *(
            InputRule((name,), InputKind.WORD, is_credential=True)
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        ),
        InputRule(("AWS_REGION", "AWS_DEFAULT_REGION"), InputKind.WORD, setting="auth.region"),
        InputRule((), InputKind.HEADER, setting="auth.server_id"),
    ),
    # Read by the method aws if no variable has keys.
    "aws platform": (
        InputRule(("AWS_PROFILE", "AWS_DEFAULT_PROFILE"), InputKind.TEXT),
        InputRule(("AWS_ROLE_ARN",), InputKind.WORD),
        InputRule(("AWS_WEB_IDENTITY_TOKEN_FILE",), InputKind.WORD, is_file=True, is_credential=True),
        InputRule(("AWS_CONTAINER_CREDENTIALS_FULL_URI",), InputKind.URL),
        *(InputRule((name,), InputKind.TEXT) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")),
    ),
}


def check_inputs(context: StoreContext, address: str) -> None:
    """Raise RequestError if a setting, a variable or a file that the store uses is malformed.

    `address`: of the server. The error names the setting, the variable or the file, and not its content.
    """
    method = (context.settings.get("auth") or {}).get("method", "token")
    methods = [method]
    if method == "aws" and not context.environ.get("AWS_ACCESS_KEY_ID"):
        methods.append("aws platform")
    if (mistake := check(context, _rules(methods, address), address)) is not None:
        raise RequestError(mistake)


def _rules(methods: Iterable[str], address: str) -> Iterator[InputRule]:
    for group in ("", *(("tls",) if address.startswith("https:") else ()), *methods):
        yield from INPUTS[group]


def logins(context: StoreContext) -> tuple[Login, ...]:
    """Return the ways to log in: those of the method in `auth`. No content of a file or variable is in the result."""
    from secretsync.providers.logins import Way, checklist, first_begun, look  # Imported only by `doctor --explain`.

    method = (context.settings.get("auth") or {}).get("method", "token")
    if method == "token":
        home = context.environ.get("HOME") or "~"
        written = InputRule((), InputKind.WORD, default=os.path.join(home, ".vault-token"))
        ways = [look(context, "token", (TOKEN,)), look(context, "token of `vault login`", (written,), hint=_LOG_IN)]
    elif method == "cert":
        # The key may be in the file of the certificate.
        ways = [look(context, method, (CERTIFICATE,), optional=(KEY,))]
    else:
        rules = [rule for rule in INPUTS[method] if rule.is_credential]
        needed = [rule for rule in rules if "AWS_SESSION_TOKEN" not in rule.names]
        ways = [look(context, method, needed, optional=[rule for rule in rules if rule not in needed])]
        if method == "aws":
            hint = f"set {' and '.join(needed[0].names + needed[1].names)}, or install the extra aws"
            ways.append(Way(name="keys of a profile or of the platform, by the SDK of AWS", is_unseen=True, hint=hint))
    return checklist(ways, first_begun(ways))


def text_of(found: str | Failed | None) -> str | None:
    """Return an input that was read; None if it is not set. Raises RequestError if it is malformed."""
    if isinstance(found, Failed):
        raise RequestError(found)
    return found
