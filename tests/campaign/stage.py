"""One small job, put up anew as often as it is needed: its buckets, plan and requests, and the end it must come to.

A mirror of 12 copies, one overwrite, one large object in four parts, three deletes in a batch and one alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import s3plan
from campaign.repeated_plan import SERIAL, Ended, RepeatedPlan
from fakes.s3server import Fault
from fakes.workplace import MIB, Listed, Workplace
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.plan.actions import ActionKind

COPIES = tuple(f"copy-{number:02d}" for number in range(12))
KEPT = tuple(f"same-{number:02d}" for number in range(10))
EXTRANEOUS = ("\x01odd", "old-0", "old-1", "old-2")
CHANGED = "changed"
LARGE = "large"
WRITES = (*COPIES, CHANGED, LARGE)
ACTIONS = len(WRITES) + len(EXTRANEOUS)
METADATA = {"colour": "blue"}
TAGS = {"team": "storage"}
PAGE_KEYS = 5  # so that a small bucket has several pages
_SEEDED_AT_S = 1_700_000_000


@dataclass(frozen=True, slots=True)
class World:
    """What both buckets hold, by boto3."""

    source: Mapping[str, Listed]
    destination: Mapping[str, Listed]
    uploads: Sequence[str]  # those left open that no apply has told of

    @property
    def contents(self) -> dict[str, tuple[str, int]]:
        """What stands at the destination: ETag and size by key."""
        return {key: (row.etag, row.size_bytes) for key, row in self.destination.items()}


class Stage(RepeatedPlan[Workplace]):
    """`before` and `wanted` are the contents of the destination at first and at last."""

    def __init__(self, place: Workplace, *, run: Mapping[str, object] = SERIAL) -> None:
        super().__init__(place)
        self.set_up()
        self.source = place.listed("source")
        self.before = self.world().contents
        place.manifest(
            mode="mirror",
            delete={"extraneous": True},
            guards={"max_delete": "100%"},
            run=dict(run),
        )
        place.server.reset_stats()
        place.plan()
        self.planning = self._requests()
        self.actions = self.read_actions(place.plan_file)
        assert len(self.actions) == ACTIONS
        self.cache.unlink(missing_ok=True)
        place.server.reset_stats()
        assert self.apply(self.fresh_plan()).exit_code == 0
        self.probing = self._requests()
        self.wanted = self.world().contents
        self._cached = self.cache.read_bytes()
        self.findings = self.read_findings()
        assert set(self.findings.values()) == {"enforced"}
        self.set_up()
        place.server.reset_stats()
        assert self.apply(self.fresh_plan()).exit_code == 0
        self.applying = self._requests()
        assert self.world().contents == self.wanted

    @property
    def cache(self) -> Path:
        """Where s3plan keeps what the store enforces."""
        return Path(self.place.command.environment["XDG_CACHE_HOME"]) / "s3plan" / "capabilities.json"

    def set_up(self) -> None:
        """Fill both buckets as at the beginning, without faults or records."""
        place = self.place
        place.server.reset()
        place.server.set_mode(page_keys=PAGE_KEYS)
        old: dict[str, Any] = {"modified_s": _SEEDED_AT_S, "size_bytes": 100, "synthetic": False}
        place.seed("source", *COPIES, **old)
        place.seed("source", CHANGED, **old, seed=7, metadata=METADATA)
        place.seed("source", LARGE, modified_s=_SEEDED_AT_S, size_bytes=16 * MIB, metadata=METADATA, tags=TAGS)
        place.seed("destination", CHANGED, **old)
        place.seed("destination", *EXTRANEOUS, **old)
        for bucket in ("source", "destination"):
            place.seed(bucket, *KEPT, **old)

    def forget_capabilities(self, *, forget: bool) -> None:
        """Let the next apply probe the store, or not."""
        if forget:
            self.cache.unlink(missing_ok=True)
        else:
            self.cache.write_bytes(self._cached)

    def read_findings(self) -> Mapping[str, str]:
        """What the store enforces as far as s3plan has found out; nothing if it has not."""
        if not self.cache.exists():
            return {}
        (entry,) = json.loads(self.cache.read_text())["entries"].values()
        return dict(entry.get("found", {}))

    def plan(self, output: Path) -> Ended:
        """Plan, as the command would."""
        try:
            s3plan.plan(self.place.folder / "job.yaml", output=output)
        except S3PlanError as error:
            return Ended(int(error.exit_code), str(error))
        return Ended(0, "")

    def disturb(self, *faults: Fault) -> None:
        self.place.server.set_mode(page_keys=PAGE_KEYS)
        super().disturb(*faults)

    def world(self) -> World:
        place = self.place
        place.server.set_mode(page_keys=1000)
        open_uploads = place.s3.list_multipart_uploads(Bucket="destination").get("Uploads", [])
        told = " ".join(self.told)
        untold = [row["Key"] for row in open_uploads if row["UploadId"] not in told and "looked up" not in told]
        return World(place.listed("source"), place.listed("destination"), untold)

    def read_actions(self, plan: Path) -> list[tuple[object, ...]]:
        """What a plan would do, with pins and reasons, in its order."""
        with open_plan(plan) as opened:
            return [(batch.phase, *action) for batch, action in opened.iter_actions()]

    def written_by(self, plan: Path) -> list[str]:
        """The keys that a plan writes."""
        with open_plan(plan) as opened:
            return [action.key.decode() for _, action in opened.iter_actions() if action.kind is ActionKind.COPY]

    def writes(self) -> Mapping[str, int]:
        """How many requests wrote each key of the destination; without those of a probe."""
        return Counter(self.place.writes())

    def _requests(self) -> list[str]:
        """The operations that came in, in the order of their answers."""
        return [logged.operation for logged in self.place.server.log()]
