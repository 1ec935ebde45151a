"""A small job of every kind of action, that can be set back and run again and again."""

from __future__ import annotations

from dataclasses import dataclass

from fakes.workplace import MIB, Workplace

SMALL, LARGE, OVERWRITTEN, EXTRANEOUS = 24, 2, 6, 12
PARTS = 3  # of each large object
IN_FLIGHT = 4
ACTIONS = SMALL + LARGE + EXTRANEOUS


@dataclass(frozen=True, slots=True)
class MirroredPlace:
    """Copies, overwrites, copies in parts and deletes; planned once, since the same objects have the same ETags."""

    place: Workplace

    def plan(self) -> None:
        """Seed both sides, write the manifest and plan."""
        self.seed()
        run = {"in_flight": IN_FLIGHT, "workers": 2, "multipart_threshold": "5MiB", "part_size": "5MiB"}
        self.place.manifest(
            mode="mirror",
            delete={"extraneous": True, "unpinned": "allow"},
            guards={"max_delete": "100%"},
            run={**run, "retries": {"initial": "1ms", "max": "10ms"}},
        )
        self.place.plan(probe=True)

    def seed(self) -> None:
        server = self.place.server
        server.wipe()
        server.seed("source", count=SMALL, size_bytes=10, modified_s=2_000)
        large = [f"big-{number}" for number in range(LARGE)]
        server.seed("source", keys=large, size_bytes=PARTS * 5 * MIB - 1, parts=2, modified_s=2_000)
        server.seed("destination", count=OVERWRITTEN, size_bytes=9, modified_s=1_000)
        server.seed("destination", count=EXTRANEOUS, start=1_000, size_bytes=5, modified_s=1_000)

    def set_back(self) -> None:
        """Have everything as it was before the first run of the plan."""
        self.seed()
        self.place.told.clear()
        for name in ("job.s3run", "job.s3run.lock", "job.s3run-journal"):
            (self.place.plan_file.parent / name).unlink(missing_ok=True)

    def assert_ended_right(self, *, written_twice: int = 0) -> None:
        """See with boto3 that all is there, and by the server's own count that nothing was written in vain.

        `written_twice`: how many keys may have been, where the store does not hold conditions.
        """
        source, destination = self.place.listed("source"), self.place.listed("destination")
        assert {key: row.size_bytes for key, row in destination.items()} == {
            key: row.size_bytes for key, row in source.items()
        }
        assert self.place.untold_uploads() == []
        writes = self.place.writes()
        assert writes.keys() == source.keys()
        assert sum(count > 1 for count in writes.values()) <= written_twice, writes
        assert max(writes.values()) <= 2
