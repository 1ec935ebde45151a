"""Plans OBJECTS against as many, of which every tenth differs, is new or is extraneous; prints the peak memory in MiB.

Run as `python plan_a_million.py OBJECTS DIFFERING PLAN_FILE`, in a process of its own.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from s3plan.planfile.writer import PlanWriter
from s3plan.planner.build import build_plan
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.objects import ObjectRow

from fakes.plan_parts import NOW_MS, a_manifest, facts, locations_of, one_job

PAGE_ROWS = 1000


class Numbered:
    """Lists `objects` keys; one in `every` differs from the other side, in a way that goes round."""

    def __init__(self, objects: int, *, every: int, is_source: bool) -> None:
        self._objects = objects
        self._every = every
        self._is_source = is_source

    def pages(self) -> Iterator[Sequence[ObjectRow]]:
        for start in range(0, self._objects, PAGE_ROWS):
            numbers = range(start, min(start + PAGE_ROWS, self._objects))
            yield [row for number in numbers if (row := self._row(number)) is not None]

    @property
    def note(self) -> str | None:
        return None

    def _row(self, number: int) -> ObjectRow | None:
        key = b"data/%03d/object-%09d.bin" % (number // 10_000, number)
        if number % self._every:
            return ObjectRow(key, 4096, f"{number:032x}", NOW_MS)
        way = number // self._every % 3  # changed, new, extraneous
        if way == 0:
            return ObjectRow(key, 4096 + self._is_source, f"{number + self._is_source:032x}", NOW_MS)
        return ObjectRow(key, 4096, f"{number:032x}", NOW_MS) if self._is_source is (way == 1) else None


def main(objects: int, every: int, path: Path) -> None:
    manifest = a_manifest(mode="mirror", delete={"extraneous": Plain("true")})
    began = time.perf_counter()
    with PlanWriter(path) as writer:
        built = build_plan(
            one_job(
                manifest,
                Numbered(objects, every=every, is_source=True),
                Numbered(objects, every=every, is_source=False),
            ),
            locations=locations_of(manifest),
            writer=writer,
            facts=facts(),
            allow={},
            spool_folder=path.parent,
        )
    elapsed_s = time.perf_counter() - began
    print(f"{built.header.actions} {peak_bytes() / 2**20:.0f} {elapsed_s:.1f}")


def peak_bytes() -> int:
    """Return this process's peak. On Linux ru_maxrss would be no less than what the process that started it had."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
