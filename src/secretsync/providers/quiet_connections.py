"""Connections of urllib3 that print nothing, whatever the application has set http.client to."""

from __future__ import annotations

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["POOLS"]


class _Quiet(HTTPConnection):
    # http.client.HTTPConnection.debuglevel = 1, as people set it to look at requests, would print the token.
    debuglevel = 0


class _TlsQuiet(HTTPSConnection):
    debuglevel = 0


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Quiet


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsQuiet


# What a pool manager takes as its `pool_classes_by_scheme`.
POOLS = {"http": _Pool, "https": _TlsPool}
