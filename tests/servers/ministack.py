"""MiniStack: an emulator of AWS in Python. It keeps most of what S3 promises, and none of a copy's destination pins.

It looks at no signature, takes any access key, and lets small parts and batches of any size pass.
"""

from __future__ import annotations

from http.client import HTTPConnection

from servers.independent_server import IndependentServer


class MiniStack(IndependentServer):
    NAME = "ministack"
    access_key_id = "AKIDMINISTACK"
    secret_access_key = "any"

    def renew(self) -> None:
        connection = HTTPConnection(self.endpoint.removeprefix("http://"), timeout=30)
        connection.request("POST", "/_ministack/reset")
        status = connection.getresponse().status
        connection.close()
        assert status == 200, status
