"""OpenStack Swift, a production object store, through its S3 gateway (s3api)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from servers.independent_server import IndependentServer
from servers.installed import ServerUnavailable

_ACCOUNTS = 1000  # one for each test


class Swift(IndependentServer):
    NAME = "swift"
    secret_access_key = "testing"

    def __init__(self, folder: Path, *, smallest_part_bytes: int = 5 * 2**20) -> None:
        super().__init__(folder)
        self._smallest_part_bytes = smallest_part_bytes
        self._account = 0

    @property
    def access_key_id(self) -> str:
        return f"test{self._account}:tester"

    def arguments(self) -> Sequence[str]:
        data = self.folder / "data"
        return (str(data), str(_ACCOUNTS), self.secret_access_key, str(self._smallest_part_bytes))

    def renew(self) -> None:
        self._account += 1
        assert self._account < _ACCOUNTS

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            raise ServerUnavailable("it runs on Linux only")
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        try:
            os.setxattr(self.folder, "user.s3plan", b"1")
        except OSError as error:
            raise ServerUnavailable(f"{self.folder} takes no extended attributes: {error.strerror}") from error
        return super().__enter__()
