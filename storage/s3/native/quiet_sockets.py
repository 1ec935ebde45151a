"""Whether a connection may carry a request: nothing has come on it that nobody asked for, and nobody has hung up.

HTTP/1.1 does not say which request an answer belongs to: what lies on a kept connection would be taken for the answer
to the next one (https://www.rfc-editor.org/rfc/rfc9112#section-9.3). What comes after the look cannot be told apart.
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable
from ssl import SSLSocket, SSLWantReadError

IsQuiet = Callable[[], bool]


def quietness_of(connection: socket.socket) -> IsQuiet:
    """Return what looks at an open socket that does not block; about 1 us as long as it is quiet."""
    looker = select.poll()
    looker.register(connection, select.POLLIN)
    look = looker.poll
    if not isinstance(connection, SSLSocket):
        return lambda: not look(0)
    secured = connection
    return lambda: not secured.pending() and (not look(0) or unasked_on(secured) is None)


def unasked_on(connection: socket.socket) -> OSError | None:
    """Return what came that nobody asked for, as the error that it is; None where it is quiet. It reads."""
    try:
        came = connection.recv(1)
    except (BlockingIOError, SSLWantReadError):  # session tickets and the like were taken in
        return None
    except OSError as error:
        return error
    words = "it spoke before it was asked" if came else "it hung up before it was asked"
    return ConnectionResetError(errno.ECONNRESET, words)
