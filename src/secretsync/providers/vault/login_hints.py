"""Say what may have ended if Vault refuses a login, and the command that shows or renews it."""

from __future__ import annotations

# By method. {mount}: of the method. {role}: of the settings, else ROLE.
_HINTS = {
    "approle": (
        "has the secret_id expired, or was it used as often as it may be? "
        "`vault write -f auth/{mount}/role/ROLE/secret-id` makes a new one"
    ),
    "kubernetes": (
        "is the role bound to the service account and the namespace of the pod? "
        "`vault read auth/{mount}/role/{role}` shows it"
    ),
    "jwt": (
        "has the token expired, or does the role want another audience or claim? get a new token from its issuer; "
        "`vault read auth/{mount}/role/{role}` shows the role"
    ),
    "userpass": "are user and password right? `vault write auth/{mount}/users/NAME password=-` sets a new password",
    "ldap": (
        "are user and password right, and is the account neither locked nor expired? `vault login -method=ldap "
        "-path={mount} username=NAME` tries them; `vault read auth/{mount}/config` shows the server"
    ),
    "cert": (
        "has the client certificate expired, and does a role trust its authority and its names? "
        "`vault read auth/{mount}/certs/{role}` shows the role, `openssl x509 -enddate -noout -in FILE` the end"
    ),
    "aws": (
        "have the AWS keys expired, and is the role bound to their identity? `aws sts get-caller-identity` shows the "
        "identity, `vault read auth/{mount}/role/{role}` the role; server_id and region must be those of the method"
    ),
}


def login_hint(method: str, mount: str, role: str | None) -> str:
    """Return the next step after a refused login."""
    return _HINTS[method].format(mount=mount, role=role or "ROLE")
