"""How an answer's bytes reach the client when they do not do so as they should."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

_LINGER_ZERO = struct.pack("ii", 1, 0)
_ARRIVES_WITHIN_S = 0.02  # a reset may overtake what was sent just before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One way for an answer to suffer.

    cut: half of the body goes out, or half of the head where there is no body. surplus: goes out behind the body,
    beyond its Content-Length. pause_s: between one byte of the body, or of the head, and the next; 0 is all at once.
    flip_seed: chooses the bit of the body that is changed. reset: how the connection ends after a cut.
    """

    cut: bool = False
    surplus: bytes = b""
    pause_s: float = 0.0
    flip_seed: int | None = None
    reset: bool = False


def deliver(
    transport: asyncio.Transport, head: bytes, body: bytes, delivery: Delivery, *, on_end: Callable[[], None]
) -> None:
    """Send an answer so; `on_end` is called when the connection may take its next request, if it ever may."""
    if delivery.flip_seed is not None:
        body = flipped(body, seed=delivery.flip_seed)
    if delivery.cut:
        transport.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
        if delivery.reset:
            asyncio.get_running_loop().call_later(_ARRIVES_WITHIN_S, reset, transport)
        else:
            transport.close()
    elif delivery.pause_s:
        at_once, slowly = (head, body) if body else (b"", head)
        transport.write(at_once)
        _trickle(transport, slowly, delivery.pause_s, on_end)
    else:
        transport.write(head + body + delivery.surplus)
        on_end()


def _trickle(transport: asyncio.Transport, left: bytes, pause_s: float, on_end: Callable[[], None]) -> None:
    if transport.is_closing():
        return
    if not left:
        on_end()
        return
    transport.write(left[:1])
    asyncio.get_running_loop().call_later(pause_s, _trickle, transport, left[1:], pause_s, on_end)


def flipped(body: bytes, *, seed: int) -> bytes:
    """The bytes with one bit changed; nothing where there are none."""
    if not body:
        return body
    at = random.Random(seed).randrange(len(body) * 8)
    changed = bytearray(body)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def reset(transport: asyncio.Transport) -> None:
    """End the connection by a reset."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None or transport.is_closing():
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
