"""The question whose credentials a connection has; it goes to AWS's token service, not to a store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FindAccount:
    """GetCallerIdentity. It is about no bucket."""

    bucket: str = ""
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class AccountFound:
    """The number of the account, 12 digits."""

    account: str
