"""Each kind of store as its row of the table has it: objects go up, over and down, and extraneous ones are deleted."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.folder_jobs import files_below, write_files
from fakes.quirky_store import QuirkyStore
from fakes.store_by_row import StoreByRow, store_by_row
from fakes.workplace import MIB, MIRROR, Workplace
from s3plan.app.requests import ApplyReport
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import KeyRule, StoreQuirks
from s3plan.storage.s3.store_quirks import STORES, quirks_of

ROWS = list(STORES.values())
BY_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
_LARGE_RUN = {"multipart_threshold": "5MiB", "part_size": "5MiB"}
_UNPINNED = {**MIRROR, "delete": {"extraneous": True, "unpinned": "allow"}, "guards": {"max_delete": "100%"}}


class Journey:
    """Jobs by one connection to a store of that row."""

    def __init__(self, place: Workplace, server: QuirkyStore, store: StoreByRow, row: StoreQuirks) -> None:
        self.place, self.store, self._server, self._row = place, store, server, row

    def plan(self, source: str, destination: str, **sections: Any) -> s3plan.PlanMade:
        connection = {
            "endpoint": self._server.endpoint,
            "region": "us-east-1",
            "store": str(self._row.name),
            "engine": self.place.engine,
        }
        document = {
            "version": 1,
            "name": "job",
            "connections": {"store": connection},
            "run": _LARGE_RUN,
            "source": _place(source),
            "destination": _place(destination),
            **sections,
        }
        (self.place.folder / "job.yaml").write_text(json.dumps(document))
        return self.place.plan()

    def carry_out(self, source: str, destination: str, **sections: Any) -> ApplyReport:
        self.plan(source, destination, **sections)
        report = self.place.apply()
        assert (report.exit_code, self.store.violations) == (0, []), (report, self.store.violations)
        again = s3plan.plan(self.place.folder / "job.yaml", output=self.place.folder / "again.s3plan")
        assert not again.has_changes
        return report


def _place(url: str) -> str | dict[str, str]:
    return {"url": url, "connection": "store"} if url.startswith("s3:") else url


@pytest.fixture
def journey(place: Workplace, row: StoreQuirks) -> Iterator[Journey]:
    place.buckets()
    with store_by_row(place.server.endpoint, row) as (server, store):
        yield Journey(place, server, store, row)


@pytest.mark.sampled(3)
@BY_ROW
def test_objects_go_up_over_and_down_whatever_the_store_lacks(journey: Journey) -> None:
    place, before = journey.place, journey.place.folder / "before"
    write_files(before, "a", "b/c", "caf\u00e9")
    (before / "large").write_bytes(os.urandom(11 * MIB))
    files = files_below(before)
    journey.carry_out("./before", "s3://source/")
    place.server.seed("destination", keys=["old", "older", "oldest"], size_bytes=10)
    journey.carry_out("s3://source/", "s3://destination/", **_UNPINNED)
    assert place.keys("destination") == set(files)
    journey.carry_out("s3://destination/", "./after")
    assert files_below(place.folder / "after") == files


@pytest.mark.sampled(2)
@BY_ROW
def test_a_body_comes_down_as_it_is_stored(journey: Journey) -> None:
    """R2 and GCS send gzip decompressed to who does not say that it is accepted."""
    stored = gzip.compress(b"s3plan " * 1000)
    journey.place.s3.put_object(Bucket="source", Key="page", Body=stored, ContentEncoding="gzip")
    journey.carry_out("s3://source/", "./after")
    assert (journey.place.folder / "after" / "page").read_bytes() == stored


@pytest.mark.parametrize("engine", ["native", "boto3", "crt"], indirect=True)
@pytest.mark.parametrize("row", [quirks_of(StoreName.GCS)], ids=["gcs"])
def test_every_engine_says_that_gzip_is_accepted(journey: Journey) -> None:
    test_a_body_comes_down_as_it_is_stored(journey)


@BY_ROW
def test_a_key_that_the_store_does_not_hold_is_never_sent(journey: Journey, row: StoreQuirks, tmp_path: Path) -> None:
    odd = {KeyRule.NO_LINE_BREAKS: "line\nbreak", KeyRule.XML_1_0: "bell\x07", KeyRule.NFC: "cafe\u0301"}
    write_files(tmp_path / "before", "a", "caf\u00e9", *odd.values())
    refused = {key for rule, key in odd.items() if rule in row.key_rules}
    if KeyRule.NFC in row.key_rules:  # of the two spellings the first in order is written
        refused = {"caf\u00e9"}
    made = journey.plan("./before", "s3://destination/")
    report = journey.place.apply()
    conflicts = sum(total.objects for total in made.header.jobs[0].totals if total.kind is VerdictKind.CONFLICT)
    assert (conflicts, report.exit_code) == (len(refused), 3 if refused else 0)
    assert journey.store.violations == []
    kept = {"a", "caf\u00e9", *odd.values()} - refused
    found = journey.place.keys("destination")
    assert found == ({"a", "caf\u00e9", odd[KeyRule.NO_LINE_BREAKS], odd[KeyRule.XML_1_0]} if row.folds_keys else kept)
