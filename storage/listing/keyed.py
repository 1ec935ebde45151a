"""The objects at keys that are known beforehand, told as a listing tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial

from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import Reply
from s3plan.storage.daemon_executor import DaemonExecutor
from s3plan.storage.listing.range_look import Found, look_at_keys
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.refusals import refusal_of
from s3plan.storage.steps import Answered, Ask, Asked, Asking, AskMany

_KEYS_AT_ONCE = 100
_LOOKS_AT_ONCE = 8
_KEYS_ASKED_AT_ONCE = 32  # of all looks together


def note_of_keys(keys: int, why: str) -> str:
    """Say that no more than so many keys of a location were looked at; `why` says which."""
    return f"only {'1 key was' if keys == 1 else f'{keys:,} keys were'} looked at, {why}"


class KeyedLister:
    """A Lister of those of `keys` (relative to the location, ascending) where an object stands.

    It asks for their ranges, and for each key that these do not show: at most two requests a key.
    """

    def __init__(
        self,
        engine: Engine,
        location: PlanLocation,
        keys: Sequence[bytes],
        *,
        why: str,
        patience: Patience | None = None,
    ) -> None:
        """Take the keys, and which ones they are, for the note."""
        self._engine = engine
        self._location = location
        self._keys = keys
        self._why = why
        self._patience = Patience() if patience is None else patience

    @property
    def note(self) -> str:
        """Say that not all of the location was looked at."""
        return note_of_keys(len(self._keys), self._why)

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of each hundred keys or so, in order; raise StoreRefused, CredentialsUnusable."""
        parts = [self._keys[at : at + _KEYS_AT_ONCE] for at in range(0, len(self._keys), _KEYS_AT_ONCE)]
        with (
            DaemonExecutor(_KEYS_ASKED_AT_ONCE, name="s3plan-ask") as asks,
            DaemonExecutor(_LOOKS_AT_ONCE, name="s3plan-look") as looks,
        ):
            yield from looks.map(partial(self._rows, asks=asks), parts)

    def _rows(self, keys: Sequence[bytes], *, asks: Executor) -> Sequence[ObjectRow]:
        prefix = self._location.prefix.encode()
        found = self._look([prefix + key for key in keys], asks)
        rows = (found.get(prefix + key) for key in keys)
        return [row._replace(key=row.key[len(prefix) :]) for row in rows if row is not None]

    def _look(self, keys: Sequence[bytes], asks: Executor) -> Found:
        look = look_at_keys(Side.DESTINATION, self._location, keys)  # which side it is matters to batches only
        try:
            asked = next(look)
            while True:
                if isinstance(asked, Ask):
                    asked = look.send(self._call(asked))
                elif isinstance(asked, AskMany):
                    asked = self._answer_all(look, list(asked.asks), asks)
                else:
                    raise TypeError(f"a look asked for {type(asked).__name__}")
        except StopIteration as end:
            return self._found(end.value)

    def _answer_all(self, look: Asking[Found | Failure | None], wanted: Sequence[Ask], asks: Executor) -> Asked:
        for ask, reply in zip(wanted, asks.map(self._call, wanted), strict=True):
            look.send(Answered(ask.request, reply))
        return look.send(None)

    def _call(self, ask: Ask) -> Reply:
        return self._patience.call(self._engine, ask.request)

    def _found(self, end: Found | Failure | None) -> Found:
        if isinstance(end, Failure):
            raise refusal_of(
                end,
                bucket=self._location.bucket,
                doing=f"looking at objects of s3://{self._location.bucket}/{self._location.prefix}",
                clock_offset_ms=self._engine.clock_offset_ms,
            )
        if end is None:
            raise TypeError("a look was not answered to its end")
        return end
