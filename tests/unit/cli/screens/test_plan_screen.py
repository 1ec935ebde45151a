from __future__ import annotations

from datetime import timedelta
from textwrap import dedent

from fakes.shown_plans import DIGEST, MADE_AT, NOW, a_header, a_shown_plan, guard, prefix, screen, total
from s3plan.cli.screens.guard_lines import blocked_text
from s3plan.cli.screens.plan import next_step_lines, plan_lines, totals_line
from s3plan.schemas.plan.actions import VerdictKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.plan.header import CapabilityRecord, ListingRecord
from s3plan.schemas.plan.header_parts import EncryptionRecord


def _screen_of(**changes: object) -> str:
    plan = a_shown_plan(a_header(**changes))
    return screen([*plan_lines(plan, now=NOW), *next_step_lines(plan)])


def test_the_whole_screen_of_a_mirror() -> None:
    assert _screen_of() == dedent(
        f"""\
        Plan 9f86d081 of job images (mirror, overwrite if-different)
          source       s3://prod-assets/images/
                       AWS, region eu-central-1, default connection
                       9,012 objects, 41.0 GiB; 31 left out by filters
          destination  s3://dr-assets/images/
                       AWS, region eu-central-1, default connection
                       104 objects, 1.0 GiB
          new objects  storage class: as at the source; encryption: the bucket's default
          plan         .s3plan/images.s3plan, made 3 min 20 s ago

        - 4 objects to delete, 2.9 KiB
            because  not in source  4  2.9 KiB
            in       old0/          1    750 B
                     old1/          1    750 B
                     old2/          1    750 B
                     old3/          1    750 B

        ~ 21 objects to overwrite, 6.0 MiB
            because  size differs  20  5.0 MiB
                     newer          1  1.0 MiB
            in       2023/         21  6.0 MiB

        + 8,912 objects to copy, 40.0 GiB
            because  not in destination  8,912  40.0 GiB
            in       2024/01/            1,001   1.0 GiB
                     2024/02/            1,002   1.0 GiB
                     2024/03/            1,003   1.0 GiB
                     2024/04/            1,004   1.0 GiB
                     2024/05/            1,005   1.0 GiB
                     (other prefixes)    3,021   3.0 GiB

          79 objects unchanged, 1.0 MiB
            because  same ETag  79  1.0 MiB

        Guards
          max_delete           ok  4 found, at most 26 allowed (25%, the default)
          refuse_empty_source  ok  the source is not empty

        Pins
          enforced by the store  all conditions

        Plan: 8,912 to copy, 21 to overwrite, 4 to delete (40.0 GiB).
          every action:        s3plan show --list .s3plan/images.s3plan
          apply it:            s3plan apply .s3plan/images.s3plan
          without a terminal:  s3plan apply .s3plan/images.s3plan --expect {DIGEST}"""
    )


def test_prefixes_of_deletes_are_never_cut() -> None:
    many = tuple(prefix(VerdictKind.DELETE, f"p{number:02}/", 1, 1) for number in range(20))
    text = _screen_of(prefixes=(*many, prefix(VerdictKind.DELETE, "(7 more prefixes)", 9, 9)))
    assert all(f" p{number:02}/ " in text for number in range(20))
    assert "(7 more prefixes)" in text


def test_show_cuts_no_prefix() -> None:
    text = screen(plan_lines(a_shown_plan(), now=NOW, prefixes=None))
    assert "2024/08/" in text
    assert "(other prefixes)" not in text


def test_nothing_to_do_says_what_is_there() -> None:
    unchanged = total(VerdictKind.UNCHANGED, "same ETag", 8_912, 1)
    assert totals_line(a_header(totals=(unchanged,), actions=0)) == "Nothing to do: 8,912 objects are as planned."
    others = (total(VerdictKind.SKIPPED, "archived", 3, 1), total(VerdictKind.CONFLICT, "key too long", 1, 1))
    assert (
        totals_line(a_header(totals=(unchanged, *others), actions=0))
        == "Nothing can be done: 8,912 objects are as planned, 3 objects skipped, 1 object in conflict."
    )


def test_a_plan_that_does_nothing_is_not_offered_to_be_applied() -> None:
    assert next_step_lines(a_shown_plan(a_header(totals=(), actions=0))) == []


