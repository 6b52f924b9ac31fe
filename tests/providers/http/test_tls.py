"""TLS: authorities, client certificates, and causes that are told apart."""

from __future__ import annotations

import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.tls import NamedPath, Tls
from tests.providers.http.helpers import BODY, Echo, client_of, echo, error_of, get, trusting
from tests.servers.certificates import CertificateAuthority
from tests.servers.loopback import Connection


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    """Return an authority of the test."""
    return CertificateAuthority(tmp_path / "authority")


@pytest.fixture(autouse=True)
def no_system_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the authorities of the test's environment out."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


def test_one_context_for_all_connections(authority: CertificateAuthority) -> None:
    """Threads and clients with the same settings share one context, which is made once."""
    tls = trusting(authority)
    made: list[ssl.SSLContext] = []
    make = tls._make

    def make_and_note() -> ssl.SSLContext:
        made.append(make())
        return made[-1]

    tls._make = make_and_note  # type: ignore[method-assign]
    with (
        echo(authority.server_context("127.0.0.1")) as server,
        client_of(server, tls=tls) as client,
        client_of(server, tls=tls) as other,
        ThreadPoolExecutor(4) as pool,
    ):
        found = [pool.submit(get, each) for each in (client, other) for _ in range(4)]
        assert all(future.result().body == BODY for future in found)
    assert len(made) == 1


def test_a_connection_is_kept_over_tls(authority: CertificateAuthority) -> None:
    """Session tickets, which a server sends after the handshake, do not end a connection."""
    with echo(authority.server_context("127.0.0.1")) as server, client_of(server, tls=trusting(authority)) as client:
        for _ in range(10):
            assert get(client).body == BODY
        assert server.requests.connections == 1


def test_a_kept_connection_that_was_closed(authority: CertificateAuthority) -> None:
    """A TLS connection that the server closed between two requests is replaced."""
    with echo(authority.server_context("127.0.0.1")) as server, client_of(server, tls=trusting(authority)) as client:
        get(client)
        server._close_connections()
        assert get(client).body == BODY


UNTRUSTED: dict[str, tuple[dict[str, Any], bool, str, str]] = {
    "unknown authority": ({}, False, "unable to get local issuer certificate", "the authority"),
    "expired": ({"expired": True}, True, "it has expired", "clock"),
    "other name": ({"name": "store.example"}, True, "it is not for 127.0.0.1", "address"),
}


@pytest.mark.parametrize("how", UNTRUSTED)
def test_certificates_that_are_not_trusted(authority: CertificateAuthority, tmp_path: Path, how: str) -> None:
    """Authority, dates and name have their own messages; none is retried."""
    options, is_known, words, step = UNTRUSTED[how]
    context = authority.server_context(options.get("name", "127.0.0.1"), expired=bool(options.get("expired")))
    trusted = authority if is_known else CertificateAuthority(tmp_path / "other")
    tls = trusting(trusted, hint="name the authority in VAULT_CACERT")
    with echo(context) as server, client_of(server, tls=tls) as client:
        error = error_of(client)
    assert (error.fault, error.is_passing, error.was_sent) == (Fault.TLS, False, False)
    assert "the server's certificate is not trusted" in error.cause
    assert words in error.cause
    assert step in f"{error.hint}"


def test_the_name_of_the_certificate_can_be_given(authority: CertificateAuthority) -> None:
    """A server behind another address is verified by the given name."""
    with echo(authority.server_context("vault.internal")) as server:
        with client_of(server, tls=trusting(authority, server_name="vault.internal")) as client:
            assert get(client).body == BODY
        with client_of(server, tls=trusting(authority, server_name="other.internal")) as client:
            assert "it is not for other.internal" in error_of(client).cause


class Plain(Echo):
    """A server of plain HTTP that answers what it does not understand, as real ones do."""

    def talk(self, connection: Connection, reader: BinaryIO) -> None:
        """Answer whatever comes."""
        reader.read(1)
        connection.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def test_a_server_without_tls() -> None:
    """https:// to a server of plain HTTP is named, and not retried."""
    with echo(kind=Plain) as server:
        error = error_of(HttpClient(server.url.replace("http:", "https:")))
    assert (error.fault, error.is_passing) == (Fault.TLS, False)
    assert error.cause == "the server does not use TLS at this port"


def test_a_server_that_requires_tls(authority: CertificateAuthority) -> None:
    """http:// to a server with TLS is an error of its own."""
    with echo(authority.server_context("127.0.0.1")) as server:
        error = error_of(HttpClient(server.url.replace("https:", "http:")))
    assert error.fault in (Fault.TLS, Fault.CLOSED)  # Python's server closes, OpenSSL's and Go's send an alert


def test_a_server_that_closes_during_the_handshake(authority: CertificateAuthority) -> None:
    """A restarting server closes the connection: the request may be tried again."""
    with echo(authority.server_context("127.0.0.1")) as server:
        server.mute()
        with client_of(server, tls=trusting(authority)) as client:
            error = error_of(client, seconds=0.2)
    assert (error.is_passing, error.was_sent) == (True, False)


# Client certificates


def _requiring(authority: CertificateAuthority) -> ssl.SSLContext:
    context = authority.server_context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.bundle)
    return context


