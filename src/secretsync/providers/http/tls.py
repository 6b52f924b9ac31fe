"""The TLS context of a client: authorities, client certificate, and the checks of their files."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from secretsync.core.files import FileRefusal, Input, check_file, read_file
from secretsync.core.records import Record
from secretsync.providers.http.failures import Fault, HttpError

if TYPE_CHECKING:
    import ssl


class NamedPath(Record):
    """A path, and the variable or setting that it comes from, for messages: `VAULT_CACERT`."""

    path: str
    name: str


class Tls:
    """The settings of TLS connections, and the one context of all connections with these settings.

    Several clients may share one object. Used from many threads. Verification cannot be switched off.
    """

    def __init__(
        self,
        *,
        authorities: NamedPath | None = None,
        certificate: NamedPath | None = None,
        key: NamedPath | None = None,
        server_name: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Read nothing yet.

        `authorities`: a PEM file, or a directory of them; None: the system's. `certificate`, `key`: of the client;
        without `key`, the file of `certificate` has both. `server_name`: the name in the server's certificate, if it is
        not the host of the URL. `hint`: the next step if the server's certificate is not trusted.
        """
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.server_name = server_name
        self.hint = hint
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def check(self) -> None:
        """Raise HttpError if a file is missing or not PEM. No context is made."""
        if self.authorities is not None and not os.path.isdir(self.authorities.path):
            _check_pem(self.authorities, Fault.SETTING)
        for file in (self.certificate, self.key):
            if file is not None:
                _check_pem(file, Fault.CERTIFICATE_REFUSED)

    def context(self) -> ssl.SSLContext:
        """Return the context, made on first use. Raises HttpError if a file cannot be used."""
        with self._lock:
            if self._context is None:
                self.check()
                self._context = self._make()
            return self._context

    def _make(self) -> ssl.SSLContext:
        import ssl

        # Not `create_default_context`, because it writes the keys of all connections to the file of SSLKEYLOGFILE.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        _load_authorities(context, self.authorities)
        if self.certificate is not None:
            _load_certificate(context, self.certificate, self.key)
        return context


def pem_mistake(path: str) -> str | None:
    """Return the reason why the file at `path` is not a PEM file; None if it is one."""
    data = read_file(path, Input.CERTIFICATES)
    if isinstance(data, FileRefusal):
        return data.cause
    if b"-----BEGIN " in data:
        return None
    return "it is not a PEM file" if data.strip() else "it is empty"


def _check_pem(file: NamedPath, fault: Fault) -> None:
    if (cause := pem_mistake(file.path)) is not None:
        raise HttpError(fault, f"{file.name}: {file.path}: {cause}", f"set {file.name} to a PEM file")


def _load_authorities(context: ssl.SSLContext, authorities: NamedPath | None) -> None:
    if authorities is None:
        context.load_default_certs()
        if not context.cert_store_stats()["x509_ca"]:
            _load_others(context)
        return
    try:
        if os.path.isdir(authorities.path):
            is_loaded = _load_directory(context, authorities.path)
        else:
            is_loaded = _load_file(context, authorities.path)
    except OSError:
        is_loaded = False
    if not is_loaded:
        cause = f"{authorities.name}: {authorities.path}: it has no usable certificate"
        raise HttpError(Fault.SETTING, cause, f"set {authorities.name} to a PEM file with the server's authority")


def _load_file(context: ssl.SSLContext, path: str) -> bool:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    return True


def _load_others(context: ssl.SSLContext) -> None:
    """Load certifi's authorities if the system does not have any, as in a small container image."""
    import ssl

    folder = ssl.get_default_verify_paths().capath
    if folder and any(os.scandir(folder)):
        return  # OpenSSL reads this directory when a certificate is verified
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(cafile=certifi.where())


def _load_directory(context: ssl.SSLContext, folder: str) -> bool:
    """Let OpenSSL find authorities by their hashed names; load all files if no name is hashed."""
    import re

    names = sorted(os.listdir(folder))
    if any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name) for name in names):
        context.load_verify_locations(capath=folder)
        return True
    paths = [os.path.join(folder, name) for name in names]
    usable = [path for path in paths if check_file(path, Input.CERTIFICATES) is None]
    loaded = [_load_file(context, path) for path in usable]
    return any(loaded)


def _load_certificate(context: ssl.SSLContext, certificate: NamedPath, key: NamedPath | None) -> None:
    is_loaded = False
    try:
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate.path, key.path if key else None, password=lambda: b"")
        is_loaded = True
    except (OSError, ValueError):
        is_loaded = False
    if not is_loaded:
        names = f"{certificate.name} and {key.name}" if key else certificate.name
        cause = f"{names}: the certificate and its private key cannot be used"
        hint = "they must belong together, and the key must not have a password"
        raise HttpError(Fault.CERTIFICATE_REFUSED, cause, hint)
