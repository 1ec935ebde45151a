"""Credentials that have expired: newer ones may lie where the old ones came from."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from s3plan.storage.s3.connections.credentials_ahead import CredentialsAhead
from s3plan.storage.s3.connections.sessions import ConnectionSettings, credentials_identity, open_session

RENEWED = "CredentialsRenewed"
"""The code of a failure of a request that is to be sent again, because there are newer credentials by now."""

_PAUSE_S = 10.0
_logger = logging.getLogger(__name__)


class CredentialRenewal:
    """Looks for newer credentials, at most every ten seconds until some are found. Not thread-safe; it blocks."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._tried_at_s: float | None = None

    def renew(self, session: Any, *, adopt: Callable[[Any], None]) -> bool:
        """Renew this session's credentials, or give `adopt` a session with others; False if there are none.

        False also where `adopt` raises.
        """
        now_s = time.monotonic()
        if self._tried_at_s is not None and now_s - self._tried_at_s < _PAUSE_S:
            return False
        self._tried_at_s = now_s
        held = session.get_credentials()
        if isinstance(held, CredentialsAhead) and held.renew():
            self._tried_at_s = None
            return True
        try:
            found = open_session(self._settings)
            if credentials_identity(found) == credentials_identity(session):
                return False
            adopt(found)
        except Exception as error:  # noqa: BLE001  what cannot be renewed stays expired; the failure says so
            _logger.warning("credentials of %s could not be renewed: %s", self._settings, type(error).__name__)
            return False
        self._tried_at_s = None
        return True