def test_a_client_certificate(authority: CertificateAuthority, tmp_path: Path) -> None:
    """A certificate and its key, in two files or in one, are shown to the server."""
    certificate, key = authority.files("client")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    pairs = [
        {"certificate": NamedPath(str(certificate), "C"), "key": NamedPath(str(key), "K")},
        {"certificate": NamedPath(str(both), "C")},
    ]
    with echo(_requiring(authority)) as server:
        for pair in pairs:
            with client_of(server, tls=trusting(authority, **pair)) as client:
                assert get(client).body == BODY


def test_client_certificates_that_the_server_refuses(authority: CertificateAuthority, tmp_path: Path) -> None:
    """No certificate, and one of another authority, are denied with different messages."""
    certificate, key = CertificateAuthority(tmp_path / "other").files("client")
    other = {"certificate": NamedPath(str(certificate), "C"), "key": NamedPath(str(key), "K")}
    with echo(_requiring(authority)) as server:
        for pair, words in (({}, "requires a client certificate"), (other, "refuses the client certificate")):
            with client_of(server, tls=trusting(authority, **pair)) as client:
                error = error_of(client)
            assert error.fault is Fault.CERTIFICATE_REFUSED
            assert words in error.cause
            outcome = error.error(is_repeatable=True).outcome
            assert isinstance(outcome, Failed)
            assert outcome.kind is ProblemKind.DENIED


def _missing(folder: Path) -> Path:
    return folder / "missing.pem"


def _empty(folder: Path) -> Path:
    (folder / "empty.pem").write_bytes(b" \n")
    return folder / "empty.pem"


def _not_pem(folder: Path) -> Path:
    (folder / "der.pem").write_bytes(b"\x30\x82\x01\x0a\x02\x82")
    return folder / "der.pem"


def _damaged(folder: Path) -> Path:
    (folder / "damaged.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return folder / "damaged.pem"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo.pem")
    return folder / "fifo.pem"


FILES = {
    "missing": (_missing, "No such file"),
    "empty": (_empty, "it is empty"),
    "not PEM": (_not_pem, "it is not a PEM file"),
    "damaged": (_damaged, ""),
    "named pipe": (_fifo, "a named pipe"),
}


@pytest.mark.parametrize("how", FILES)
@pytest.mark.parametrize("part", ["authorities", "certificate", "key"])
def test_files_that_cannot_be_used(authority: CertificateAuthority, tmp_path: Path, how: str, part: str) -> None:
    """The variable and the path are named before anything is sent; authorities are settings, the others credentials."""
    make, words = FILES[how]
    bad = make(tmp_path)
    certificate, key = authority.files("client")
    paths = {"authorities": authority.bundle, "certificate": certificate, "key": key, part: bad}
    named: dict[str, Any] = {name: NamedPath(str(path), f"VAULT_{name.upper()}") for name, path in paths.items()}
    tls = Tls(**named)
    with echo(authority.server_context("127.0.0.1")) as server, client_of(server, tls=tls) as client:
        error = error_of(client)
        assert server.requests.count() == 0
    assert error.fault is (Fault.SETTING if part == "authorities" else Fault.CERTIFICATE_REFUSED)
    assert f"VAULT_{part.upper()}" in error.cause
    assert words in error.cause
    if how != "damaged":
        with pytest.raises(HttpError):
            tls.check()


def test_a_key_with_a_password_is_never_asked_for(authority: CertificateAuthority, tmp_path: Path) -> None:
    """OpenSSL does not ask for the password of a key on the terminal."""
    from cryptography.hazmat.primitives import serialization

    certificate, key = authority.files("client")
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    for path in (locked, CertificateAuthority(tmp_path / "other").files("client")[1]):
        tls = trusting(authority, certificate=NamedPath(str(certificate), "C"), key=NamedPath(str(path), "K"))
        with pytest.raises(HttpError, match="C and K: the certificate and its private key cannot be used") as raised:
            tls.context()
        assert raised.value.fault is Fault.CERTIFICATE_REFUSED


# Authorities


def test_a_directory_of_authorities(authority: CertificateAuthority, tmp_path: Path) -> None:
    """All PEM files of a directory are authorities; other files in it are skipped."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "store.pem").write_bytes(authority.bundle.read_bytes())
    (folder / "README").write_text("authorities")
    (folder / "fifo").mkdir()
    tls = Tls(authorities=NamedPath(str(folder), "VAULT_CAPATH"))
    with echo(authority.server_context("127.0.0.1")) as server, client_of(server, tls=tls) as client:
        assert get(client).body == BODY


def test_the_keys_of_connections_are_never_written(
    authority: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSLKEYLOGFILE, with which a connection can be decrypted, is not used."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with echo(authority.server_context("127.0.0.1")) as server, client_of(server, tls=trusting(authority)) as client:
        get(client)
    assert not (tmp_path / "keys").exists()


def test_old_tls_is_refused(authority: CertificateAuthority) -> None:
    """The client accepts TLS 1.2 and newer."""
    assert trusting(authority).context().minimum_version is ssl.TLSVersion.TLSv1_2
    assert trusting(authority).context().verify_mode is ssl.CERT_REQUIRED
    assert trusting(authority).context().check_hostname
