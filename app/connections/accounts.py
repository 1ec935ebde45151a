"""Whose credentials the connections of a plan have: asked all at once, and waited for later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from queue import Empty, SimpleQueue
from time import monotonic

from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests.identity import AccountFound, FindAccount
from s3plan.schemas.requests.objects import Reply

_WAITS_S = 6.0  # a token service that does not answer is told of sooner, but for one that sends drop by drop


class AskedAccounts:
    """The questions under way, one for each connection; nothing is waited for until `found`."""

    def __init__(self, stores: Stores, ways: Iterable[tuple[str, str | None]]) -> None:
        """Ask for connections, each by its engine for a region (None: the connection's own)."""
        self._answers: SimpleQueue[tuple[str, Reply]] = SimpleQueue()
        self._open = 0
        by_name: dict[str, str | None] = {}
        for connection, region in ways:
            by_name.setdefault(connection, region)
        for connection, region in by_name.items():
            if stores.settings_of(connection).anonymous:
                continue
            engine = stores.open(connection, region=region)
            self._open += 1
            engine.submit(FindAccount(), lambda reply, name=connection: self._answers.put((name, reply)))  # type: ignore[misc]

    def found(self) -> Mapping[str, str]:
        """Return the accounts that could be learnt, by connection; waits for a few seconds at most."""
        accounts: dict[str, str] = {}
        until_s = monotonic() + _WAITS_S
        while self._open:
            try:
                name, reply = self._answers.get(timeout=max(0.0, until_s - monotonic()))
            except Empty:
                break
            self._open -= 1
            if isinstance(reply, AccountFound):
                accounts[name] = reply.account
        return dict(sorted(accounts.items()))


def check_accounts(header: PlanHeader, locations: Iterable[PlanLocation], stores: Stores) -> None:
    """Raise PlanRefused (exit 4) if a connection's credentials are another account's than when the plan was made.

    Where the account could not be learnt then, or cannot now, nothing is compared.
    """
    planned = {record.connection: record.account for record in header.accounts}
    buckets = [place for place in locations if not place.is_folder]
    ways = [(place.connection, place.region) for place in buckets if place.connection in planned]
    for name, account in AskedAccounts(stores, ways).found().items():
        if account != planned[name]:
            raise PlanRefused(
                f"{stores.settings_of(name)}: the plan was made with credentials of account {planned[name]}, and these "
                f"are of account {account}; use those again, or make a new plan"
            )
