"""What ends a TLS handshake: passing, but for certificates and versions, which stay as they are until mended."""

from __future__ import annotations

import os
import select
import socket
import ssl
import time

import pytest
from fakes.raw_store import Serve, ask, asked, bodies, broken, loop, say, store
from fakes.tls_pairs import client_settings, server_settings, tls_pair
from s3plan.schemas.failures import FailureKind
from s3plan.storage.s3.native import connection as http_connection
from s3plan.storage.s3.native.exchange import HostPort
from s3plan.storage.s3.native.openings import breakage_of_opening
from s3plan.storage.s3.native.quiet_sockets import unasked_on
from s3plan.storage.s3.wire.tls_alerts import lasting_refusal

RECORD_OF_ALERT = b"\x15\x03\x03\x00\x02\x02"
INTERNAL_ERROR, HANDSHAKE_FAILURE, UNRECOGNIZED_NAME, CLOSE_NOTIFY = 80, 40, 112, 0
BAD_CERTIFICATE, UNKNOWN_CA, CERTIFICATE_REQUIRED, PROTOCOL_VERSION = 42, 48, 116, 70


def alerting(number: int) -> Serve:
    def serve(client: socket.socket, _: int) -> None:
        client.recv(4096)
        client.sendall(RECORD_OF_ALERT + bytes([number]))

    return serve


def place_of(server_place: HostPort) -> HostPort:
    return HostPort(server_place.host, server_place.port, client_settings())


@pytest.mark.parametrize("alert", [INTERNAL_ERROR, HANDSHAKE_FAILURE, UNRECOGNIZED_NAME, CLOSE_NOTIFY])
def test_an_alert_in_the_handshake_may_pass(alert: int) -> None:
    with store(alerting(alert)) as server, loop() as sender:
        (end,) = ask(sender, place_of(server.place))
        assert broken(end).kind is FailureKind.UNREACHABLE, end


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (PROTOCOL_VERSION, "takes none of the TLS versions"),
        (BAD_CERTIFICATE, "refuses the certificate"),
        (UNKNOWN_CA, "refuses the certificate"),
        (CERTIFICATE_REQUIRED, "demands a client certificate"),
    ],
)
def test_an_alert_about_certificates_or_versions_lasts_and_is_named(alert: int, words: str) -> None:
    with store(alerting(alert)) as server, loop() as sender:
        (end,) = ask(sender, place_of(server.place))
        assert broken(end).kind is FailureKind.INVALID
        assert words in broken(end).message


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_connection_that_ends_in_the_handshake_may_be_made_again(*, is_reset: bool) -> None:
    def serve(client: socket.socket, _: int) -> None:
        client.recv(4096)
        if is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with store(serve) as server, loop() as sender:
        (end,) = ask(sender, place_of(server.place))
        assert broken(end).kind is FailureKind.UNREACHABLE, end


def test_a_store_that_hangs_up_in_the_first_handshake_is_reached_by_the_second() -> None:
    settings = server_settings()

    def serve(client: socket.socket, number: int) -> None:
        if number == 1:
            client.recv(4096)
            return
        with settings.wrap_socket(client, server_side=True) as secured:
            while asked(secured):
                say(secured)

    with store(serve) as server, loop() as sender:
        assert broken(ask(sender, place_of(server.place))[0]).kind.is_retryable
        assert bodies(ask(sender, place_of(server.place))) == [b"ok"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_demanded_is_said(version: ssl.TLSVersion) -> None:
    server_side, client_side = tls_pair()
    server_side.verify_mode = ssl.CERT_REQUIRED
    server_side.maximum_version = version
    with store(lambda client, _: say(client), tls=(server_side, client_side)) as server, loop() as sender:
        (end,) = ask(sender, server.place)
        if version is ssl.TLSVersion.TLSv1_3:
            assert broken(end).kind is FailureKind.INVALID, end
            assert "demands a client certificate" in broken(end).message
        else:  # its alert is the same as for anything else that does not suit it
            assert broken(end).kind is FailureKind.UNREACHABLE, end


def test_a_refusal_that_comes_between_the_handshake_and_the_request_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    server_side, client_side = tls_pair()
    server_side.verify_mode = ssl.CERT_REQUIRED
    server_side.minimum_version = ssl.TLSVersion.TLSv1_3

    def look_too_early(connection: socket.socket) -> None:
        monkeypatch.setattr(http_connection, "unasked_on", unasked_on)  # the next one looks
        select.select([connection], [], [], 5)
        time.sleep(0.2)  # until the other side has hung up, too

    monkeypatch.setattr(http_connection, "unasked_on", look_too_early)
    monkeypatch.setattr(http_connection, "quietness_of", lambda _: lambda: True)
    with store(lambda client, _: say(client), tls=(server_side, client_side)) as server, loop() as sender:
        (end,) = ask(sender, server.place)
        assert broken(end).kind is FailureKind.INVALID, end
        assert "demands a client certificate" in broken(end).message


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_spoilt_behind_the_handshake_may_pass(version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    server_side, client_side = tls_pair()
    server_side.maximum_version, server_side.num_tickets = version, 0

    def spoil(client: socket.socket, _: int) -> None:
        os.write(client.fileno(), b"\x17\x03\x03\x00\x40" + bytes(64))

    def look_late(connection: socket.socket) -> OSError | None:
        select.select([connection], [], [], 5)
        return unasked_on(connection)

    monkeypatch.setattr(http_connection, "unasked_on", look_late)
    with store(spoil, tls=(server_side, client_side)) as server, loop() as sender:
        (end,) = ask(sender, server.place)
    assert broken(end).kind.is_retryable, end


def test_versions_that_do_not_meet_last() -> None:
    server_side, client_side = tls_pair()
    server_side.minimum_version = ssl.TLSVersion.TLSv1_3
    client_side.maximum_version = ssl.TLSVersion.TLSv1_2
    with store(lambda client, _: say(client), tls=(server_side, client_side)) as server, loop() as sender:
        (end,) = ask(sender, server.place)
        assert broken(end).kind is FailureKind.INVALID, end
        assert "takes none of the TLS versions" in broken(end).message


def test_a_store_that_speaks_no_tls_lasts() -> None:
    with store(lambda client, _: say(client)) as server, loop() as sender:
        (end,) = ask(sender, place_of(server.place))
        assert broken(end).kind is FailureKind.INVALID, end


def test_only_alerts_are_read_as_alerts() -> None:
    assert lasting_refusal("CERTIFICATE_VERIFY_FAILED") is None
    assert lasting_refusal("TLSV1_ALERT_INTERNAL_ERROR") is None
    assert breakage_of_opening(HostPort("h", 1), OSError(113, "No route to host")).message == "h:1: No route to host"
