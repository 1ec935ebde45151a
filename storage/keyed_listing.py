"""The objects at keys that are known beforehand, told as a listing tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from s3plan.schemas.failures import Failure
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.storage.patience import Patience
from s3plan.storage.range_look import Found, look_at_keys
from s3plan.storage.refusals import refusal_of
from s3plan.storage.steps import Ask, Side

_KEYS_AT_ONCE = 100
_LOOKS_AT_ONCE = 8


class KeyedLister:
    """A Lister of those of `keys` (relative to the location, ascending) where an object stands.

    It asks for their ranges, or for single keys where they lie far apart: at most two requests a key.
    """

    def __init__(
        self, engine: Engine, location: PlanLocation, keys: Sequence[bytes], *, patience: Patience | None = None
    ) -> None:
        self._engine = engine
        self._location = location
        self._keys = keys
        self._patience = Patience() if patience is None else patience

    @property
    def note(self) -> str:
        """Say that not all of the location was looked at."""
        keys = "only 1 key was" if len(self._keys) == 1 else f"only {len(self._keys):,} keys were"
        return f"{keys} looked at, those whose actions had not ended well"

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        """Yield the rows of each hundred keys or so, in order; raise StoreRefused, CredentialsUnusable."""
        parts = [self._keys[at : at + _KEYS_AT_ONCE] for at in range(0, len(self._keys), _KEYS_AT_ONCE)]
        with ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="s3plan-look") as looks:
            yield from looks.map(self._rows, parts)

    def _rows(self, keys: Sequence[bytes]) -> Sequence[ObjectRow]:
        prefix = self._location.prefix.encode()
        found = self._look([prefix + key for key in keys])
        rows = (found.get(prefix + key) for key in keys)
        return [row._replace(key=row.key[len(prefix) :]) for row in rows if row is not None]

    def _look(self, keys: Sequence[bytes]) -> Found:
        look = look_at_keys(Side.DESTINATION, self._location, keys)  # which side it is matters to batches only
        reply = None
        while True:
            try:
                wish = look.send(reply)
            except StopIteration as end:
                return self._found(end.value)
            if not isinstance(wish, Ask):
                raise TypeError(f"a look asked for {type(wish).__name__}")
            reply = self._patience.call(self._engine, wish.request)

    def _found(self, end: Found | Failure) -> Found:
        if isinstance(end, Failure):
            raise refusal_of(
                end,
                bucket=self._location.bucket,
                doing=f"looking at objects of s3://{self._location.bucket}/{self._location.prefix}",
                permission="s3:GetObject",
                clock_offset_ms=self._engine.clock_offset_ms,
            )
        return end
