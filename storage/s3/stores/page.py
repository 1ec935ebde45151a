"""The table of stores as a page of the documentation.

`python -m s3plan.storage.s3.stores.page` rewrites docs/stores.md.
"""

from __future__ import annotations

from pathlib import Path

from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.quirks import GIB, MIB, TIB, Encryptions, KeyRule, StoreQuirks, Support
from s3plan.storage.s3.store_quirks import STORES

GENERATED_FILE = Path(__file__).resolve().parents[3] / "docs" / "stores.md"

_HEAD = """\
# Which store can do what

<!-- Written by `make generated` from storage/s3/stores/; changes belong there. -->

"Compatible with S3" means something else at every store. This table is what s3plan knows of each kind, and goes by: it
sends no header that a store is known to refuse, and plans nothing that a store cannot hold. The row of a connection is
the one that its manifest names (`connections: {x: {store: minio}}`), else the one of its host, else `unknown`. A plan
keeps which row it was made by; an apply whose connection has another one is refused.

A row that only a manifest names may be the wrong one. Where the host does not say the same, apply tries what pins, sums
of parts and keys of SSE-C would rest on (conditions, what bytes are held against, whether a bucket has one name), as it
does with a store that it does not know, and each object is asked for its tags. Of two words about a condition, the
row's and the trial's, the weaker counts. What a job asks for by `checksum_algorithm` is tried, too.

Every cell has a source, below. What nobody has documented and nobody has measured is `unknown`, of which the careful
choice is made: conditions are [tried by the first apply](guarantees.md), and a header that a store may refuse is left
out once it has refused it.

"""

_NOTES = """\

- **hosts**: what a host is, or ends with. Amazon S3 is known by its hosts of regions, dual stack, FIPS, acceleration
  and VPCs, too; what else ends with `amazonaws.com` (a virtual machine, a load balancer) may be any store.
- **bytes are held against**: what the store refuses other bytes by. `tried`: apply sends a part with a wrong CRC64NVME.
- **conditions**: what the store enforces of the conditions that s3plan's pins are made of. `checked`: s3plan looks
  right before it writes. `probed`: apply finds out.
- **DeleteObjects**: a store that has none is sent single deletes; `unknown`: batches, until it has refused one.
- **UploadPartCopy**: a store that has none copies large objects whole, by one CopyObject.
- **decompresses**: of an object with `Content-Encoding: gzip` such a store sends other bytes than it holds, unless it
  is told that gzip is accepted. s3plan tells it, and keeps the bytes as they are stored.
- **largest object**, **keys**: what is larger, and a key that the store does not hold, is a conflict of the plan. So is
  the second of two keys that it holds as one; a mirror does not delete what may be the other spelling of a key that the
  source has.
- **storage classes**: a class of the source that the destination does not have is left out.
- Tags, ACLs, metadata, encryption, versions and requester pays are what is known; what a store does not keep of them it
  refuses or drops by itself.

"""


def generated_text() -> str:
    """Return the page."""
    rows = list(STORES.values())
    table = [
        _line(["", *(f"`{row.name}`" for row in rows)]),
        _line(["---"] * (len(rows) + 1)),
        *(_line([title, *map(cell, rows)]) for title, cell in _CELLS),
    ]
    return _HEAD + "\n".join(table) + "\n" + _NOTES + "".join(map(_sources, rows)).rstrip("\n") + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _size(size_bytes: int) -> str:
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size_bytes % unit == 0:
            return f"{size_bytes // unit} {name}"
    unit, name = next((unit, name) for unit, name in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB")) if size_bytes >= unit)
    return f"{size_bytes / unit:.3f}".rstrip("0").rstrip(".") + f" {name}"


def _conditions(row: StoreQuirks) -> str:
    words = {Enforcement.UNKNOWN: "probed", Enforcement.NOT_ATOMIC: "not atomic"}
    said = {each: words.get(each, each.value) for each in Enforcement}
    found = [row.conditions[each] for each in Condition]
    if len(set(found)) == 1:
        return said[found[0]]
    usual = max(set(found), key=found.count)
    others = [f"{each}: {said[row.conditions[each]]}" for each in Condition if row.conditions[each] is not usual]
    return f"{said[usual]}; {', '.join(others)}"


def _classes(row: StoreQuirks) -> str:
    return "unknown" if row.storage_classes is None else ", ".join(sorted(row.storage_classes))


def _encryptions(row: StoreQuirks) -> str:
    if row.encryptions is None:
        return "unknown"
    names = {Encryptions.SSE_S3: "SSE-S3", Encryptions.KMS: "SSE-KMS", Encryptions.SSE_C: "SSE-C"}
    return ", ".join(names[each] for each in Encryptions if each in row.encryptions) or "none"


def _checksums(row: StoreQuirks) -> str:
    return "unknown" if row.checksums is None else ", ".join(sorted(row.checksums)) or "none"


def _header(support: Support) -> str:
    return {Support.YES: "sent", Support.NO: "left out", Support.UNKNOWN: "tried"}[support]


_CELLS = (
    ("store", lambda row: row.title),
    ("hosts", lambda row: ", ".join(f"`{each}`" for each in row.hosts) or "-"),
    ("bytes are held against", lambda row: row.integrity.value),
    ("`x-amz-checksum-mode`", lambda row: _header(row.states_checksums)),
    ("annotations", lambda row: row.has_annotations.value),
    ("what it has not is answered by", lambda row: str(row.refusal_status)),
    ("DeleteObjects", lambda row: row.batch_deletes.value),
    ("conditions", _conditions),
    ("UploadPartCopy", lambda row: row.part_copies.value),
    ("HEAD of a part", lambda row: row.part_gets.value),
    ("decompresses", lambda row: row.decompresses.value),
    ("most parts", lambda row: f"{row.most_parts:,}"),
    ("parts", lambda row: f"{_size(row.least_part_bytes)} to {_size(row.most_part_bytes)}"),
    ("parts of equal size", lambda row: "demanded" if row.equal_parts else "not needed"),
    ("largest PutObject", lambda row: _size(row.most_put_bytes)),
    ("largest CopyObject", lambda row: _size(row.most_copy_bytes)),
    ("largest object", lambda row: _size(row.most_object_bytes)),
    ("keys", lambda row: "; ".join(rule.value for rule in KeyRule if rule in row.key_rules) or "any"),
    ("tags", lambda row: row.tags.value),
    ("counts an object's tags", lambda row: row.counts_tags.value),
    ("ACLs", lambda row: row.acls.value),
    ("storage classes", _classes),
    ("metadata", lambda row: f"{row.most_metadata_bytes:,} bytes"),
    ("encryption", _encryptions),
    ("`checksum_algorithm`", _checksums),
    ("versions", lambda row: row.versioning.value),
    ("requester pays", lambda row: row.requester_pays.value),
)


def _sources(row: StoreQuirks) -> str:
    lines = "".join(f"- `{cell}`: {source}\n" for cell, source in row.sources.items())
    return f"## Sources: {row.title}\n\n{lines}\n" if lines else ""


if __name__ == "__main__":
    GENERATED_FILE.write_text(generated_text(), encoding="utf-8")
