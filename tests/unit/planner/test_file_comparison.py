"""Files and objects: the first that knows whether they differ decides, and its reason says so."""

from __future__ import annotations

import pytest
from s3plan.planner.file_comparison import NEWER_UNPROVEN, SAME_UNPROVEN, FilePolicy
from s3plan.schemas.files.pairs import PairFound, Question, Recalled, Wanted
from s3plan.schemas.files.stamps import Stamp
from s3plan.schemas.manifest.words import Compare, Overwrite
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.plan.actions import ActionKind, VerdictKind

NOW_MS = 1_700_000_000_000
MD5, OTHER = "0" * 32, "f" * 32


def a_file(*, size: int = 10, changed_ms: int = NOW_MS, touched_ms: int | None = None) -> ObjectRow:
    touched = changed_ms if touched_ms is None else touched_ms
    stamp = Stamp(size, changed_ms * 1_000_000, touched * 1_000_000, 7)
    return ObjectRow(b"k", size, str(stamp), changed_ms)


def an_object(*, size: int = 10, written_ms: int = NOW_MS, etag: str = MD5) -> ObjectRow:
    return ObjectRow(b"k", size, etag, written_ms)


class Known:
    """What is known of pairs, and what was learnt."""

    def __init__(self, *pairs: tuple[ObjectRow, ObjectRow]) -> None:
        self.pairs = {(file.etag, there.etag) for file, there in pairs}
        self.learnt: list[tuple[str, str]] = []
        self.of_other_time = 0

    def recall(self, file: ObjectRow, there: ObjectRow) -> Recalled:
        if (file.etag, there.etag) in self.pairs:
            return Recalled.OTHER_TIME if self.of_other_time else Recalled.SAME
        is_changed = any(file.etag == stamp or there.etag == etag for stamp, etag in self.pairs)
        return Recalled.CHANGED if is_changed else Recalled.NOTHING

    def learn(self, file: ObjectRow, there: ObjectRow, *, keeps_other_time: bool = False) -> None:
        self.learnt.append((file.etag, there.etag))
        self.of_other_time += keeps_other_time


def a_policy(
    *compare: Compare,
    kind: ActionKind = ActionKind.UPLOAD,
    overwrite: Overwrite = Overwrite.IF_DIFFERENT,
    ahead_ms: int = 0,
    known: Known | None = None,
    preserves_mtime: bool = False,
) -> FilePolicy:
    return FilePolicy(
        kind,
        overwrite,
        compare,
        store_ahead_ms=ahead_ms,
        known=Known() if known is None else known,
        preserves_mtime=preserves_mtime,
    )


def decide(
    file: ObjectRow,
    there: ObjectRow,
    *compare: Compare,
    md5: str | None = MD5,
    overwrite: Overwrite = Overwrite.IF_DIFFERENT,
    ahead_ms: int = 0,
) -> tuple[VerdictKind, str, int]:
    """Return the verdict about an upload, its rule, and how much was asked."""
    policy = a_policy(*compare, overwrite=overwrite, ahead_ms=ahead_ms)
    decided = policy.decide(file, there)
    if not isinstance(decided, Question):
        return decided.kind, decided.rule, 0
    verdict = policy.conclude(decided, found_by_md5(there, md5))
    return verdict.kind, verdict.rule, 1


def found_by_md5(there: ObjectRow, md5: str | None) -> PairFound:
    if len(there.etag) != len(MD5):
        return PairFound()
    return PairFound(is_same=md5 == there.etag.lower(), by="MD5", of_file=md5 or "unknown", of_object=there.etag)


SAME, OVER = VerdictKind.UNCHANGED, VerdictKind.OVERWRITE
UNTOUCHED = "not touched since the object was written"


