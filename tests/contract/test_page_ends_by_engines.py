"""A page that contradicts itself is refused on every way to a listing, whichever engine brings it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from fakes.quirky_engines import engine, name, opened, store
from fakes.quirky_store import Asked, QuirkyStore, Said
from fakes.s3fixtures import s3_server, server
from fakes.s3server import ServerProcess
from s3plan.schemas.errors import ListingUnusable, S3PlanError
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from s3plan.schemas.ports import Engine, Lister
from s3plan.storage.listing.keyed import KeyedLister
from s3plan.storage.listing.lister import S3Lister, open_listing
from s3plan.storage.s3.patience import Patience

__all__ = ["engine", "name", "opened", "s3_server", "server", "store"]

LOCATION = PlanLocation(1, LocationKind.S3, "s3://bucket/", "", None, None, "bucket", "")
KEYS = [f"{number:03d}" for number in range(60)]
PAGE_KEYS = 10  # enough pages for a listing to be split
SOON = Patience(attempts=2, sleep=lambda _: None)
WAYS: dict[str, Callable[[Engine], Lister]] = {
    "one after another": lambda engine: S3Lister(engine, LOCATION, patience=SOON),
    "many at once": lambda engine: open_listing(engine, LOCATION, patience=SOON),
    "sorted on disk": lambda engine: open_listing(engine, LOCATION, unordered=True, patience=SOON),
    "narrowed": lambda engine: open_listing(engine, LOCATION, below=b"0", patience=SOON),
    "by keys": lambda engine: KeyedLister(
        engine, LOCATION, [key.encode() for key in KEYS], patience=SOON, why="those of a test"
    ),
}
# What becomes of the head of every page but the last one.
QUIRKS: dict[str, tuple[str, str]] = {
    "a token, and not a word of more": ("<IsTruncated>true</IsTruncated>", ""),
    "a token, and nothing follows": ("<IsTruncated>true", "<IsTruncated>false"),
    "more, and no token": ("<NextContinuationToken>.*</NextContinuationToken>", ""),
    "more, and an empty token": ("<NextContinuationToken>.*</NextContinuationToken>", "<NextContinuationToken/>"),
    "fewer keys than it counts": (f"<KeyCount>{PAGE_KEYS}<", f"<KeyCount>{PAGE_KEYS + 1}<"),
    "more keys than it counts": (f"<KeyCount>{PAGE_KEYS}<", "<KeyCount>0<"),
}


@pytest.fixture(autouse=True)
def _planted(server: ServerProcess) -> None:
    server.seed("bucket", keys=KEYS)
    server.set_mode(page_keys=PAGE_KEYS)


def listed(lister: Lister) -> Sequence[bytes]:
    return [row.key for page in lister.pages() for row in page]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("quirk", QUIRKS)
def test_it_is_refused(engine: Engine, store: QuirkyStore, way: str, quirk: str) -> None:
    sought, instead = QUIRKS[quirk]

    def rewrite(asked: Asked, said: Said) -> Said:
        if not asked.is_listing or b"<IsTruncated>true" not in said.body:
            return said
        return said.with_body(re.sub(sought.encode(), instead.encode(), said.body))

    store.quirk = rewrite
    with pytest.raises(S3PlanError, match=r"follow|KeyCount") as caught:
        listed(WAYS[way](engine))
    assert isinstance(caught.value, ListingUnusable) or way == "by keys"


@pytest.mark.parametrize("way", WAYS)
def test_what_says_so_little_that_nothing_contradicts_it_is_listed_whole(
    engine: Engine, store: QuirkyStore, way: str
) -> None:
    """No KeyCount anywhere, and no IsTruncated on the last page."""

    def rewrite(asked: Asked, said: Said) -> Said:
        if not asked.is_listing:
            return said
        return said.with_body(re.sub(b"<KeyCount>[0-9]*</KeyCount>|<IsTruncated>false</IsTruncated>", b"", said.body))

    store.quirk = rewrite
    assert listed(WAYS[way](engine)) == [key.encode() for key in KEYS]