def test_conflicts_are_in_the_last_line() -> None:
    header = a_header(totals=(total(VerdictKind.CONFLICT, "key too long", 2, 1),))
    assert totals_line(header) == "Plan: 0 to copy, 0 to overwrite, 0 to delete, 2 in conflict (40.0 GiB)."
    assert "! 2 objects in conflict, 1 B" in screen(plan_lines(a_shown_plan(header), now=NOW))


def test_a_blocked_plan_names_guard_limit_finding_and_the_exact_release() -> None:
    header = a_header(
        guards=(
            guard("max_delete", "10%", allowed=1_000, found=1_204),
            guard("max_bytes", "1GiB", allowed=2**30, found=2**31),
            guard("max_overwrite", "1", allowed=1, found=2, released=True),
        )
    )
    assert blocked_text(header, release=["s3plan", "plan", "my job.yaml"]) == dedent(
        """\
        blocked by 2 guards; the plan is saved to be shown, it cannot be applied
          max_delete: 1,204 found, at most 1,000 allowed (10%)
          max_bytes: 2.0 GiB (2,147,483,648 bytes) found, at most 1.0 GiB (1,073,741,824 bytes) allowed
        To allow exactly this: s3plan plan 'my job.yaml' --allow max_delete=1204 --allow max_bytes=2147483648"""
    )
    text = screen(plan_lines(a_shown_plan(header), now=NOW))
    assert "max_delete     BLOCKED   1,204 found" in text
    assert "max_overwrite  released  2 found" in text
    assert next_step_lines(a_shown_plan(header)) == []


def test_an_empty_source_is_said_in_words() -> None:
    header = a_header(guards=(guard("refuse_empty_source", "true (default)", allowed=0, found=1),))
    assert "refuse_empty_source: the source has no objects" in blocked_text(header, release=["s3plan", "plan"])


def test_pins_say_what_the_store_does_and_what_s3plan_does_instead() -> None:
    capabilities = tuple(
        CapabilityRecord(
            condition=condition,
            enforcement=Enforcement.CHECKED if condition is Condition.DELETE_MATCH else Enforcement.ENFORCED,
        )
        for condition in (Condition.COPY_ABSENT, Condition.COPY_MATCH, Condition.DELETE_MATCH)
    )
    text = _screen_of(capabilities=capabilities)
    assert "enforced by the store                                     copy-absent, copy-match\n" in text
    assert "checked by s3plan before it acts, the store ignores them  delete-match\n" in text


def test_a_bucket_to_be_made_encryption_expiry_and_warnings_are_said() -> None:
    settings = (
        a_header()
        .jobs[0]
        .settings.model_copy(
            update={"encryption": EncryptionRecord(type="aws:kms", key_id="alias/dr"), "storage_class": "GLACIER_IR"}
        )
    )
    text = _screen_of(
        settings=settings,
        destination=ListingRecord(objects=0, bytes=0, pages=0, complete=True, bucket_exists=False),
        expires_at=MADE_AT + timedelta(hours=48),
        warnings=("etag cannot be compared for 3 objects",),
    )
    assert "the bucket does not exist yet; apply creates dr-assets in eu-central-1 at AWS\n" in text
    assert "storage class: GLACIER_IR; encryption: aws:kms with alias/dr" in text
    assert "expires 2026-05-06 12:00:00 UTC (in 1 d 23 h)" in text
    assert "\nwarning: etag cannot be compared for 3 objects\n" in text


def test_an_expired_plan_says_so() -> None:
    assert "expired 2026-05-04 12:01:00 UTC (2 min 20 s ago)" in _screen_of(expires_at=MADE_AT + timedelta(minutes=1))


def test_text_from_a_plan_file_cannot_draw_on_the_screen() -> None:
    header = a_header(
        prefixes=(prefix(VerdictKind.DELETE, "[red]\x1b[2J\u202e/", 1, 1),),
        totals=(total(VerdictKind.DELETE, "\x07rule", 1, 1),),
        warnings=("\x1b]0;title\x07",),
    )
    plan = a_shown_plan(header, source="s3://bucket/\x1b[31m/")
    text = screen(plan_lines(plan, now=NOW))
    assert text.replace("\n", "").isprintable()
    assert "[red]\\x1b[2J\\u202e/" in text
