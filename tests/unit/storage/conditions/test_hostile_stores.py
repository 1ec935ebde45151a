"""Answers that no honest store gives: refused where they come in, so that no plan is made of them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.planted_files import give_away
from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.objects import Oddity, oddity_of
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.storage.conditions.capabilities import CapabilityCache
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine
from s3plan.storage.s3.wire.listing_page import MOST_SIZE_BYTES, parse_page
from s3plan.storage.s3.wire.page_scan import PageScanner, glance

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENFORCED = dict.fromkeys(Condition, Enforcement.ENFORCED)


def page(*, size: str = "5", time: str = "2024-01-01T00:00:00.000Z") -> bytes:
    return (
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key>"
        f"<LastModified>{time}</LastModified><ETag>&quot;0f&quot;</ETag><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
    ).encode()


def is_scanned(body: bytes) -> bool:
    seen = glance(body)
    return seen is not None and PageScanner(b"", in_order=True).rows_of(seen) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"size": "-1"},
        {"size": str(MOST_SIZE_BYTES + 1)},
        {"size": "9223372036854775808"},
        {"size": "1" * 30},
        {"size": "1" * 5000},
        {"time": "0001-01-01T00:00:00.000+23:59"},
        {"time": "9999-12-31T23:59:59.000-23:59"},
        {"time": "0001-01-01T00:00:00.000Z"},
    ],
    ids=str,
)
def test_sizes_and_times_that_no_object_has_make_an_odd_row(changed: dict[str, str]) -> None:
    assert is_scanned(page())
    assert [row.size_bytes for row in parse_page(page(size=str(MOST_SIZE_BYTES))).rows] == [MOST_SIZE_BYTES]
    assert not is_scanned(page(**changed))
    (row,) = parse_page(page(**changed)).rows
    assert (row.key, row.size_bytes, row.etag) == (b"a", 0, "")
    assert oddity_of(row) is (Oddity.NO_SIZE if "size" in changed else Oddity.NO_TIME)


@pytest.mark.parametrize("region", ["evil.example.com#", "a b", "\x1b[2J", "../..", "a" * 100])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9"])
def test_a_region_becomes_no_part_of_another_host_name(
    region: str, endpoint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store says in which region a bucket is, and so does a plan."""
    for name in ("T_ACCESS_KEY_ID", "T_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    settings = ConnectionSettings(name="t", endpoint=endpoint, region=region, env_prefix="T_")
    with pytest.raises(EndpointInvalid, match="connection t: it leads nowhere"):
        open_engine(settings, max_in_flight=1)


def test_a_finding_that_somebody_else_may_have_written_is_not_believed(tmp_path: Path) -> None:
    """Believed, a condition that the store ignores would be left to it."""
    path = tmp_path / "capabilities.json"
    cache = CapabilityCache(path)
    cache.keep(None, "bucket", ENFORCED, now=NOW)
    assert cache.find(None, "bucket", now=NOW) == ENFORCED
    path.chmod(0o666)
    assert cache.find(None, "bucket", now=NOW) is None
    path.chmod(0o600)
    give_away(path)
    assert cache.find(None, "bucket", now=NOW) is None
    cache.keep(None, "bucket", ENFORCED, now=NOW)
    assert path.stat().st_uid == os.geteuid()
    assert len(json.loads(path.read_text())["entries"]) == 1
