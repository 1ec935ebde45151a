"""Credentials that expire, renewed ahead of time by a thread of their own: no request waits for newer ones.

botocore renews them in whoever asks for them. In their last 15 minutes each asker tries it anew, and all of their life
is in there where a role's session lasts no longer, or where the provider gives the same ones again. In their last 10
minutes a renewal that fails is an error, though what there is still works.
https://github.com/boto/botocore/blob/1.44.5/botocore/credentials.py (RefreshableCredentials)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from s3plan.schemas.redaction import described, remember_secrets

# How long before their end they are renewed: the first that is at most half of what they had left when they came.
# The longest is when botocore begins to.
_AHEAD_S = (900, 450, 225, 112, 56, 28, 14)
_LOOK_EVERY_S = 10.0
_logger = logging.getLogger(__name__)


class CredentialsAhead:
    """Stands in for botocore's RefreshableCredentials, over which it is made. Safe to use from any thread."""

    def __init__(
        self,
        source: Any,
        *,
        clock: Callable[[], float] = monotonic,
        elsewhere: Callable[[Callable[[], object]], None] | None = None,
    ) -> None:
        """`elsewhere` runs something on another thread, and is not waited for."""
        self.method = source.method
        self._source = source
        self._clock = clock
        self._elsewhere = elsewhere or _on_a_thread
        self._frozen: Any = None
        self._ahead_s = _AHEAD_S[0]
        self._look_at_s = 0.0
        self._renewing = threading.Lock()  # held by the one who asks the source
        self._refusal: Exception | None = None  # why there are none yet
        self._asked_at_s = 0.0
        self.renewed_at_s = 0.0
        """When others came, by the clock; 0 for the first."""

    def get_frozen_credentials(self) -> Any:
        """Return those of the moment; waits for the first ones only.

        Raises what botocore does where there are none: a BotoCoreError or a ClientError.
        """
        frozen = self._frozen
        if frozen is None:
            return self._first()
        if self._clock() >= self._look_at_s:
            self._look()
        return frozen

    def renew(self) -> bool:
        """Ask for newer ones here and now, which takes its time; False if there are none. Raises nothing."""
        with self._renewing:
            before = self._frozen
            try:
                self._ask()
            except Exception as error:  # noqa: BLE001  what there is may still work, and is asked for again
                _logger.warning("credentials could not be renewed: %s", described(error))
            return bool(self._frozen != before)

    @property
    def expires_at(self) -> Any:
        """When those that there are end, an aware datetime; None where nobody says, or none were asked for yet."""
        return getattr(self._source, "_expiry_time", None)

    @property
    def access_key(self) -> str:
        return str(self.get_frozen_credentials().access_key)

    @property
    def secret_key(self) -> str:
        return str(self.get_frozen_credentials().secret_key)

    @property
    def token(self) -> str | None:
        found: str | None = self.get_frozen_credentials().token
        return found

    @property
    def account_id(self) -> str | None:
        found: str | None = self.get_frozen_credentials().account_id
        return found

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """Return what gives a property of the moment that it is called at; botocore asks for it."""
        return lambda: getattr(self, property_name, None)

    def _first(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

        with self._renewing:
            if self._frozen is not None:
                return self._frozen
            if self._refusal is not None and self._clock() < self._asked_at_s + _LOOK_EVERY_S:
                raise self._refusal
            self._asked_at_s = self._clock()
            try:
                self._ask()
            except (BotoCoreError, ClientError) as error:
                self._refusal = error
                raise
            except Exception as error:
                self._refusal = CredentialRetrievalError(provider=self.method, error_msg=described(error))
                raise self._refusal from error
            self.renewed_at_s = 0.0
            return self._frozen

    def _look(self) -> None:
        """Have them renewed elsewhere if it is time."""
        self._look_at_s = self._clock() + _LOOK_EVERY_S
        if self._source.refresh_needed(self._ahead_s) and not self._renewing.locked():
            self._elsewhere(self.renew)

    def _ask(self) -> None:
        found = self._source.get_frozen_credentials()
        remember_secrets(found.secret_key, found.token)
        if found != self._frozen:
            self._frozen, self.renewed_at_s = found, self._clock()
        is_near = self._source.refresh_needed
        self._ahead_s = next((ahead_s for ahead_s in _AHEAD_S if not is_near(2 * ahead_s)), _AHEAD_S[-1])
        self._look_at_s = self._clock() + _LOOK_EVERY_S


def _on_a_thread(work: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # no thread can be had: later
        threading.Thread(target=work, name="s3plan-credentials", daemon=True).start()
