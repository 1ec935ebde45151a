"""How a run says that actions were left out."""

from __future__ import annotations

from s3plan.schemas.plan.rows import PhaseName

_NOUNS = {
    PhaseName.COPY: ("copy", "copies"),
    PhaseName.REMOVE: ("removal", "removals"),
    PhaseName.DELETE: ("delete", "deletes"),
}


def withheld_text(phase: PhaseName, number: int, *, because: str, of: str = "") -> str:
    """Return `3 deletes were withheld: ...`; `of` says whose they are, and begins with a space."""
    noun = _NOUNS.get(phase, ("action", "actions"))
    what = f"1 {noun[0]}" if number == 1 else f"{number:,} {noun[1]}"
    return f"{what}{of} {'was' if number == 1 else 'were'} withheld: {because}"
