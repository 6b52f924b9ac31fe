"""The failures of TLS connections, distinguished by their cause."""

from __future__ import annotations

import ssl

from secretsync.providers.http.failures import Fault, HttpError

# X509_V_ERR_* of OpenSSL.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME, _OTHER_ADDRESS = 62, 64

_WITHOUT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_TRUST_HINT = "name the file with its authority; verification cannot be switched off"


def tls_failure(error: BaseException, host: str = "", hint: str | None = None) -> HttpError:
    """Return the failure for an exception of `ssl`, or of a socket during the handshake.

    `hint`: the next step if the authority of the certificate is not trusted.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return HttpError(Fault.TLS, *_untrusted(error, host, hint or _TRUST_HINT))
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or not isinstance(error, ssl.SSLError):
        # A restarting server closes the connection during the handshake.
        return HttpError(Fault.CLOSED, "the connection was closed during the TLS handshake")
    reason = error.reason or ""
    if reason in _WITHOUT_TLS:
        return HttpError(Fault.TLS, "the server does not use TLS at this port", "is the port, or https://, right?")
    if "CERTIFICATE_REQUIRED" in reason:
        cause, what = "the server requires a client certificate", "name the files of one"
        return HttpError(Fault.CERTIFICATE_REFUSED, cause, what)
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        cause = "the server refuses the client certificate"
        return HttpError(Fault.CERTIFICATE_REFUSED, cause, "has it expired, and does the server trust its authority?")
    words = reason.replace("_", " ").lower()
    cause = "no TLS connection can be made with the server"
    return HttpError(Fault.TLS, f"{cause}: {words}" if words else cause, "does it support TLS 1.2 or newer?")


def wrong_host(host: str) -> HttpError:
    """Return the failure for a certificate that is not for `host`."""
    cause = f"the server's certificate is not trusted: it is not for {host}"
    return HttpError(Fault.TLS, cause, "is this the right address?")


def _untrusted(error: ssl.SSLCertVerificationError, host: str, hint: str) -> tuple[str, str]:
    # An exception that a library made by itself does not have these.
    code, message = getattr(error, "verify_code", 0), getattr(error, "verify_message", "")
    if code == _EXPIRED:
        return (
            "the server's certificate is not trusted: it has expired",
            "renew it; or is the clock of this machine right?",
        )
    if code == _NOT_YET_VALID:
        return "the server's certificate is not trusted: it is not valid yet", "is the clock of this machine right?"
    if code in (_OTHER_NAME, _OTHER_ADDRESS):
        failure = wrong_host(host)
        return failure.cause, failure.hint or hint
    return f"the server's certificate is not trusted{f': {message}' if message else ''}", hint
