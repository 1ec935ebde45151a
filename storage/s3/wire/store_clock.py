"""The store's clock, as its replies tell it."""

from __future__ import annotations

import time

from s3plan.storage.s3.wire.listing_page import milliseconds_of

DATE_GRAIN_MS = 1000
"""How coarse the times are that S3 tells: `Date`, LastModified and Initiated are cut to whole seconds."""


class StoreClock:
    """`offset_ms` is the store's clock minus this machine's; up to a second too little: `Date` has whole seconds."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def note(self, date: str | None) -> None:
        """Take note of a reply's `Date`; one that is missing or unreadable changes nothing."""
        if date is None:
            return
        try:
            self.offset_ms = milliseconds_of(date) - time.time_ns() // 1_000_000
        except ValueError:
            return
