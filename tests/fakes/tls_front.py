"""Speaks TLS on loopback in front of a server that speaks plain HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import trustme


@contextmanager
def tls_front(
    server_port: int, folder: Path, *, name: str = "127.0.0.1", hangs_up: Callable[[], bool] = lambda: False
) -> Iterator[tuple[int, Path]]:
    """Give (port, file with the certificate of the authority to trust); the server's certificate is for `name`.

    `hangs_up` is asked at each connection whether to end it in the middle of its handshake.
    """
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_accept, args=(listener, context, server_port, hangs_up), daemon=True).start()
        yield listener.getsockname()[1], bundle


def _accept(listener: socket.socket, context: ssl.SSLContext, server_port: int, hangs_up: Callable[[], bool]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # closed: the test is over
            return
        if hangs_up():
            Thread(target=_hang_up, args=(client,), daemon=True).start()
            continue
        Thread(target=_serve, args=(client, context, server_port), daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext, server_port: int) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as secured,
        socket.create_connection(("127.0.0.1", server_port)) as upstream,
    ):
        back = Thread(target=_pass_on, args=(upstream, secured), daemon=True)
        back.start()
        _pass_on(secured, upstream)
        back.join()


def _hang_up(client: socket.socket) -> None:
    with suppress(OSError), client:
        client.recv(4096)  # its hello


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
