"""Holds requests back until there are credentials to sign them with.

Those that expire are fetched when they are first needed. That blocks, and who submits a request may be a thread that
must not; once there are some, newer ones come ahead of time (credentials_ahead.py), and nothing raises any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s3plan.storage.request_threads import RequestThreads
from s3plan.storage.s3.connections.credentials_ahead import CredentialsAhead


class FirstCredentials:
    """Asks the credentials of one session, on a thread of its own. Safe to use from several threads."""

    def __init__(self, session: Any) -> None:
        self._credentials = session.get_credentials()
        self._thread = RequestThreads(1, name="s3plan-credentials", on_end=lambda: None)
        self.are_there = not isinstance(self._credentials, CredentialsAhead)
        """Whether nothing needs to be held back."""

    def then(self, send: Callable[[], None], *, refuse: Callable[[Exception], None]) -> None:
        """Call `send` there once there are some, `refuse` if there are none; RuntimeError once closed."""
        self._thread.submit(lambda: self._fetch(send, refuse))

    def close(self) -> None:
        """Take no more; what is held back is still ended. Returns at once."""
        self._thread.close()

    def _fetch(self, send: Callable[[], None], refuse: Callable[[Exception], None]) -> None:
        try:
            self._credentials.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001  whatever botocore and its plugins raise
            refuse(error)
            return
        self.are_there = True
        try:
            send()
        except RuntimeError as error:  # the engine was closed meanwhile
            refuse(error)
