"""Large objects in parts of four bytes: what is set again, what is resumed, whose uploads are touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.copy_world import ALL_CHECKED, ALL_ENFORCED, BEGUN_MS, PART_BYTES, CopyWorld, Memory
from fakes.faulty_engine import Fault
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import OutcomeKind, UploadEnded
from s3plan.schemas.requests.attributes import Encryption, ObjectAttributes
from s3plan.schemas.requests.objects import HeadObject, ListObjects, ObjectWritten, Reply, Request
from s3plan.schemas.requests.uploads import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    UploadPartCopy,
)
from s3plan.schemas.tasks import KnownUpload
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.memory.store import StoredUpload, md5_of

BODY = b"0123456789abcdef!"  # five parts
PARTS = 5


@pytest.fixture(params=["enforced", "checked"])
def world(request: pytest.FixtureRequest) -> CopyWorld:
    world = CopyWorld(capabilities=ALL_ENFORCED if request.param == "enforced" else ALL_CHECKED)
    world.put_source("big", BODY)
    return world


def open_upload(world: CopyWorld, *parts: bytes, key: str = "out/big") -> str:
    """Open an upload as if by somebody who is not watched, with these parts."""
    upload_id = world.store.new_upload_id()
    bucket = world.store.bucket("right")
    bucket.uploads[upload_id] = StoredUpload(key, world.now_ms // 1000 * 1000, ObjectAttributes(), "STANDARD", "AES256")
    bucket.uploads[upload_id].parts.update({at: (md5_of(part), part) for at, part in enumerate(parts, start=1)})
    return upload_id


def known(world: CopyWorld, upload_id: str, *numbers: int) -> KnownUpload:
    stored = world.store.bucket("right").uploads[upload_id].parts
    return KnownUpload(0, upload_id, PART_BYTES, tuple((number, stored[number][0]) for number in numbers))


def test_a_large_object_is_copied_in_pinned_parts(world: CopyWorld) -> None:
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == ["done"]
    found = world.found("big")
    assert found is not None
    assert (found.body, found.etag[-2:]) == (BODY, "-5")
    source = world.store.bucket("left").stored("in/big")
    parts = [request for request in world.engine.requests if isinstance(request, UploadPartCopy)]
    assert [(part.first_byte, part.last_byte) for part in parts] == [(0, 3), (4, 7), (8, 11), (12, 15), (16, 16)]
    # A pin that the store does not hold is looked at instead.
    assert {part.source_if_match for part in parts} == {source.etag if world.capabilities is ALL_ENFORCED else None}
    (complete,) = [request for request in world.engine.requests if isinstance(request, CompleteMultipartUpload)]
    assert complete.if_absent is (world.capabilities is ALL_ENFORCED)
    assert world.open_uploads == []
    assert sum(world.steering.reserved_bytes) == len(BODY)


def test_everything_that_such_a_copy_loses_is_set_again() -> None:
    world = CopyWorld()
    attributes = ObjectAttributes(
        {"colour": "blue"}, {"ContentType": "video/x", "CacheControl": "max-age=1"}, {"team": "a", "empty": ""}
    )
    world.put_source("big", BODY, attributes=attributes, storage_class="STANDARD_IA")
    world.encryption = Encryption("aws:kms", "alias/key", bucket_key=True)
    assert world.perform(world.plan_copy("big", storage_class="STANDARD_IA")).kinds == ["done"]
    found = world.found("big")
    assert found is not None
    assert (found.attributes, found.storage_class, found.encryption) == (attributes, "STANDARD_IA", "aws:kms")


@pytest.mark.parametrize("state", ["absent", "present"])
def test_a_changed_source_is_stale_and_opens_no_upload(world: CopyWorld, state: str) -> None:
    if state == "present":
        world.put_destination("big", b"old")
    action = world.plan_copy("big")
    world.put_source("big", BODY[::-1])
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason[:14]) == (OutcomeKind.STALE, "source changed")
    assert world.body("big") == (b"old" if state == "present" else None)
    assert world.engine.asked(CreateMultipartUpload) == 0


def test_a_source_that_is_gone_is_stale(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.remove_source("big")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason) == (OutcomeKind.STALE, "source gone")


@pytest.mark.parametrize("when", [UploadPartCopy, CompleteMultipartUpload])
@pytest.mark.parametrize("state", ["created", "changed", "gone"])
def test_a_destination_that_moves_while_parts_are_copied_is_kept(world: CopyWorld, when: type, state: str) -> None:
    if state != "created":
        world.put_destination("big", b"old")
    action = world.plan_copy("big")
    if when is CompleteMultipartUpload and world.capabilities is ALL_CHECKED:
        when = UploadPartCopy  # nothing can be noticed between the last look and the complete

    def move(request: Request) -> None:
        if isinstance(request, when):
            if state == "gone":
                world.remove_destination("big")
            else:
                world.put_destination("big", b"theirs")

    world.engine.on_request = move
    outcome = world.perform(action).only
    assert outcome.kind is OutcomeKind.STALE
    assert outcome.reason.startswith(f"destination {state}")
    assert world.body("big") == (None if state == "gone" else b"theirs")
    assert world.open_uploads == []


def test_a_source_that_changes_between_parts_never_arrives_mixed(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.steering.in_flight = 1

    def change(request: Request) -> None:
        if isinstance(request, UploadPartCopy) and request.number == 3:
            world.put_source("big", BODY[::-1])

    world.engine.on_request = change
    if world.capabilities is ALL_CHECKED:
        _ignore_source_pins(world)
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason[:14]) == (OutcomeKind.STALE, "source changed")
    assert (world.found("big"), world.open_uploads) == (None, [])


def _ignore_source_pins(world: CopyWorld) -> None:
    """Let the store copy parts whose pin does not hold."""
    plain = MemoryEngine(world.store)

    def answer(request: Request, reply: Reply) -> Reply:
        return plain.call(replace(request, source_if_match=None)) if isinstance(request, UploadPartCopy) else reply

    world.engine.answer = answer


def test_parts_that_are_stored_are_used_again(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.begin()
    mine = open_upload(world, BODY[:4], BODY[4:8])
    attempt = world.perform(action, generation=2, doubtful=[0], uploads=(known(world, mine, 1),))
    assert attempt.kinds == ["done"]
    assert world.body("big") == BODY
    assert world.engine.asked(UploadPartCopy) == PARTS - 2
    assert world.engine.asked(CreateMultipartUpload) == 0


def test_a_known_upload_is_cut_as_it_was_begun_whatever_the_settings_say_now(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.begin()
    mine = open_upload(world, BODY[:4])
    attempt = world.perform(
        action, generation=2, doubtful=[0], uploads=(known(world, mine, 1),), part_size_bytes=PART_BYTES + 3
    )
    assert attempt.kinds == ["done"]
    assert world.body("big") == BODY
    assert world.engine.asked(UploadPartCopy) == PARTS - 1


def test_stored_parts_of_another_length_are_copied_again(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.begin()
    mine = open_upload(world, BODY[:4], BODY[4:6], b"", b"", b"", b"", b"beyond the end")
    assert world.perform(action, generation=2, uploads=(known(world, mine, 1),)).kinds == ["done"]
    assert world.body("big") == BODY


def test_a_known_upload_that_is_gone_is_opened_anew(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    gone = KnownUpload(0, "upload-gone", PART_BYTES, ((1, "0" * 32),))
    attempt = world.perform(action, generation=2, doubtful=[0], uploads=(gone,))
    assert attempt.kinds == ["done"]
    assert UploadEnded(0, "upload-gone") in attempt.items


@pytest.mark.parametrize("parts", [(), (b"ABCD",), (b"ABCD", b"EFGH", b"IJKL", b"MNOP", b"!")])
def test_an_upload_of_this_key_is_never_taken_up_whatever_its_parts_look_like(
    world: CopyWorld, parts: tuple[bytes, ...]
) -> None:
    """Parts of our sizes and other bytes, put there by somebody else, would become the object."""
    action = world.plan_copy("big")
    world.begin()
    theirs = open_upload(world, *parts)
    attempt = world.perform(action, generation=2, doubtful=[0])
    assert attempt.kinds == ["done"]
    assert world.body("big") == BODY
    assert world.open_uploads == [theirs]
    assert world.engine.asked(UploadPartCopy) == PARTS
    (remark,) = attempt.remarks
    assert theirs in remark


def test_uploads_since_an_unclear_attempt_are_told_by_their_exact_key(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    open_upload(world)  # before it
    world.begin()
    told = [open_upload(world, BODY[:4]), open_upload(world)]
    others = [open_upload(world, key=key) for key in ("out/bigger", "out/big/", "out/big ")]
    attempt = world.perform(action, generation=2, doubtful=[0])
    assert attempt.kinds == ["done"]
    (remark,) = attempt.remarks
    assert {upload_id for upload_id in world.open_uploads if upload_id in remark} == set(told)
    assert set(world.open_uploads) > {*told, *others}


@pytest.mark.parametrize("case", ["older", "other key", "not doubtful"])
def test_uploads_of_others_are_never_touched(world: CopyWorld, case: str) -> None:
    action = world.plan_copy("big")
    if case != "older":
        world.begin()
    theirs = open_upload(world, BODY[:4], key="out/bigger" if case == "other key" else "out/big")
    attempt = world.perform(action, doubtful=[] if case == "not doubtful" else [0])
    assert (attempt.kinds, attempt.remarks) == (["done"], [])
    assert world.open_uploads == [theirs]


def test_a_part_that_is_not_the_one_that_was_journaled_is_copied_again(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.begin()
    mine = open_upload(world, BODY[:4], BODY[4:8])
    journaled = known(world, mine, 1, 2)
    world.store.bucket("right").uploads[mine].parts[2] = (md5_of(b"EVIL"), b"EVIL")
    attempt = world.perform(action, generation=2, doubtful=[0], uploads=(journaled,))
    assert attempt.kinds == ["done"]
    assert world.body("big") == BODY
    assert world.engine.asked(UploadPartCopy) == PARTS - 1


@pytest.mark.parametrize("fault", [Fault.UNSUPPORTED, Fault.DENIED])
def test_where_uploads_cannot_be_listed_a_new_one_is_opened_and_that_is_told(world: CopyWorld, fault: Fault) -> None:
    world.engine.fail(fault, operation=ListMultipartUploads)
    attempt = world.perform(world.plan_copy("big"), generation=2, doubtful=[0])
    assert attempt.kinds == ["done"]
    assert "cannot be looked up" in attempt.remarks[0]


def test_a_create_whose_reply_is_lost_is_sent_again_and_what_it_left_is_told(world: CopyWorld) -> None:
    world.engine.fail(Fault.LOST, operation=CreateMultipartUpload)
    memory = world.resume_until_ended([world.plan_copy("big")])
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.engine.asked(CreateMultipartUpload) == 2
    (left,) = world.open_uploads
    (remark,) = memory.remarks
    assert left in remark


def test_a_complete_whose_reply_is_lost_is_settled_by_the_etag_of_its_parts(world: CopyWorld) -> None:
    world.engine.fail(Fault.LOST, operation=CompleteMultipartUpload)
    attempt = world.perform(world.plan_copy("big"))
    assert (attempt.only.kind, attempt.only.evidence) == (OutcomeKind.ALREADY_DONE, "by its parts")
    assert world.engine.writes == {"out/big": 1}


def test_no_such_upload_after_a_complete_that_was_committed_is_already_done(world: CopyWorld) -> None:
    """The engine, or a proxy, sent it twice: the second finds no upload any more."""
    plain = MemoryEngine(world.store)

    def repeat(request: Request, reply: Reply) -> Reply:
        return plain.call(request) if isinstance(request, CompleteMultipartUpload) else reply

    world.engine.answer = repeat
    attempt = world.perform(world.plan_copy("big"))
    assert (attempt.only.kind, attempt.only.evidence) == (OutcomeKind.ALREADY_DONE, "by its parts")
    assert any(isinstance(item, UploadEnded) for item in attempt.items)


def test_an_upload_that_somebody_aborted_is_begun_again(world: CopyWorld) -> None:
    def abort(request: Request) -> None:
        if isinstance(request, UploadPartCopy) and request.number == 3 and world.engine.asked(UploadPartCopy) < 6:
            world.store.bucket("right").uploads.clear()

    world.engine.on_request = abort
    world.steering.in_flight = 1
    memory = world.resume_until_ended([world.plan_copy("big")])
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.body("big") == BODY
    assert world.engine.asked(CreateMultipartUpload) == 2


def test_after_a_conflict_on_complete_every_part_is_copied_again(world: CopyWorld) -> None:
    """S3: "fetch the object's ETag, and start over"; s3-semantics section 2."""
    world.engine.fail(Fault.CONFLICT, operation=CompleteMultipartUpload)
    action = world.plan_copy("big")
    attempt = world.perform(action)
    assert (attempt.only.kind, attempt.only.failure) == (OutcomeKind.UNKNOWN, FailureKind.CONFLICT)
    assert world.open_uploads == []
    assert isinstance(attempt.items[-2], UploadEnded)
    memory = Memory()
    memory.take(attempt.items)
    memory = world.resume_until_ended([action], memory=memory)
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.engine.asked(UploadPartCopy) == 2 * PARTS


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.SLOW_DOWN, Fault.UNREACHABLE, Fault.LOST, Fault.EXPIRED])
def test_a_part_that_fails_for_a_while_keeps_the_others(world: CopyWorld, fault: Fault) -> None:
    world.engine.fail(fault, number=2, operation=UploadPartCopy)
    action = world.plan_copy("big")
    attempt = world.perform(action)
    assert attempt.only.kind is OutcomeKind.UNKNOWN
    assert len(world.open_uploads) == 1
    memory = Memory()
    memory.take(attempt.items)
    memory = world.resume_until_ended([action], memory=memory)
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.engine.asked(UploadPartCopy) <= 2 * PARTS - 3
    assert (world.body("big"), world.open_uploads) == (BODY, [])


def test_a_part_that_is_refused_for_good_fails_the_copy_and_frees_what_it_took(world: CopyWorld) -> None:
    world.engine.fail(Fault.DENIED, number=2, operation=UploadPartCopy)
    outcome = world.perform(world.plan_copy("big")).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.FAILED, FailureKind.DENIED)
    assert world.open_uploads == []


def test_an_upload_that_cannot_be_aborted_is_told(world: CopyWorld) -> None:
    world.engine.fail(Fault.DENIED, operation=UploadPartCopy)
    world.engine.fail(Fault.DENIED, operation=AbortMultipartUpload)
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == ["failed"]
    assert "still takes space (AbortMultipartUpload" in attempt.remarks[0]
    assert world.open_uploads[0] in attempt.remarks[0]


def test_a_part_that_the_store_has_lost_is_copied_again(world: CopyWorld) -> None:
    def lose(request: Request) -> None:
        if isinstance(request, CompleteMultipartUpload) and world.engine.asked(CompleteMultipartUpload) == 1:
            (upload,) = world.store.bucket("right").uploads.values()
            del upload.parts[2]

    world.engine.on_request = lose
    memory = world.resume_until_ended([world.plan_copy("big")])
    assert memory.ends[0].kind is OutcomeKind.DONE
    assert world.body("big") == BODY
    assert world.engine.asked(UploadPartCopy) == PARTS + 1


def test_a_store_that_names_no_etag_for_a_part_is_asked_what_it_holds(world: CopyWorld) -> None:
    def forget(request: Request, reply: Reply) -> Reply:
        return ObjectWritten(None) if isinstance(request, UploadPartCopy) else reply

    world.engine.answer = forget
    assert world.perform(world.plan_copy("big")).kinds == ["done"]
    assert world.body("big") == BODY
    assert world.engine.asked(ListParts) == 1


def test_a_stop_finishes_the_parts_under_way_and_keeps_them(world: CopyWorld) -> None:
    world.steering.in_flight = 2

    def stop(request: Request) -> None:
        if isinstance(request, UploadPartCopy):
            world.steering.stopping = True

    world.engine.on_request = stop
    action = world.plan_copy("big")
    attempt = world.perform(action)
    assert (attempt.only.kind, attempt.only.failure) == (OutcomeKind.UNKNOWN, None)
    assert attempt.only.reason.startswith("interrupted; ")
    stored = world.engine.asked(UploadPartCopy)
    assert stored < PARTS
    world.steering.stopping = False
    world.engine.on_request = lambda _: None
    memory = Memory()
    memory.take(attempt.items)
    assert world.resume_until_ended([action], memory=memory).ends[0].kind is OutcomeKind.DONE
    assert world.engine.asked(UploadPartCopy) == PARTS


def test_an_abandoned_copy_sends_nothing_more_and_is_unknown(world: CopyWorld) -> None:
    def abandon(request: Request) -> None:
        if isinstance(request, UploadPartCopy):
            world.steering.stopping = world.steering.abandoned = True

    world.engine.on_request = abandon
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == ["unknown"]
    assert world.engine.asked(UploadPartCopy) == 1
    assert world.found("big") is None


def test_a_doubtful_copy_that_was_completed_is_already_done_and_its_upload_is_forgotten(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    first = world.perform(action)
    memory = Memory()
    memory.take(item for item in first.items if not isinstance(item, UploadEnded))
    (upload,) = memory.known()
    attempt = world.perform(action, generation=2, doubtful=[0], uploads=(upload,))
    assert (attempt.only.kind, attempt.only.evidence) == (OutcomeKind.ALREADY_DONE, "by its parts")
    assert UploadEnded(0, upload.upload_id) in attempt.items
    assert world.engine.writes == {"out/big": 1}


def test_a_doubtful_copy_of_which_nothing_is_known_is_found_by_checksum_or_time(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.perform(action)
    outcome = world.perform(action, generation=2, doubtful=[0]).only
    assert outcome.kind is OutcomeKind.ALREADY_DONE
    assert outcome.evidence in {"by checksum", "by size and time"}


def test_an_object_of_the_same_size_that_is_older_than_the_batch_is_not_taken_for_ours(world: CopyWorld) -> None:
    action = world.plan_copy("big")
    world.put_destination("big", BODY[::-1])
    outcome = world.perform(action, generation=2, doubtful=[0], begun_at_ms=BEGUN_MS).only
    assert outcome.kind is OutcomeKind.STALE
    assert world.body("big") == BODY[::-1]


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.DENIED, Fault.UNREACHABLE])
@pytest.mark.parametrize("number", [1, 2])
def test_a_first_look_that_fails_opens_no_upload(world: CopyWorld, fault: Fault, number: int) -> None:
    world.engine.fail(fault, number=number, operation=HeadObject)
    world.engine.fail(fault, operation=ListObjects)  # what is asked where HEAD is denied
    attempt = world.perform(world.plan_copy("big"))
    assert attempt.kinds == ["failed" if fault is Fault.DENIED else "unknown"]
    assert world.engine.asked(CreateMultipartUpload) == 0


def _deny_what_is_not_there(world: CopyWorld) -> None:
    """Answer HEAD as S3 does for credentials without s3:ListBucket, or with it for a prefix only."""
    denied = Failure(FailureKind.DENIED, "HeadObject", "HTTP403", "access denied", 403)
    world.engine.answer = lambda request, reply: (
        denied if isinstance(request, HeadObject) and isinstance(reply, Failure) else reply
    )


def test_a_new_large_object_is_copied_where_head_may_not_say_that_there_is_none(world: CopyWorld) -> None:
    _deny_what_is_not_there(world)
    assert world.perform(world.plan_copy("big")).kinds == ["done"]
    assert world.body("big") == BODY


def test_a_source_that_is_gone_is_stale_where_head_may_not_say_so(world: CopyWorld) -> None:
    _deny_what_is_not_there(world)
    action = world.plan_copy("big")
    world.remove_source("big")
    outcome = world.perform(action).only
    assert (outcome.kind, outcome.reason) == (OutcomeKind.STALE, "source gone")


def test_a_source_that_is_there_and_may_not_be_read_is_failed_and_not_copied_bare(world: CopyWorld) -> None:
    """A listing shows that it is there, but neither its metadata nor its content headers."""
    world.engine.fail(Fault.DENIED, operation=HeadObject)
    outcome = world.perform(world.plan_copy("big")).only
    assert (outcome.kind, outcome.failure) == (OutcomeKind.FAILED, FailureKind.DENIED)
    assert world.engine.asked(CreateMultipartUpload) == 0
