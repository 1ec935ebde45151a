"""The digests of a plan: SHA-256 over the canonical encoding. Specified in docs/plan-format.md.

A digest proves identity, not authorship.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from s3plan.planfile.encoding import encode
from s3plan.planfile.rows import ColumnValues, action_columns, batch_row, edge_row, location_row, phase_row
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.rows import Batch, Edge, Phase, PlanLocation


def batch_digest(actions: Sequence[Action]) -> bytes:
    """Return the digest of a batch's actions, at least one, in their order."""
    return columns_digest(action_columns(actions))


def columns_digest(columns: ColumnValues) -> bytes:
    """Return the digest of a batch's actions given by column, kinds as text."""
    return sha256(encode(("s3plan batch 1", *columns))).digest()


def content_digest(
    *, locations: Iterable[PlanLocation], phases: Iterable[Phase], edges: Iterable[Edge], batches: Iterable[Batch]
) -> bytes:
    """Return the digest of everything but the header: a batch's row holds the digest of its actions.

    All are given in the order in which the plan has them: by id, edges by both their ends.
    """
    tables = (
        tuple(map(location_row, locations)),
        tuple(map(phase_row, phases)),
        tuple(map(edge_row, edges)),
        tuple(map(batch_row, batches)),
    )
    return sha256(encode(("s3plan content 2", *tables))).digest()


def plan_digest(header_text: str, content: bytes) -> bytes:
    """Return the plan's digest, from the text of its header document and the digest of its content."""
    return sha256(encode(("s3plan plan 1", header_text, content))).digest()
