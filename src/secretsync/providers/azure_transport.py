"""HTTP connections that share one TLS context: each context of its own would load all certificate authorities again."""

from __future__ import annotations

import os
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

__all__ = ["session"]


class _Adapter(HTTPAdapter):
    """Keeps as many connections as there are workers."""

    def __init__(self, connections: int) -> None:
        self._contexts: dict[bool | str, Any] = {}
        self._lock = threading.Lock()
        super().__init__(pool_maxsize=connections)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https" or not verify:
            return host, tls
        kept = {name: value for name, value in tls.items() if name not in ("ca_certs", "ca_cert_dir")}
        return host, {**kept, "ssl_context": self._context(verify)}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # A context of ours has the authorities already; to name them again is to load them again, for each connection.
        if (getattr(conn, "conn_kw", None) or {}).get("ssl_context") not in self._contexts.values():
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def _context(self, verify: bool | str) -> Any:  # noqa: FBT001 - the type that requests has for it
        with self._lock:
            if verify not in self._contexts:
                place = DEFAULT_CA_BUNDLE_PATH if verify is True else str(verify)
                context = create_urllib3_context()
                kind = "capath" if os.path.isdir(place) else "cafile"
                context.load_verify_locations(**{kind: place})
                self._contexts[verify] = context
            return self._contexts[verify]


def session(connections: int) -> requests.Session:
    """A session of requests; proxies and certificate authorities are those of the process, as requests finds them."""
    made = requests.Session()
    made.mount("https://", _Adapter(connections))
    return made
