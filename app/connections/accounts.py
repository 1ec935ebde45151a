"""Whose credentials the connections of a plan have: asked all at once, and waited for later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from queue import Empty, SimpleQueue
from time import monotonic

from s3plan.app.stores import Stores
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.header_parts import AccountRecord
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
        self.signing = sorted(name for name in by_name if not stores.settings_of(name).anonymous)
        for connection, region in by_name.items():
            if connection not in self.signing:
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


def account_records(asked: AskedAccounts) -> tuple[AccountRecord, ...]:
    """Return what a plan keeps: each connection that signs, also where its account could not be learnt."""
    found = asked.found()
    return tuple(AccountRecord(connection=name, account=found.get(name)) for name in asked.signing)


def check_accounts(header: PlanHeader, locations: Iterable[PlanLocation], stores: Stores) -> None:
    """Raise PlanRefused (exit 4) if a connection's credentials are another account's than when the plan was made.

    Also if they are known to be of one, and the plan is silent about the connection: whoever makes a plan writes that
    down. Where the account could not be learnt then, or cannot now, nothing is compared.
    """
    planned = {record.connection: record.account for record in header.accounts}
    unlearnt = {name for name, account in planned.items() if account is None}
    ways = [(place.connection, place.region) for place in locations if not place.is_folder]
    for name, account in AskedAccounts(stores, (way for way in ways if way[0] not in unlearnt)).found().items():
        who, of_now = stores.settings_of(name), f"these are of account {account}"
        if name not in planned:
            raise PlanRefused(
                f"{who}: the plan does not say with whose credentials it was made, as every plan does, and {of_now}; "
                "it was changed since, so make a new one"
            )
        if account != planned[name]:
            raise PlanRefused(
                f"{who}: the plan was made with credentials of account {planned[name]}, and {of_now}; use those again, "
                "or make a new plan"
            )
