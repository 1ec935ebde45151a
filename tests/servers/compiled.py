"""The compiled server of the benchmarks, told to keep the bytes of all objects: in memory, and faster than any client.

It looks at no signature, has no tags, and checks of the checksums CRC64NVME only. Every condition holds in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

from servers.independent_server import IndependentServer
from servers.installed import ServerUnavailable

from benchmarks.store_port import StoreUnusable
from benchmarks.stores import built_server

_KEPT_BYTES = 4 << 30


class Compiled(IndependentServer):
    access_key_id = "AKIDCOMPILED"
    secret_access_key = "any"

    def program(self) -> Sequence[str | Path]:
        try:
            return (built_server(self.folder),)
        except StoreUnusable as error:
            raise ServerUnavailable(str(error)) from error

    def arguments(self) -> Sequence[str]:
        return ("-until-stdin-closes", "-keep-bytes", str(_KEPT_BYTES))

    def renew(self) -> None:
        for bucket in self.client().list_buckets()["Buckets"]:
            connection = HTTPConnection(self.endpoint.removeprefix("http://"), timeout=30)
            connection.request("GET", f"/_wipe?bucket={bucket['Name']}")
            status = connection.getresponse().status
            connection.close()
            assert status == 200, status
