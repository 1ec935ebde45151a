"""Whether what a run said of itself is what boto3 sees, and whether nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from campaign.repeated_plan import Ended
from campaign.stage import ACTIONS, EXTRANEOUS, LARGE, METADATA, TAGS, WRITES, Stage, World

_SUCCESS = ("done", "already-done")
_PROBE = ".s3plan-probe-"


def untruths(stage: Stage, ended: Ended, world: World, *, ends: Collection[int]) -> Iterator[str]:
    """What is wrong after a run, whatever had disturbed it; nothing where all is well."""
    if ended.is_stuck:
        yield "it had to be stopped"
    if ended.exit_code not in ends:
        yield f"it ended with {ended.exit_code}, not with {sorted(ends)}: {ended.words}"
    if ended.exit_code not in {0, 3} and not ended.words:
        yield "it does not say why"
    yield from losses(stage, world)
    successes = sum(ended.counts.get(word, 0) for word in _SUCCESS)
    if successes > (changes := len(_changes(stage, world))):
        yield f"{successes} actions are said to be done, {changes} are"
    if ended.exit_code:
        return
    if world.contents != stage.wanted:
        yield "it ended with 0, and the destination is not as planned"
    if world.uploads:
        yield f"it ended with 0, and left uploads open, told of by nobody: {world.uploads}"
    if successes != ACTIONS:
        yield f"it ended with 0, and {successes} of {ACTIONS} actions succeeded"


def _changes(stage: Stage, world: World) -> set[str]:
    """The keys that are as planned and were not before."""
    planned = {key for key in stage.before | stage.wanted if stage.before.get(key) != stage.wanted.get(key)}
    return {key for key in planned if world.contents.get(key) == stage.wanted.get(key)}


def misjudged_conditions(stage: Stage) -> Iterator[str]:
    """What a probe has found that is not so, and that would be believed for a day."""
    for condition, word in stage.read_findings().items():
        if word != stage.findings[condition]:
            yield f"{condition} is taken to be {word}, it is {stage.findings[condition]}"


def losses(stage: Stage, world: World, *, writes: Collection[str] = WRITES) -> Iterator[str]:
    """What may never be, at any moment: a lost or half-written object, a wrong overwrite, a delete before its time.

    `writes` are the keys that the plan writes, all of them before its first delete.
    """
    if world.source != stage.source:
        yield "the source has changed"
    for key, content in world.contents.items():
        if not key.startswith(_PROBE) and content not in (stage.before.get(key), stage.wanted.get(key)):
            yield f"{key!r} is neither as it was nor as planned: {content}"
    lost = [key for key in stage.before if key not in world.contents and key in stage.wanted]
    if lost:
        yield f"lost: {lost}"
    deleted = [key for key in EXTRANEOUS if key not in world.contents]
    late = [key for key in writes if world.contents.get(key) != stage.wanted.get(key)]
    if deleted and late:
        yield f"{deleted} were deleted before {late} were written"
    twice = {key: number for key, number in stage.writes().items() if number > 1}
    if twice:
        yield f"written more than once: {twice}"


def shortcomings(stage: Stage, ended: Ended, world: World, *, has_tags: bool = True) -> Iterator[str]:
    """What is wrong after the last run, which nothing disturbed."""
    yield from untruths(stage, ended, world, ends={0})
    remains = [key for key in world.contents if key.startswith(_PROBE)]
    if remains:
        yield f"a probe left {remains}"
    if world.contents != stage.wanted:
        return
    s3 = stage.place.s3
    head = s3.head_object(Bucket="destination", Key=LARGE)
    if head["Metadata"] != METADATA:
        yield f"the large object's metadata is {head['Metadata']}"
    rows = s3.get_object_tagging(Bucket="destination", Key=LARGE)["TagSet"]
    if has_tags and {row["Key"]: row["Value"] for row in rows} != TAGS:
        yield f"the large object's tags are {rows}"
