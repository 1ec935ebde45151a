"""One odd row of a listing is a conflict of that key; all others are planned and done."""

from __future__ import annotations

import re

from fakes.manifests import write_manifest
from fakes.quirky_store import Asked, Said, quirky_store
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace

pytestmark = BY_BOTH_ENGINES

# What becomes of an element of the row of the key that is named so.
ODD = {
    "no-etag": (rb"<ETag>.*?</ETag>", b""),
    "no-size": (rb"<Size>.*?</Size>", b""),
    "no-time": (rb"<LastModified>.*?</LastModified>", b""),
    "year-1": (rb"<LastModified>.*?</LastModified>", b"<LastModified>0001-01-01T00:00:00.000Z</LastModified>"),
}
USABLE = {
    "weak": (rb"<ETag>", b"<ETag>W/"),
    "capitals": (rb"<ETag>.*?</ETag>", None),
}


def _rewritten(asked: Asked, said: Said) -> Said:
    return said.with_body(re.sub(rb"<Contents>.*?</Contents>", _row, said.body)) if asked.is_listing else said


def _row(found: re.Match[bytes]) -> bytes:
    row = found[0]
    for name, (sought, instead) in {**ODD, **USABLE}.items():
        if f"<Key>{name}<".encode() in row:
            return re.sub(sought, _in_capitals if instead is None else instead, row)
    return row


def _in_capitals(found: re.Match[bytes]) -> bytes:
    return found[0].replace(b"&quot;", b'"').upper().replace(b"ETAG>", b"ETag>")


def test_it_is_named_and_the_others_are_copied(place: Workplace) -> None:
    place.seed("source", "plain", *ODD, *USABLE, size_bytes=10)
    place.seed("destination", "no-size", "extraneous", size_bytes=11)
    with quirky_store(place.server.endpoint, _rewritten) as store:
        path = write_manifest(
            place.folder, endpoint=store.endpoint, engine=place.engine, guards={"max_delete": "100%"}, **MIRROR
        )
        planned = place.command.run("plan", path)
        listed = place.command.run("show", place.plan_file, "--list").stdout
        ended = place.command.run("apply", place.plan_file, "--yes", "--json")
    assert planned.exit_code == 0
    conflicts = [line for line in listed.splitlines() if line.startswith("!")]
    assert len(conflicts) == len(ODD)
    for name in ODD:
        assert any(f" {name} " in line and ("no ETag" in line or "listed without a" in line) for line in conflicts)
    assert ended.event("run-ended")["counts"] == {"done": 3, "skipped": 1}
    assert ended.exit_code == 3
    assert place.writes() == dict.fromkeys(["plain", *USABLE], 1)
    assert place.keys("destination") == {"plain", *USABLE, "no-size", "extraneous"}  # no delete beside a conflict
