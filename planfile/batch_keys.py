"""The keys of a batch, read without its other columns: for rules about all keys of a plan."""

from __future__ import annotations

import sqlite3

from s3plan.planfile.batch_rules import target_keys
from s3plan.planfile.rows import RowInvalid, check_columns
from s3plan.schemas.plan.rows import Batch

_SELECT_KEYS = "SELECT key, destination_key FROM action WHERE id BETWEEN ? AND ?"
_BINARY = frozenset({bytes})
_KEY_COLUMNS = {"key": _BINARY, "destination_key": _BINARY | {type(None)}}


def destination_keys(database: sqlite3.Connection, batch: Batch, *, prefix: str) -> list[bytes]:
    """Return the whole keys that a batch is about at its to-location, strictly ascending; raise RowInvalid.

    Of one that removes those are the keys of the sources. The batch's digest is not checked.
    """
    last = batch.first_action + batch.actions - 1
    rows = database.execute(_SELECT_KEYS, (batch.first_action, last)).fetchmany(batch.actions + 1)
    if len(rows) != batch.actions:
        raise RowInvalid(f"it has {len(rows)} of {batch.actions} actions")
    keys, mapped = zip(*rows, strict=True)
    check_columns((keys, mapped), _KEY_COLUMNS)
    start = prefix.encode()
    whole = [start + key for key in (target_keys(keys, mapped) if batch.of_batch is None else keys)]
    if sorted(set(whole)) != whole:
        raise RowInvalid("its destination keys do not ascend")
    return whole
