"""A machine whose metadata service takes connections and never answers: not in a cloud, behind an odd firewall."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread

from fakes.workplace import Workplace


@contextmanager
def silence() -> Iterator[tuple[int, list[bytes]]]:
    """Give a port and the requests that came to it, none of which is ever answered."""
    asked: list[bytes] = []
    held: list[socket.socket] = []

    def listen(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            held.append(client)
            asked.append(client.recv(4096).partition(b"\r\n")[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=listen, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], asked
        for client in held:
            client.close()


def test_a_metadata_service_that_is_silent_is_asked_twice_and_the_command_says_what_it_lacks(place: Workplace) -> None:
    """Once for a token and once without, a second each: about two seconds."""
    place.manifest()
    with silence() as (port, asked):
        variables = {name: value for name, value in place.command.variables.items() if "KEY" not in name}
        variables |= {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{port}",
        }
        ended = replace(place.command, variables=variables).run("plan", "job.yaml")
    assert ended.exit_code == 10, ended.output
    assert "no credentials were found (the AWS chain has none); set AWS_ACCESS_KEY_ID" in ended.stderr
    assert [line.split()[0] for line in asked] == [b"PUT", b"GET"]
