"""Plans whose digests agree, made by somebody who wants requests to say more than the plan shows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from fakes.workplace import BY_BOTH_ENGINES, MIB, MIRROR, Workplace
from unit.planfile.plan_samples import change

pytestmark = BY_BOTH_ENGINES

_SHOWN = "dr/extra"
_PRECIOUS = "precious"
# What closes the element of one key in a DeleteObjects document and names another, without a quote.
_IN_XML = f"x&quot;</ETag></Object><Object><Key>{_PRECIOUS}</Key></Object><Object><Key>none</Key><ETag>&quot;x"
_IN_A_HEADER = "x\r\nx-amz-copy-source: /destination/precious\r\nx-forged: x"


def planned(place: Workplace) -> None:
    """A mirror below `dr/` that copies one object and deletes another; `precious` lies outside of it."""
    place.seed("source", "kept", size_bytes=10)
    place.seed("destination", _SHOWN, _PRECIOUS, size_bytes=10)
    place.manifest(destination="s3://destination/dr/", guards={"max_delete": "100%"}, **MIRROR)
    place.plan()


def forged(place: Workplace, table: str, column: str, text: str, where: str) -> None:
    quoted = text.replace("'", "''")
    change(place.plan_file, f"UPDATE {table} SET {column} = '{quoted}' WHERE {where}", reseal=True)


def resize(place: Workplace, size_bytes: int) -> None:
    """Have the plan's one action, and all that counts it, be of another size."""
    with closing(sqlite3.connect(place.plan_file)) as database:
        (text,) = database.execute("SELECT document FROM header").fetchone()
    header: dict[str, Any] = json.loads(text)
    header["bytes"] = size_bytes
    header["jobs"][0]["bytes"] = size_bytes
    for total in header["jobs"][0]["totals"]:
        total["bytes"] = size_bytes
    changes = [f"UPDATE {table} SET size_bytes = {size_bytes}" for table in ("action", "batch")]
    quoted = json.dumps(header).replace("'", "''")
    changes.append(f"UPDATE header SET document = '{quoted}'")
    change(place.plan_file, *changes, reseal=True)


def test_an_etag_that_holds_xml_deletes_nothing_that_no_line_names(place: Workplace) -> None:
    planned(place)
    forged(place, "action", "destination_pin", _IN_XML, "kind = 'delete'")
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert place.keys("destination") >= {_SHOWN, _PRECIOUS}
    assert ended.exit_code == 4, ended.output
    assert "an ETag" in ended.stderr


def test_an_account_that_holds_a_header_sends_nothing(place: Workplace) -> None:
    planned(place)
    forged(place, "location", "owner", _IN_A_HEADER, "bucket = 'destination'")
    place.server.reset_stats()
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert (ended.exit_code, dict(place.server.stats().requests)) == (4, {}), ended.output
    assert "is no account" in ended.stderr


@pytest.mark.parametrize("size_bytes", [6 * MIB, 16 * MIB, 1 << 62])
def test_a_size_that_lies_leaves_no_object_that_lacks_its_end(place: Workplace, size_bytes: int) -> None:
    place.seed("source", "big", size_bytes=11 * MIB)
    place.seed("destination", "big", size_bytes=10)
    place.manifest(run={"multipart_threshold": "5MiB", "part_size": "5MiB"})
    place.plan()
    resize(place, size_bytes)
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert (ended.exit_code, place.listed("destination")["big"].size_bytes) == (3, 10), ended.output
    assert "source is of another size" in ended.output
