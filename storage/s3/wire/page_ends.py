"""What a page of a listing says of its own end, and whether that makes sense.

What a page taken for the last one leaves out may be deleted at the other side, so nothing is guessed here: stores were
seen to leave out IsTruncated where there is a token, and to count other keys than they send.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAX_MESSAGE = 500
_TRUNCATED = {"true": True, "false": False}


class PageUnreadable(ValueError):
    """XML that is no page of a listing, or lacks what a row needs. It may have been cut off: another try may help."""

    def __init__(self, message: str) -> None:
        super().__init__(message[:_MAX_MESSAGE])  # it may quote the page


class PageContradicts(PageUnreadable):
    """A page that says one thing and another of what follows it, or of what it holds; the message is a clause."""


@dataclass(frozen=True, slots=True)
class PageEnd:
    """Whether and where a listing goes on, and how many keys and common prefixes the page counts, if it does."""

    truncated: bool
    next_token: str | None
    key_count: int | None

    def check_count(self, found: int) -> None:
        """Raise PageContradicts if the page holds another number of keys and common prefixes than it counts."""
        if self.key_count is not None and self.key_count != found:
            raise PageContradicts(f"it counts {self.key_count:,} keys (KeyCount), but holds {found:,}")


def end_of_page(*, truncated: str | None, token: str | None, key_count: str | None) -> PageEnd:
    """Return what the texts of these elements mean, None for those that are not there.

    Raises PageUnreadable for what is no word of S3's, PageContradicts where they do not go together.
    """
    said = None if truncated is None else truncated.strip().lower()
    if said is not None and said not in _TRUNCATED:
        raise PageUnreadable(f"IsTruncated is {truncated!r}")
    count = (key_count or "").strip()
    if count and not (count.isascii() and count.isdigit() and len(count) < 10):
        raise PageUnreadable(f"KeyCount is {key_count!r}")
    if said is None and token:
        raise PageContradicts("it has a token for more, but does not say that more follows (no IsTruncated)")
    if said == "false" and token:
        raise PageContradicts("it says that nothing follows, but has a token for more")
    if said == "true" and not token:
        raise PageContradicts("it says that more follows, but not where (no token)")
    return PageEnd(said == "true", token or None, int(count) if count else None)
