"""What the tools are given to do: trees to begin with, latency, and the end that counts as done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

SOURCE = "s3plan-benchmark-source"
DESTINATION = "s3plan-benchmark-destination"
PREFIX = "data/"
OBJECT_BYTES = 1024
DIFFER_EVERY = 1000  # of the trees that are only compared
CHANGE_EVERY = 300  # of a mirror: one of them is changed, one new, one gone, which is 1 % of all
RESUMED_ACTIONS = 1000
# The destination was written later, as copies are; equal sizes then mean unchanged to every tool.
_SOURCE_TIME_MS = 1_704_067_200_000
_DESTINATION_TIME_MS = _SOURCE_TIME_MS + 86_400_000


class Kind(StrEnum):
    PLAN = "plan"
    COPY = "copy"
    MIRROR = "mirror"
    DELETE = "delete"
    RESUME = "resume"
    START = "start"


@dataclass(frozen=True, slots=True)
class Rule:
    """Every `modulus`-th object, counted from `remainder`."""

    modulus: int
    remainder: int

    def has(self, number: int) -> bool:
        return number % self.modulus == self.remainder


@dataclass(frozen=True, slots=True)
class Seed:
    """Objects 0 to `objects` - 1, without the absent ones; changed ones are one byte larger, with another ETag."""

    objects: int
    modified_ms: int
    absent: Rule | None = None
    changed: Rule | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One work; `objects` is what its time is divided by. Latencies are added by the server, in milliseconds."""

    name: str
    title: str
    kind: Kind
    objects: int
    latency_ms: int = 0
    list_latency_ms: int = 0
    only_s3plan: bool = False

    @property
    def has_latency(self) -> bool:
        return bool(self.latency_ms or self.list_latency_ms)

    @property
    def source(self) -> Seed | None:
        """What the source holds; None for a work that needs no store."""
        match self.kind:
            case Kind.START:
                return None
            case Kind.DELETE:
                return Seed(1, _SOURCE_TIME_MS)
            case Kind.MIRROR:
                changed, gone = Rule(CHANGE_EVERY, 0), Rule(CHANGE_EVERY, 1)
                return Seed(self.objects, _SOURCE_TIME_MS, absent=gone, changed=changed)
            case Kind.PLAN:
                return Seed(self.objects, _SOURCE_TIME_MS, changed=Rule(DIFFER_EVERY, 0))
        return Seed(self.objects, _SOURCE_TIME_MS)

    @property
    def destination(self) -> Seed | None:
        """What the destination holds before each run; None for nothing."""
        match self.kind:
            case Kind.PLAN:
                return Seed(self.objects, _DESTINATION_TIME_MS)
            case Kind.MIRROR:
                return Seed(self.objects, _DESTINATION_TIME_MS, absent=Rule(CHANGE_EVERY, 2))
            case Kind.DELETE:  # one object is the source's as well, so that a mirror's source is not empty
                return Seed(self.objects + 1, _DESTINATION_TIME_MS)
        return None

    @property
    def differing(self) -> int:
        """How many objects a plan of this work has to find."""
        return len(range(0, self.objects, DIFFER_EVERY))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each work, and how slow the store is where it is."""

    plan: int = 1_000_000
    copy: int = 100_000
    mirror: int = 100_000
    delete: int = 100_000
    resume: int = 1_000_000
    growth: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    latency_ms: int = 50
    list_latency_ms: int = 100


def works(sizes: Sizes) -> Sequence[Work]:
    """Return all works, in the order of the report."""
    return [*_shared_works(sizes), *_own_works(sizes)]


def _shared_works(sizes: Sizes) -> Iterator[Work]:
    trees = f"plan, {sizes.plan:,} objects on each side, 1 in {DIFFER_EVERY:,} differs"
    copies = f"copy {sizes.copy:,} small objects"
    changes = f"mirror {sizes.mirror:,} objects, 1 % changed, new or gone"
    slow = f"{sizes.latency_ms} ms a request"
    yield Work("plan", trees, Kind.PLAN, sizes.plan)
    yield Work(
        "plan-latency",
        f"{trees}, {sizes.list_latency_ms} ms a list page",
        Kind.PLAN,
        sizes.plan,
        list_latency_ms=sizes.list_latency_ms,
    )
    yield Work("copy", copies, Kind.COPY, sizes.copy)
    yield Work("copy-latency", f"{copies}, {slow}", Kind.COPY, sizes.copy, latency_ms=sizes.latency_ms)
    yield Work("mirror", changes, Kind.MIRROR, sizes.mirror)
    yield Work("delete", f"delete {sizes.delete:,} objects", Kind.DELETE, sizes.delete)


def _own_works(sizes: Sizes) -> Iterator[Work]:
    title = f"resume a plan of {sizes.resume:,} actions, half done: time to the first copy"
    yield Work("resume", title, Kind.RESUME, sizes.resume, only_s3plan=True)
    yield Work("start", "s3plan --help", Kind.START, 1, only_s3plan=True)
    for objects in sizes.growth:
        title = f"growth: plan, {objects:,} objects on each side"
        yield Work(f"growth-plan-{objects}", title, Kind.PLAN, objects, only_s3plan=True)
    for objects in sizes.growth:
        title = f"growth: copy {objects:,} small objects"
        yield Work(f"growth-copy-{objects}", title, Kind.COPY, objects, only_s3plan=True)


def chosen(all_works: Sequence[Work], wanted: Sequence[str]) -> Sequence[Work]:
    """Return the works of these names, `growth` standing for all that start so; raise KeyError for an unknown one."""
    for name in wanted:
        if not any(_is_meant(work.name, name) for work in all_works):
            raise KeyError(name)
    return [work for work in all_works if not wanted or any(_is_meant(work.name, name) for name in wanted)]


def _is_meant(name: str, wanted: str) -> bool:
    return name == wanted or (wanted.startswith("growth") and name.startswith(f"{wanted}-"))
