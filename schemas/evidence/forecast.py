"""What is known before the first write of how its bytes will be proved: one line, for people."""

from __future__ import annotations

from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.plan.actions import ActionKind

_NO_MD5 = "ETags there are not known to be MD5 sums"
_BY_REPLY = {
    ActionKind.COPY: ("by equal ETags", f"by checksums, if the store states them ({_NO_MD5})"),
    ActionKind.UPLOAD: (
        "by the MD5 sums that the store answers",
        f"by checksums, if the store answers them ({_NO_MD5})",
    ),
    ActionKind.RELAY: (
        "by the MD5 sums that the store answers",
        f"by checksums, if the store answers them ({_NO_MD5})",
    ),
    ActionKind.DOWNLOAD: (
        "by the checksums that the store states, or MD5 sums",
        f"by the checksums that the store states ({_NO_MD5})",
    ),
}
_ELSE = {
    Verify.NONE: "nothing more is asked",
    Verify.SIZE: "sizes are compared",
    Verify.ETAG: "what the store states is compared",
    Verify.CHECKSUM: "the bytes are read back",
}


_TWICE = "over http:// what the source's store states no checksum of is read twice before it is removed"


def verification_forecast(kind: ActionKind, verification: Verification, *, reads_twice: bool = False) -> str:
    """Return by what the writes of that kind will be proved, and what happens to the others.

    `reads_twice`: the source is removed, and nothing protects its bytes on the way to us.
    """
    by_reply = _BY_REPLY[kind][0 if verification.etags_are_md5 else 1]
    if kind is not ActionKind.DOWNLOAD:
        further = _ELSE[verification.asks]
    elif verification.asks.rank < Verify.ETAG.rank:
        by_reply, further = "by the checksums that the store states", _ELSE[Verify.NONE]
    else:
        further = ""
    unproved = "what that does not prove fails" if verification.is_strict else ""
    clauses = ("; else ".join(filter(None, (by_reply, further))), unproved, _TWICE if reads_twice else "")
    return "; ".join(filter(None, clauses))
