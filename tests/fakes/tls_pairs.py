"""TLS settings of a server and of a client that trusts it, for loopback."""

from __future__ import annotations

import ssl
from functools import cache

import trustme

ADDRESS = "127.0.0.1"


@cache
def authority() -> trustme.CA:
    """The one that every client of the tests trusts."""
    return trustme.CA()


def server_settings() -> ssl.SSLContext:
    """Settings of a server whose certificate is in order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(ADDRESS).configure_cert(context)
    return context


def client_settings() -> ssl.SSLContext:
    """Settings of a client that trusts it."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def tls_pair() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's settings and the client's."""
    return server_settings(), client_settings()
