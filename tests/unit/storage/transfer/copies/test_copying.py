"""Small copies, row by row: what a refusal, a lost reply or a changed side makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, BEGUN_MS, CopyWorld
from fakes.faulty_engine import Fault
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.objects import STANDARD
from s3plan.schemas.outcomes import OutcomeKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import CopyObject, HeadObject, ListObjects, ObjectFound


@pytest.fixture(params=["enforced", "checked"])
def world(request: pytest.FixtureRequest) -> CopyWorld:
    return CopyWorld(capabilities=ALL_ENFORCED if request.param == "enforced" else ALL_CHECKED)


@pytest.fixture
def enforced() -> CopyWorld:
    return CopyWorld()


@pytest.fixture
def checked() -> CopyWorld:
    return CopyWorld(capabilities=ALL_CHECKED)


def test_an_absent_object_is_copied_with_one_request(enforced: CopyWorld) -> None:
    enforced.put_source("a", b"one")
    attempt = enforced.perform(enforced.plan_copy("a"))
    assert attempt.kinds == ["done"]
    assert enforced.body("a") == b"one"
    (request,) = enforced.engine.requests
    assert isinstance(request, CopyObject)
    assert (request.key, request.source_key) == ("out/a", "in/a")
    assert request.if_absent
    assert request.if_match is None
    assert request.source_if_match is not None


def test_an_overwrite_is_pinned_to_the_object_that_the_plan_saw(enforced: CopyWorld) -> None:
    enforced.put_source("a", b"new")
    old = enforced.put_destination("a", b"old")
    assert enforced.perform(enforced.plan_copy("a")).kinds == ["done"]
    (request,) = enforced.engine.requests
    assert isinstance(request, CopyObject)
    assert (request.if_absent, request.if_match) == (False, old.etag)


def test_a_pin_that_the_store_does_not_hold_is_looked_at_and_not_sent(checked: CopyWorld) -> None:
    """OpenStack Swift answers 412 to every copy with If-None-Match, and 501 to every one with If-Match."""
    checked.put_source("new", b"one")
    checked.put_source("old", b"one")
    checked.put_destination("old", b"two")
    assert checked.perform(checked.plan_copy("new"), checked.plan_copy("old")).kinds == ["done", "done"]
    sent = [request for request in checked.engine.requests if isinstance(request, CopyObject)]
    assert [(request.source_if_match, request.if_absent, request.if_match) for request in sent] == [
        (None, False, None)
    ] * 2


def test_storage_class_and_encryption_are_asked_for_and_the_bandwidth_is_charged(enforced: CopyWorld) -> None:
    enforced.put_source("a", b"12345")
    enforced.encryption = Encryption("aws:kms", "alias/key")
    assert enforced.perform(enforced.plan_copy("a", storage_class="STANDARD_IA")).kinds == ["done"]
    found = enforced.found("a")
    assert found is not None
    assert (found.storage_class, found.encryption) == ("STANDARD_IA", "aws:kms")
    assert enforced.steering.reserved_bytes == [5]


def test_metadata_and_tags_come_with_the_object(enforced: CopyWorld) -> None:
    attributes = ObjectAttributes({"colour": "blue"}, {"ContentType": "image/png"}, {"team": "a"})
    enforced.put_source("a", b"one", attributes=attributes)
    enforced.perform(enforced.plan_copy("a"))
    found = enforced.found("a")
    assert found is not None
    assert (found.attributes, found.storage_class) == (attributes, STANDARD)


@pytest.mark.parametrize("state", ["absent", "present"])
def test_a_changed_source_is_stale_and_the_destination_keeps_its_object(world: CopyWorld, state: str) -> None:
    world.put_source("a", b"one")
    if state == "present":
        world.put_destination("a", b"old")
    action = world.plan_copy("a")
    world.put_source("a", b"two")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason[:14]) == (OutcomeKind.STALE, "source changed")
    assert world.body("a") == (b"old" if state == "present" else None)


@pytest.mark.parametrize("state", ["absent", "present"])
def test_a_source_that_is_gone_is_stale(world: CopyWorld, state: str) -> None:
    world.put_source("a", b"one")
    if state == "present":
        world.put_destination("a", b"old")
    action = world.plan_copy("a")
    world.remove_source("a")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason) == (OutcomeKind.STALE, "source gone")
    assert world.body("a") == (b"old" if state == "present" else None)


def test_a_destination_created_after_the_plan_is_kept(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.put_destination("a", b"other")
    outcome = world.perform(action).only
    assert outcome.kind is OutcomeKind.STALE
    assert outcome.reason.startswith("destination created after the plan")
    assert world.body("a") == b"other"


def test_a_destination_created_before_the_run_with_the_same_size_is_kept(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.put_destination("a", b"two")
    world.tick(60)
    assert world.perform(action).kinds == ["stale"]
    assert world.body("a") == b"two"


def test_a_destination_changed_after_the_plan_is_kept(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    world.put_destination("a", b"old")
    action = world.plan_copy("a")
    world.put_destination("a", b"newer")
    outcome = world.perform(action).only
    assert outcome.kind is OutcomeKind.STALE
    assert outcome.reason.startswith("destination changed: etag ")
    assert world.body("a") == b"newer"


def test_a_destination_that_is_gone_is_stale_and_not_made_anew(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    world.put_destination("a", b"old")
    action = world.plan_copy("a")
    world.remove_destination("a")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason) == (OutcomeKind.STALE, "destination gone")
    assert world.body("a") is None


def test_a_destination_that_somebody_made_as_planned_is_already_done_by_its_etag(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.put_destination("a", b"one")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.ALREADY_DONE, "by etag")
    assert not world.engine.writes


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BAD_REPLY])
@pytest.mark.parametrize("state", ["absent", "present", "same bytes"])
def test_a_lost_reply_of_a_copy_is_settled_by_a_look_and_nothing_is_written_twice(
    world: CopyWorld, fault: Fault, state: str
) -> None:
    world.put_source("a", b"one")
    if state != "absent":
        world.put_destination("a", b"one" if state == "same bytes" else b"old")
    world.engine.fail(fault, operation=CopyObject)
    outcome = world.perform(world.plan_copy("a")).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.ALREADY_DONE, "by etag")
    assert world.body("a") == b"one"
    assert world.engine.writes == {"out/a": 1}


def test_a_lost_reply_of_a_copy_with_another_etag_is_settled_by_checksum(enforced: CopyWorld) -> None:
    enforced.put_source("a", b"one", etag="0" * 32 + "-3")
    enforced.engine.fail(Fault.LOST, operation=CopyObject)
    outcome = enforced.perform(enforced.plan_copy("a")).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.ALREADY_DONE, "by checksum")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.INTERNAL, FailureKind.TRANSIENT),
        (Fault.SLOW_DOWN, FailureKind.THROTTLED),
        (Fault.UNREACHABLE, FailureKind.UNREACHABLE),
        (Fault.CONFLICT, FailureKind.CONFLICT),
        (Fault.EXPIRED, FailureKind.CREDENTIALS_EXPIRED),
    ],
)
def test_what_was_not_executed_is_unknown_with_its_class_for_the_scheduler(
    world: CopyWorld, fault: Fault, kind: FailureKind
) -> None:
    world.put_source("a", b"one")
    world.engine.fail(fault, operation=CopyObject)
    outcome = world.perform(world.plan_copy("a")).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.UNKNOWN, kind)
    assert world.body("a") is None


def test_a_denied_copy_is_failed_and_names_the_permissions(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    world.engine.fail(Fault.DENIED, operation=CopyObject)
    outcome = world.perform(world.plan_copy("a")).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.FAILED, FailureKind.DENIED)
    assert "s3:PutObject" in outcome.reason


def test_an_archived_source_is_skipped(world: CopyWorld) -> None:
    world.put_source("a", b"one", storage_class="GLACIER")
    outcome = world.perform(world.plan_copy("a")).only
    assert outcome.kind is OutcomeKind.SKIPPED
    assert "restore" in outcome.reason


def test_a_store_that_refuses_pins_that_hold_is_not_believed_and_not_stale(enforced: CopyWorld) -> None:
    """Ceph 16 compares the quotes too; here, the object that stood in the way is gone when it is looked at."""
    enforced.put_source("a", b"one")
    enforced.put_destination("a", b"old")
    action = enforced.plan_copy("a")
    enforced.put_destination("a", b"meanwhile")

    def put_back(request: object) -> None:
        if isinstance(request, HeadObject):
            enforced.put_destination("a", b"old")

    enforced.engine.on_request = put_back
    outcome = enforced.perform(action).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.UNKNOWN, FailureKind.CONFLICT)


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.SLOW_DOWN, Fault.DENIED, Fault.EXPIRED, Fault.BAD_REPLY])
@pytest.mark.parametrize("number", [1, 2])
def test_a_look_that_fails_never_decides(enforced: CopyWorld, fault: Fault, number: int) -> None:
    enforced.put_source("a", b"one")
    action = enforced.plan_copy("a")
    enforced.engine.fail(Fault.INTERNAL, operation=CopyObject)
    enforced.engine.fail(fault, number=number, operation=HeadObject)
    enforced.engine.fail(fault, operation=ListObjects)  # what is asked where HEAD is denied
    outcome = enforced.perform(action).only
    assert outcome.kind in {OutcomeKind.UNKNOWN, OutcomeKind.FAILED}
    assert (outcome.kind is OutcomeKind.FAILED) == (fault is Fault.DENIED)
    enforced.engine.mend()
    again = enforced.perform(action, generation=2, doubtful=[0]).only
    assert again.kind is OutcomeKind.DONE


def test_a_checked_batch_is_looked_at_by_one_listing_of_each_side(checked: CopyWorld) -> None:
    for number in range(50):
        checked.put_source(f"{number:03d}", b"one")
    actions = [checked.plan_copy(f"{number:03d}") for number in range(50)]
    assert set(checked.perform(*actions).kinds) == {"done"}
    assert checked.engine.asked(ListObjects) == 2
    assert checked.engine.asked(HeadObject) == 0


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.SLOW_DOWN, Fault.DENIED, Fault.UNREACHABLE])
@pytest.mark.parametrize("number", [1, 2])
def test_a_checked_batch_whose_look_fails_writes_nothing(checked: CopyWorld, fault: Fault, number: int) -> None:
    for key in "abc":
        checked.put_source(key, b"one")
    checked.engine.fail(fault, number=number, operation=ListObjects)
    attempt = checked.perform(*(checked.plan_copy(key) for key in "abc"))
    assert set(attempt.kinds) == {"failed" if fault is Fault.DENIED else "unknown"}
    assert not checked.engine.writes


def test_each_pin_that_the_store_ignores_brings_the_look_by_itself() -> None:
    for condition in (Condition.COPY_SOURCE_MATCH, Condition.COPY_ABSENT, Condition.COPY_MATCH):
        world = CopyWorld(capabilities={**ALL_ENFORCED, condition: Enforcement.CHECKED})
        world.put_source("new", b"one")
        world.put_source("old", b"one")
        world.put_destination("old", b"two")
        world.perform(world.plan_copy("new"), world.plan_copy("old"))
        assert world.engine.asked(ListObjects) + world.engine.asked(HeadObject) == 2, condition


def test_a_doubtful_copy_on_an_enforcing_store_needs_no_look_before_it_is_sent(enforced: CopyWorld) -> None:
    enforced.put_source("a", b"one")
    action = enforced.plan_copy("a")
    enforced.perform(action)
    enforced.engine.requests.clear()
    outcome = enforced.perform(action, generation=2, doubtful=[0]).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.ALREADY_DONE, "by etag")
    assert enforced.engine.asked(CopyObject) == 1
    assert enforced.engine.asked(HeadObject) == 1


def test_a_doubtful_overwrite_that_keeps_the_etag_is_looked_at_before_it_is_written_again(world: CopyWorld) -> None:
    """`overwrite: always` over the same bytes: the pin of the destination holds before and after."""
    world.put_source("a", b"one")
    world.put_destination("a", b"one")
    action = world.plan_copy("a")
    assert world.perform(action).kinds == ["done"]
    outcome = world.perform(action, generation=2, doubtful=[0]).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.ALREADY_DONE, "by etag")
    assert world.engine.writes == {"out/a": 1}


def test_a_doubtful_overwrite_that_keeps_the_etag_and_was_not_made_yet_is_made(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    world.put_destination("a", b"one")
    action = world.plan_copy("a")
    assert world.perform(action, generation=2, doubtful=[0]).kinds == ["done"]
    assert world.engine.writes == {"out/a": 1}


def test_a_doubtful_copy_under_a_random_etag_is_found_by_size_and_time(world: CopyWorld) -> None:
    world.encryption = Encryption("aws:kms", None)
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    assert world.perform(action).kinds == ["done"]
    outcome = world.perform(action, generation=2, doubtful=[0]).only
    assert outcome.kind is OutcomeKind.ALREADY_DONE
    assert outcome.evidence in {"by checksum", "by size and time"}
    assert world.engine.writes == {"out/a": 1}


def test_a_vanished_source_is_stale_and_a_new_copy_settled_where_head_may_not_say_that_nothing_is_there(
    enforced: CopyWorld,
) -> None:
    """HEAD of an absent key is a 403 for credentials without s3:ListBucket, or with it for a prefix only."""
    denied = Failure(FailureKind.DENIED, "HeadObject", "HTTP403", "access denied", 403)
    enforced.engine.answer = lambda request, reply: (
        denied if isinstance(request, HeadObject) and isinstance(reply, Failure) else reply
    )
    for key in ("gone", "new"):
        enforced.put_source(key, b"one")
    actions = [enforced.plan_copy("gone"), enforced.plan_copy("new")]
    enforced.remove_source("gone")
    enforced.engine.fail(Fault.INTERNAL, number=2, operation=CopyObject)
    attempt = enforced.perform(*actions)
    assert attempt.kinds == ["stale", "unknown"]
    assert attempt.outcomes[0].reason == "source gone"
    assert attempt.outcomes[1].failure is FailureKind.TRANSIENT, "a passing 500 is tried again, it is no denial"


@pytest.mark.parametrize("second", [0, 1, 60])
def test_other_bytes_of_the_same_size_that_somebody_writes_during_the_run_are_theirs(
    world: CopyWorld, second: int
) -> None:
    """Also with an ETag that no MD5 sum could contradict, and in the second in which the batch begins."""
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.begin()
    world.now_ms += second * 1000
    world.put_destination("a", b"two", etag="0" * 32 + "-1")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.STALE, "")
    assert world.body("a") == b"two"


def test_after_an_unclear_attempt_another_md5_sum_still_says_that_it_is_not_ours(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.begin()
    world.tick(60)
    world.put_destination("a", b"two")
    without_checksums(world)
    assert world.perform(action, generation=2, doubtful=[0]).kinds == ["stale"]
    assert world.body("a") == b"two"


def test_what_was_written_before_the_unclear_attempt_of_that_very_action_is_not_its_work(world: CopyWorld) -> None:
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.begin()
    world.tick(60)
    world.put_destination("a", b"two", etag="0" * 32 + "-1")
    without_checksums(world)
    since = {0: BEGUN_MS + 60_000}
    assert world.perform(action, generation=2, doubtful=[0], doubtful_since_ms=since).kinds == ["stale"]
    outcome = world.perform(action, generation=2, doubtful=[0], doubtful_since_ms={0: since[0] - 1000}).only
    assert (outcome.kind, outcome.evidence) == (OutcomeKind.ALREADY_DONE, "by size and time")


@pytest.mark.parametrize("state", ["changed", "gone"])
def test_a_destination_that_agrees_with_another_source_than_the_pinned_one_is_not_ours(
    world: CopyWorld, state: str
) -> None:
    """Somebody has put the new source there, too: its checksum is that of the source, but not of what was planned."""
    world.put_source("a", b"one")
    action = world.plan_copy("a")
    world.put_source("a", b"two")
    world.put_destination("a", b"two", etag="0" * 32 + "-1")
    if state == "gone":
        world.remove_source("a")
    assert world.perform(action).kinds == ["stale"]
    assert world.perform(action, generation=2, doubtful=[0]).kinds == ["stale"]


def without_checksums(world: CopyWorld) -> None:
    world.engine.answer = lambda _, reply: replace(reply, checksums={}) if isinstance(reply, ObjectFound) else reply