@pytest.mark.parametrize(
    ("file", "there", "found"),
    [
        (a_file(size=11), an_object(), (OVER, "size differs", 0)),
        (a_file(), an_object(written_ms=NOW_MS + 60_001), (SAME, UNTOUCHED, 0)),
        (a_file(), an_object(written_ms=NOW_MS + 60_000), (SAME, "same MD5", 1)),
        # An older file that was moved into the place of another one has a ctime of its own.
        (a_file(changed_ms=0, touched_ms=NOW_MS), an_object(written_ms=NOW_MS + 1_000), (SAME, "same MD5", 1)),
        (a_file(), an_object(etag=MD5.upper()), (SAME, "same MD5", 1)),
        (a_file(), an_object(etag=OTHER), (OVER, "MD5 differs", 1)),
        (a_file(changed_ms=NOW_MS + 1_000), an_object(etag="abc-2"), (OVER, NEWER_UNPROVEN, 1)),
        (a_file(), an_object(etag="abc-2"), (SAME, SAME_UNPROVEN, 1)),
    ],
)
def test_the_first_that_knows_decides(file: ObjectRow, there: ObjectRow, found: tuple[VerdictKind, str, int]) -> None:
    assert decide(file, there) == found


def test_a_file_that_cannot_be_read_is_not_the_same() -> None:
    assert decide(a_file(), an_object(), md5=None)[:2] == (OVER, "MD5 differs")


@pytest.mark.parametrize(("ahead_ms", "reads"), [(30_000, 1), (-30_000, 0), (60_001, 1), (-60_001, 1)])
def test_the_clocks_are_set_against_each_other_unless_they_are_far_apart(ahead_ms: int, reads: int) -> None:
    there = an_object(written_ms=NOW_MS + 80_000)
    assert decide(a_file(), there, ahead_ms=ahead_ms)[2] == reads


def test_short_stamps_tell_nothing_of_when_a_file_was_touched() -> None:
    file = ObjectRow(b"k", 10, f"10:{NOW_MS * 1_000_000}", NOW_MS)
    assert decide(file, an_object(written_ms=NOW_MS + 10_000_000))[1:] == ("same MD5", 1)


@pytest.mark.parametrize(
    ("overwrite", "file", "there", "kind"),
    [
        (Overwrite.IF_NEWER, a_file(changed_ms=NOW_MS + 999), an_object(), SAME),
        (Overwrite.IF_NEWER, a_file(size=11), an_object(), SAME),
        (Overwrite.IF_SIZE_DIFFERS, a_file(changed_ms=NOW_MS + 1_000), an_object(), SAME),
        (Overwrite.IF_SIZE_DIFFERS, a_file(size=11), an_object(), OVER),
        (Overwrite.NEVER, a_file(size=11), an_object(), VerdictKind.SKIPPED),
        (Overwrite.ALWAYS, a_file(), an_object(), OVER),
    ],
)
def test_other_policies_read_no_file(
    overwrite: Overwrite, file: ObjectRow, there: ObjectRow, kind: VerdictKind
) -> None:
    found = decide(file, there, overwrite=overwrite)
    assert (found[0], found[2]) == (kind, 0)


@pytest.mark.parametrize(
    ("changed_ms", "expected"),
    [
        (NOW_MS + 123, (SAME, "same size, and the time of the object", 0)),
        (NOW_MS, (SAME, "same size, and the time of the object", 0)),  # by a tool that sets whole seconds
        (NOW_MS + 500, (OVER, "MD5 differs", 1)),  # an edit in the second of the object
        (NOW_MS - 1, (OVER, "MD5 differs", 1)),
    ],
)
def test_a_file_has_the_bytes_of_the_object_whose_time_it_has_exactly(
    changed_ms: int, expected: tuple[VerdictKind, str, int]
) -> None:
    there, policy = an_object(written_ms=NOW_MS + 123), a_policy(kind=ActionKind.DOWNLOAD)
    decided = policy.decide(there, a_file(changed_ms=changed_ms))
    reads = 0
    if isinstance(decided, Question):
        reads, decided = 1, policy.conclude(decided, found_by_md5(there, OTHER))
    assert (decided.kind, decided.rule, reads) == expected


