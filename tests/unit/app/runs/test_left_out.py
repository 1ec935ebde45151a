from __future__ import annotations

from fakes.shown_plans import a_header, total
from s3plan.app.runs.left_out import left_out_sentences
from s3plan.schemas.plan.actions import VerdictKind


def test_archived_objects_are_named_with_their_classes() -> None:
    header = a_header(
        totals=(
            total(VerdictKind.SKIPPED, "archived: GLACIER", 1_200, 9),
            total(VerdictKind.SKIPPED, "filtered: size above 1GiB", 5, 9),
            total(VerdictKind.SKIPPED, "archived: DEEP_ARCHIVE", 3, 9),
        )
    )
    (said,) = left_out_sentences(header)
    assert said.startswith("1,203 archived objects were left out (1,200 GLACIER, 3 DEEP_ARCHIVE): to copy them, ")


def test_one_is_one_and_none_is_nothing() -> None:
    one = a_header(totals=(total(VerdictKind.SKIPPED, "archived: GLACIER", 1, 9),))
    assert left_out_sentences(one)[0].startswith("1 archived object was left out (1 GLACIER)")
    assert left_out_sentences(a_header()) == ()
