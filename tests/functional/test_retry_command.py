"""`s3plan retry`: what failed or went stale becomes a new plan, with the pins of now."""

from __future__ import annotations

import pytest
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace

RETRY = ".s3plan/job.retry-1.s3plan"


def retried(place: Workplace, *words: str) -> dict[str, object]:
    ended = place.command.run("retry", place.plan_file, "--json", *words)
    assert ended.exit_code == 0, ended.output
    return ended.event("plan")


@BY_BOTH_ENGINES
def test_stale_and_failed_actions_become_a_plan_of_their_own(place: Workplace) -> None:
    place.seed("source", count=2_000, size_bytes=10)
    place.buckets("destination")
    place.manifest(run={"retries": 0})
    place.plan(probe=True)
    keys = sorted(place.keys("source"))
    place.seed("source", keys[7], size_bytes=11)  # stale
    place.seed("source", keys[1_500], size_bytes=12)
    place.s3.delete_object(Bucket="source", Key=keys[1_999])  # stale, and there is nothing to copy any more
    ended = place.command.run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 3, ended.output
    lists = place.server.stats().requested("ListObjectsV2")

    plan = retried(place)
    assert place.server.stats().requested("ListObjectsV2") - lists <= 12, "only these keys are looked at"
    assert plan["path"] == str(place.folder / RETRY)
    header = plan["header"]
    assert isinstance(header, dict)
    assert header["actions"] == 2
    assert header["jobs"][0]["source"]["note"] == "only 3 keys were looked at, those whose actions had not ended well"

    ended = place.command.run("apply", place.folder / RETRY, "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.listed("destination")[keys[7]].size_bytes == 11
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


def test_it_is_shown_like_any_plan_and_applied_only_when_somebody_says_yes(place: Workplace) -> None:
    a_stale_object(place)
    ended = place.command.run("retry", place.plan_file)
    assert ended.exit_code == 0
    assert "Plan: 1 to copy" in ended.stdout
    assert f"s3plan apply {RETRY}" in ended.stdout
    assert "only 1 key was looked at" in ended.stdout
    refused = place.command.run("apply", place.folder / RETRY)
    assert refused.exit_code == 6
    shown = place.command.run("show", place.folder / RETRY, "--list")
    assert "k1" in shown.stdout


def a_stale_object(place: Workplace, *stale: str) -> None:
    place.seed("source", "k1", "k10", "k2", size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    place.seed("source", *(stale or ["k1"]), size_bytes=11)
    assert place.apply().exit_code == 3


def test_what_it_finds_right_by_now_needs_no_action(place: Workplace) -> None:
    a_stale_object(place)
    place.s3.copy_object(Bucket="destination", Key="k1", CopySource={"Bucket": "source", "Key": "k1"})
    header = retried(place)["header"]
    assert isinstance(header, dict)
    assert header["actions"] == 0


def test_each_retry_has_a_file_of_its_own(place: Workplace) -> None:
    a_stale_object(place)
    names = [str(retried(place)["path"]) for _ in range(2)]
    assert [name.rpartition("/")[2] for name in names] == ["job.retry-1.s3plan", "job.retry-2.s3plan"]
    place.seed("source", "k1", size_bytes=12)
    assert place.command.run("apply", names[1], "--yes").exit_code == 3
    again = place.command.run("retry", names[1], "--json")
    assert str(again.event("plan")["path"]).endswith("/job.retry-3.s3plan")
    assert place.command.run("apply", str(again.event("plan")["path"]), "--yes").exit_code == 0
    place.assert_nothing_left()


def test_withheld_deletes_are_in_it_and_their_guard_counts_the_whole_job(place: Workplace) -> None:
    place.seed("source", count=100, size_bytes=10)
    place.seed("destination", count=4, start=100, size_bytes=5)
    place.seed("destination", count=50, size_bytes=10)
    place.manifest(guards={"max_delete": "10%"}, **MIRROR)
    place.plan(probe=True)
    key = sorted(place.keys("source"))[70]
    place.seed("source", key, size_bytes=11)
    assert place.apply().exit_code == 3
    assert len(place.keys("destination") - place.keys("source")) == 4

    header = retried(place)["header"]
    assert isinstance(header, dict)
    assert header["actions"] == 5
    assert [
        (guard["name"], guard["held"]) for guard in header["jobs"][0]["guards"] if guard["name"] == "max_delete"
    ] == [("max_delete", False)]
    assert place.command.run("apply", place.folder / RETRY, "--yes").exit_code == 0
    assert place.keys("destination") == place.keys("source")
    place.assert_nothing_left()


def test_a_key_that_came_back_to_the_source_is_not_deleted_by_it(place: Workplace) -> None:
    place.seed("source", "a", "b", size_bytes=10)
    place.seed("destination", "gone", size_bytes=10)
    place.manifest(guards={"max_delete": "100%"}, **MIRROR)
    place.plan(probe=True)
    place.seed("source", "a", size_bytes=11)
    assert place.apply().exit_code == 3
    place.seed("source", "gone", size_bytes=10)
    assert place.command.run("retry", place.plan_file).exit_code == 0
    assert place.command.run("apply", place.folder / RETRY, "--yes").exit_code == 0
    assert place.keys("destination") == {"a", "b", "gone"}


def test_odd_keys_are_found_again(place: Workplace) -> None:
    keys = ["a b+c", "ü/ö", "x/../y", "\U0001f600", "a\u2028b", "k" * 1_000, "%41", "a&<>\"'"]
    place.seed("source", *keys, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    for key in keys:
        place.s3.put_object(Bucket="source", Key=key, Body=b"changed")
    assert place.apply().exit_code == 3
    header = retried(place)["header"]
    assert isinstance(header, dict)
    assert header["actions"] == len(keys)
    assert place.command.run("apply", place.folder / RETRY, "--yes").exit_code == 0
    place.assert_nothing_left()


def test_where_nothing_failed_there_is_nothing_to_retry(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.carry_out()
    ended = place.command.run("retry", place.plan_file)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "every action that was tried is as planned; there is nothing to retry" in ended.stderr
    assert not (place.folder / RETRY).exists()


def test_a_plan_that_was_never_applied_has_nothing_to_retry(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan()
    ended = place.command.run("retry", place.plan_file)
    assert ended.exit_code == 64
    assert "was never applied" in ended.stderr
    ended = place.command.run("failures", place.plan_file)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "was never applied: there are no failures to list" in ended.stderr


def test_a_plan_or_journal_that_is_not_there_has_no_clean_record(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=10)
    place.buckets("destination")
    place.carry_out()
    for words in (["failures"], ["failures", "--json"], ["failures", "--csv"], ["retry"]):
        ended = place.command.run(*words, "no.s3plan")
        assert (ended.exit_code, ended.stdout) == (4, "")
        assert "there is no plan at no.s3plan" in ended.stderr
        ended = place.command.run(*words, place.plan_file, "--journal", "no.s3run")
        assert (ended.exit_code, ended.stdout) == (64, "")
        assert "there is no journal at no.s3run; name the one that `apply --journal` was given" in ended.stderr
    ended = place.command.run("status", place.plan_file, "--journal", "no.s3run")
    assert "none yet at no.s3run" in ended.stdout


def test_a_plan_whose_journal_is_gone_has_to_be_applied_again_first(place: Workplace) -> None:
    a_stale_object(place)
    place.journal.unlink()
    for word in ("retry", "failures"):
        ended = place.command.run(word, place.plan_file)
        assert (ended.exit_code, ended.stdout) == (4, "")
        assert "was applied, but its journal is gone; `s3plan apply" in ended.stderr
    assert "was applied, but its journal is gone" in place.command.run("status", place.plan_file).stdout
    assert place.apply().exit_code == 3
    assert place.command.run("retry", place.plan_file).exit_code == 0


@pytest.mark.parametrize(
    ("stale", "said"),
    [
        (["k1", "k2"], "ListObjectsV2: AccessDenied"),  # several keys are listed
        (["k1"], "HeadObject: HTTP403"),  # a single one is asked for, and that answer has no body to name the error
    ],
)
def test_a_store_that_says_no_leaves_no_plan(place: Workplace, stale: list[str], said: str) -> None:
    a_stale_object(place, *stale)
    asked = ("HeadObject", "ListObjectsV2")  # a key whose HEAD is denied is listed
    place.server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation=name, times=None) for name in asked])
    ended = place.command.run("retry", place.plan_file)
    assert ended.exit_code == 1
    assert said in ended.stderr
    assert not (place.folder / RETRY).exists()