def test_what_is_known_of_a_pair_is_not_asked_again_and_what_was_asked_is_learnt() -> None:
    file, there = a_file(), an_object()
    known = Known((file, there))
    verdict = a_policy(known=known).decide(file, there)
    assert (verdict, known.learnt) == (a_policy(known=known).decide(file, there), [])
    assert not isinstance(verdict, Question)
    assert verdict.rule == "neither has changed since they were the same"
    for changed in ((a_file(touched_ms=NOW_MS + 1), there), (file, an_object(etag=OTHER))):
        asked = a_policy(known=known).decide(*changed)
        assert isinstance(asked, Question)
        a_policy(known=known).conclude(asked, PairFound(is_same=False, by="MD5"))
        assert known.learnt == []
        a_policy(known=known).conclude(asked, PairFound(is_same=True, by="MD5"))
        assert known.learnt.pop() == (changed[0].etag, changed[1].etag)
        # Nothing can be compared: it is known at least that they were the same, and that one has changed.
        assert a_policy(known=known).conclude(asked, PairFound()).rule == "changed since they were the same"


@pytest.mark.parametrize(
    ("kept_s", "rule"), [(None, "same MD5"), (0, "same MD5"), (1, "same MD5"), (-3600, "mtime differs, not sent")]
)
def test_of_a_file_that_was_touched_the_time_is_told_that_its_object_keeps(kept_s: int | None, rule: str) -> None:
    there = an_object()
    known = Known((a_file(), there))
    touched = a_file(touched_ms=NOW_MS + 1)
    policy = a_policy(known=known, preserves_mtime=True)
    asked = policy.decide(touched, there)
    assert isinstance(asked, Question)
    assert asked.with_time
    stamp = Stamp.parse(touched.etag)
    assert stamp is not None
    kept_ns = None if kept_s is None else stamp.mtime_ns + kept_s * 10**9
    assert policy.conclude(asked, PairFound(is_same=True, by="MD5", mtime_ns=kept_ns)).rule == rule
    assert (known.learnt, known.of_other_time) == ([(touched.etag, there.etag)], int(kept_s == -3600))


def test_another_time_is_told_again_without_a_question_and_only_of_jobs_that_send_times() -> None:
    file, there = a_file(), an_object()
    known = Known((file, there))
    known.of_other_time = 1
    for preserves_mtime, rule in (
        (True, "mtime differs, not sent"),
        (False, "neither has changed since they were the same"),
    ):
        verdict = a_policy(known=known, preserves_mtime=preserves_mtime).decide(file, there)
        assert not isinstance(verdict, Question)
        assert verdict.rule == rule
    down = a_policy(known=known, kind=ActionKind.DOWNLOAD, preserves_mtime=True).decide(there, file)
    assert not isinstance(down, Question)
    assert down.rule == "neither has changed since they were the same"


def test_no_time_is_asked_for_of_files_of_which_nothing_is_known_or_that_send_none() -> None:
    there = an_object()
    unknown = a_policy(preserves_mtime=True).decide(a_file(touched_ms=NOW_MS + 1), there)
    sends_none = a_policy(known=Known((a_file(), there))).decide(a_file(touched_ms=NOW_MS + 1), there)
    for asked in (unknown, sends_none):
        assert isinstance(asked, Question)
        assert not asked.with_time


def test_a_file_that_looks_newer_and_is_known_to_be_the_same_is_not_newer() -> None:
    file, there = a_file(changed_ms=NOW_MS + 5_000), an_object()
    policy = a_policy(overwrite=Overwrite.IF_NEWER, known=Known((file, there)))
    assert policy.decide(file, there).kind is SAME  # type: ignore[union-attr]
    grown = a_file(size=11, changed_ms=NOW_MS + 5_000)
    known = Known((grown, there))
    assert isinstance(a_policy(overwrite=Overwrite.IF_NEWER, known=known).decide(grown, there), Question)


