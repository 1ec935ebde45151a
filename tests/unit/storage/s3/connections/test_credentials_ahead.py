"""Credentials are renewed ahead of time, elsewhere and seldom; a renewal that fails costs nothing while they work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import DeferredRefreshableCredentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError
from hypothesis import given
from hypothesis import strategies as st
from s3plan.storage.s3.connections.credentials_ahead import CredentialsAhead

BEGAN = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE_S = 60.0
EARLIEST_S = 15 * MINUTE_S  # when botocore begins to renew


class Provider:
    """Gives credentials that live so long, by a clock that the test turns; the same ones again if `is_stubborn`."""

    def __init__(self, *, life_s: float, is_stubborn: bool = False, is_deferred: bool = True) -> None:
        self.now_s = 0.0
        self.life_s = life_s
        self.is_stubborn = is_stubborn
        self.error: Exception | None = None
        self.threads: list[str] = []
        self._given: dict[str, str] | None = None
        self.source = DeferredRefreshableCredentials(self.give, "ours", time_fetcher=self.now)
        self.ahead = CredentialsAhead(self.source, clock=lambda: self.now_s, elsewhere=_joined)

    @property
    def times(self) -> int:
        """How often it was asked."""
        return len(self.threads)

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.now_s)

    def give(self) -> dict[str, str]:
        self.threads.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        if self._given is None or not self.is_stubborn or self.left_s() <= 0:
            self._expires_s = self.now_s + self.life_s
            self._given = {
                "access_key": f"AKID{self.times}",
                "secret_key": "secret",
                "token": "token",
                "expiry_time": (self.now() + timedelta(seconds=self.life_s)).isoformat(),
            }
        return self._given

    def left_s(self) -> float:
        return self._expires_s - self.now_s


def _joined(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work, name="elsewhere")
    thread.start()
    thread.join()


def test_botocore_alone_asks_at_every_request_in_the_last_fifteen_minutes() -> None:
    """The reason for all this."""
    provider = Provider(life_s=14 * MINUTE_S)
    for _ in range(100):
        provider.source.get_frozen_credentials()
    assert provider.times == 100


@pytest.mark.parametrize("is_stubborn", [False, True])
@pytest.mark.parametrize("life_s", [5 * MINUTE_S, 8 * MINUTE_S, 14 * MINUTE_S])
def test_credentials_that_live_less_than_fifteen_minutes_are_not_asked_for_at_every_request(
    life_s: float, *, is_stubborn: bool
) -> None:
    provider = Provider(life_s=life_s, is_stubborn=is_stubborn)
    for _ in range(2000):
        provider.ahead.get_frozen_credentials()
        provider.now_s += 0.001
    assert provider.times == 1


@given(life_s=st.floats(120, 12 * 3600), step_s=st.floats(1, 40), is_stubborn=st.booleans())
def test_none_is_ever_used_that_has_expired_and_few_are_asked_for(
    life_s: float, step_s: float, *, is_stubborn: bool
) -> None:
    provider = Provider(life_s=life_s, is_stubborn=is_stubborn)
    lives = 3
    asked = 0
    while provider.now_s < lives * life_s and asked < 3000:
        provider.ahead.get_frozen_credentials()
        asked += 1
        if not is_stubborn:
            assert provider.left_s() > 0
        provider.now_s += step_s
    assert provider.times <= 2 * lives + 2 + (30 * lives if is_stubborn else 0)
    assert set(provider.threads[1:]) <= {"elsewhere"}


def test_they_are_renewed_a_quarter_of_an_hour_ahead_and_not_by_who_asks() -> None:
    provider = Provider(life_s=3600)
    first = provider.ahead.get_frozen_credentials()
    provider.now_s = 3600 - EARLIEST_S - 11
    assert provider.ahead.get_frozen_credentials() is first
    provider.now_s = 3600 - EARLIEST_S + 1
    provider.ahead.get_frozen_credentials()
    assert provider.threads[1:] == ["elsewhere"]
    assert provider.ahead.get_frozen_credentials().access_key == "AKID2"
    assert provider.ahead.access_key == "AKID2"
    assert provider.ahead.renewed_at_s == provider.now_s


def test_a_renewal_that_fails_leaves_those_that_still_work_and_is_tried_again() -> None:
    provider = Provider(life_s=8 * MINUTE_S)  # botocore would raise from the first second on
    first = provider.ahead.get_frozen_credentials()
    provider.error = ValueError("the service is down")
    for _ in range(300):
        provider.now_s += 1
        assert provider.ahead.get_frozen_credentials() is first
    assert 2 < provider.times < 30
    provider.error = None
    provider.now_s += 11
    provider.ahead.get_frozen_credentials()
    assert provider.ahead.get_frozen_credentials() != first


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (CredentialRetrievalError(provider="p", error_msg="m"), CredentialRetrievalError),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"), ClientError),
        (RuntimeError("refreshed, but still expired"), CredentialRetrievalError),
        (KeyError("Expiration"), CredentialRetrievalError),
    ],
)
def test_where_there_are_none_what_botocore_raises_is_of_its_own_classes(
    error: Exception, raised: type[Exception]
) -> None:
    provider = Provider(life_s=3600)
    provider.error = error
    for _ in range(5):
        with pytest.raises((BotoCoreError, ClientError)) as seen:
            provider.ahead.get_frozen_credentials()
        assert type(seen.value) is raised
    assert provider.times == 1  # the others were answered by its refusal
    provider.error, provider.now_s = None, 11.0
    assert provider.ahead.get_frozen_credentials().token == "token"


def test_many_that_ask_at_once_have_them_fetched_once() -> None:
    provider = Provider(life_s=3600)
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(provider.ahead.get_frozen_credentials())) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.times == 1
    assert len(set(found)) == 1


def test_to_renew_says_whether_there_are_others_and_raises_nothing() -> None:
    provider = Provider(life_s=14 * MINUTE_S)
    provider.ahead.get_frozen_credentials()
    assert provider.ahead.renew()
    provider.error = RuntimeError("down")
    assert not provider.ahead.renew()
    stubborn = Provider(life_s=14 * MINUTE_S, is_stubborn=True)
    stubborn.ahead.get_frozen_credentials()
    assert not stubborn.ahead.renew()


def test_it_gives_what_botocores_clients_ask_of_credentials() -> None:
    ahead = Provider(life_s=3600).ahead
    asked = ["access_key", "secret_key", "token", "account_id", "get_frozen_credentials", "get_deferred_property"]
    assert all(hasattr(RefreshableCredentials, name) and hasattr(ahead, name) for name in asked)
    assert ahead.get_deferred_property("account_id")() is None
    assert ahead.get_deferred_property("token")() == "token"