UP, DOWN = ActionKind.UPLOAD, ActionKind.DOWNLOAD


@pytest.mark.parametrize(
    ("kind", "file_ns", "written_s", "kept_ns", "expected"),
    [
        # A restored file is as old as it was, its object was written later; and a file of the future stays newer.
        (DOWN, 1_000 * 10**9 + 5, 2_000, 1_000 * 10**9 + 5, SAME),
        (DOWN, 1_000 * 10**9 + 5, 2_000, 1_001 * 10**9, OVER),
        (DOWN, 1_000 * 10**9 + 5, 2_000, None, OVER),
        (DOWN, 1_000 * 10**9, 2_000, 1_001 * 10**9 + 5, SAME),  # as a file system with times of two seconds keeps it
        (DOWN, 1_000 * 10**9, 2_000, 1_002 * 10**9, OVER),
        (UP, 9_000 * 10**9 + 5, 2_000, 9_000 * 10**9 + 5, SAME),
        (UP, 9_000 * 10**9 + 5, 2_000, 8_000 * 10**9 + 5, OVER),
        (UP, 9_000 * 10**9 + 5, 2_000, None, OVER),
    ],
)
def test_the_time_that_an_object_keeps_takes_the_place_of_when_it_was_written(
    kind: ActionKind, file_ns: int, written_s: int, kept_ns: int | None, expected: VerdictKind
) -> None:
    file = ObjectRow(b"k", 10, str(Stamp(10, file_ns, file_ns, 7)), file_ns // 1_000_000)
    there = an_object(written_ms=written_s * 1_000)
    for policy in (a_policy(kind=kind, overwrite=Overwrite.IF_NEWER), a_policy(Compare.MTIME, kind=kind)):
        asked = policy.decide(*((file, there) if kind is UP else (there, file)))
        assert isinstance(asked, Question)
        assert asked.wanted is Wanted.TIME
        assert policy.conclude(asked, PairFound(mtime_ns=kept_ns)).kind is expected


def test_equal_times_are_what_is_left_where_no_bytes_can_be_compared() -> None:
    file, there = a_file(changed_ms=NOW_MS + 5_000), an_object(etag="abc-2")
    kept = PairFound(mtime_ns=(NOW_MS + 5_000) * 1_000_000)
    for words, rule in (((), "same size, and the time that the object keeps"), ((Compare.ETAG,), NEWER_UNPROVEN)):
        policy = a_policy(*words)
        asked = policy.decide(file, there)
        assert isinstance(asked, Question)
        assert policy.conclude(asked, kept).rule == rule


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((Compare.SIZE,), (SAME, "same size", 0)),
        ((Compare.MTIME,), (SAME, "not newer", 0)),
        ((Compare.SIZE, Compare.MTIME), (SAME, "not newer", 0)),
        ((Compare.SIZE, Compare.ETAG, Compare.MTIME), (SAME, UNTOUCHED, 0)),
        ((Compare.ETAG,), (SAME, "same MD5", 1)),  # no time is believed
        ((Compare.CHECKSUM,), (SAME, "same MD5", 1)),
        ((Compare.CHECKSUM, Compare.MTIME), (SAME, "same MD5", 1)),
    ],
)
def test_compare_narrows_what_is_looked_at(words: tuple[Compare, ...], expected: tuple[VerdictKind, str, int]) -> None:
    untouched = an_object(written_ms=NOW_MS + 60_001)
    assert decide(a_file(), untouched, *words) == expected
    if Compare.SIZE not in words and words != (Compare.MTIME,):
        assert decide(a_file(size=11), untouched, *words)[1] == "size differs"


def test_a_checksum_is_asked_for_whatever_is_known() -> None:
    file, there = a_file(), an_object(written_ms=NOW_MS + 60_001)
    assert isinstance(a_policy(Compare.CHECKSUM, known=Known((file, there))).decide(file, there), Question)
