"""Finds out which conditions a store enforces, by asking it with objects of its own under the destination prefix.

A condition counts as enforced if the store refuses a wrong one and takes a right one. Three races of four show whether
check and write are one step. That is tried for copies, or for puts where copies ignore the condition; a store that is
not seen to be atomic there is not believed to be so elsewhere.

Only answers decide. A store that throttles, a connection that breaks: what they leave open is tried anew, each step by
itself, since in forty requests some such thing is usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from s3plan.schemas.errors import StoreRefused
from s3plan.schemas.failures import Failure
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import CopyObject, DeleteObject, DeleteObjects, KeysDeleted, PutObject
from s3plan.schemas.requests.uploads import CompleteMultipartUpload
from s3plan.storage.conditions.probe_requests import Probe, UnclearAnswer, is_open, is_refusal
from s3plan.storage.s3.patience import Patience

WRONG_ETAG = "00000000000000000000000000000000"
_RACERS = 4
_ROUNDS = 3


def probe(
    engine: Engine,
    bucket: str,
    prefix: str,
    *,
    owner: str | None = None,
    patience: Patience | None = None,
    on_begin: Callable[[str], None] = lambda _: None,
) -> Capabilities:
    """Return what the store does with each condition; about 40 requests, and nothing is left behind.

    `on_begin` is told the stem of all keys before the first is made: should this process be killed, remove_remains
    needs it.
    Raises StoreRefused, which names the permission that may be missing, or says that the answers stayed unclear as
    often as `patience` lets a step be tried; BucketMissing, CredentialsUnusable.
    """
    session = Probe(engine, bucket, prefix, owner=owner, patience=patience or Patience())
    on_begin(session.stem)
    try:
        session.begin()
        found = _find(session)
    except UnclearAnswer as unclear:
        raise StoreRefused(
            f"{bucket}: what the store does with conditions cannot be found out now ({unclear}); try again later",
            failure=unclear.failure,
        ) from None
    finally:
        session.clean_up()
    session.check_clean()
    return found


def _find(session: Probe) -> Capabilities:
    session.write("-source")
    session.write("-other")
    copies = _copies(session)
    best = _best_of_writes(session, {copies[Condition.COPY_ABSENT], copies[Condition.COPY_MATCH]})
    part = session.settle(lambda: _part_sources(session))
    completes = session.settle(lambda: _completes(session, best))
    puts = session.settle(lambda: _puts(session, best))
    single = session.settle(lambda: _delete(session, best))
    batch = session.settle(lambda: _batch_delete(session, best))
    return {
        **copies,
        Condition.PART_SOURCE_MATCH: part,
        **completes,
        **puts,
        Condition.DELETE_MATCH: single,
        Condition.BATCH_DELETE_MATCH: batch,
    }


def _copies(session: Probe) -> dict[Condition, Enforcement]:
    """The right source condition makes `-target`; the races change its content to and fro."""
    source = session.settle(lambda: _copy_sources(session))
    absent = _raced(
        session,
        lambda: session.copy("-source", session.fresh_name("-raced"), if_absent=True),
        wrong=session.copy("-source", "-target", if_absent=True),
    )
    wrong = session.copy("-other", "-target", if_match=WRONG_ETAG)
    match = _raced(session, lambda: _overwrite(session), wrong=wrong)
    return {Condition.COPY_SOURCE_MATCH: source, Condition.COPY_ABSENT: absent, Condition.COPY_MATCH: match}


def _copy_sources(session: Probe) -> Enforcement:
    refused = session.is_refused(session.copy("-source", "-target", source_if_match=WRONG_ETAG))
    taken = session.is_taken(session.copy("-source", "-target", source_if_match=session.etag("-source")))
    if not taken:
        session.take(session.copy("-source", "-target"))
    return Enforcement.ENFORCED if refused and taken else Enforcement.CHECKED


def _overwrite(session: Probe) -> CopyObject:
    """The content changes each time, so the first copy makes the condition wrong for the others."""
    current = session.current_etag("-target")
    source = "-source" if current == session.etag("-other") else "-other"
    return session.copy(source, "-target", if_match=current)


def _best_of_writes(session: Probe, copies: set[Enforcement]) -> Enforcement:
    """Return the most that is believed of conditions that are not raced themselves."""
    if copies == {Enforcement.CHECKED}:
        copies = {_raced(session, lambda: _put(session, session.fresh_name("-put")), wrong=_put(session, "-target"))}
    is_atomic = Enforcement.ENFORCED in copies and Enforcement.NOT_ATOMIC not in copies
    return Enforcement.ENFORCED if is_atomic else Enforcement.NOT_ATOMIC


def _put(session: Probe, name: str) -> PutObject:
    return PutObject(session.bucket, session.key(name), b"s3plan probe", if_absent=True, owner=session.owner)


def _puts(session: Probe, best: Enforcement) -> dict[Condition, Enforcement]:
    """An object that is put where nothing is, twice, and then over itself, by the wrong condition and the right one."""
    name = session.fresh_name("-put")
    new = _put(session, name)
    is_made, is_kept = session.is_taken(new), session.is_refused(new)
    over = replace(new, if_absent=False, body=b"s3plan probe again")
    is_held = session.is_refused(replace(over, if_match=WRONG_ETAG))
    is_replaced = is_held and session.is_taken(replace(over, if_match=session.current_etag(name)))
    return {
        Condition.PUT_ABSENT: best if is_made and is_kept else Enforcement.CHECKED,
        Condition.PUT_MATCH: best if is_replaced else Enforcement.CHECKED,
    }


def _raced(
    session: Probe, right: Callable[[], CopyObject | PutObject], *, wrong: CopyObject | PutObject
) -> Enforcement:
    """Send each of three new right requests four times at once: its condition holds for the first. `wrong` never holds.

    One round is not enough: a store that checks before it writes has a single winner now and then (OpenStack Swift in
    one round of 50). A store that is found out is not asked again.
    """
    for _ in range(_ROUNDS):
        winners, losers = session.settle(lambda: _race_once(session, right()))
        if winners != 1 or losers != _RACERS - 1:
            is_held = winners > 0 and session.settle(lambda: session.is_refused(wrong))
            return Enforcement.NOT_ATOMIC if is_held else Enforcement.CHECKED
    return Enforcement.ENFORCED


def _race_once(session: Probe, right: CopyObject | PutObject) -> tuple[int, int]:
    """Return how many won and how many were refused; more winners than one decide whatever became of the others."""
    replies = session.send_at_once([right] * _RACERS)
    winners = sum(not isinstance(reply, Failure) for reply in replies)
    left_open = [reply for reply in replies if is_open(reply)]
    if left_open and winners < 2:
        raise UnclearAnswer(left_open[0])
    return winners, sum(is_refusal(reply) for reply in replies)


def _part_sources(session: Probe) -> Enforcement:
    upload_id = session.open_upload("-target")
    if upload_id is None:
        return Enforcement.CHECKED
    refused = session.is_refused(session.part("-target", upload_id, source_if_match=WRONG_ETAG))
    part = session.attempt(session.part("-target", upload_id, source_if_match=session.etag("-source")))
    return Enforcement.ENFORCED if refused and part is not None else Enforcement.CHECKED


def _completes(session: Probe, best: Enforcement) -> dict[Condition, Enforcement]:
    """One upload for `-target`, which is there, and one for a key that is not."""
    found = dict.fromkeys((Condition.COMPLETE_ABSENT, Condition.COMPLETE_MATCH), Enforcement.CHECKED)
    upload = _prepared(session, "-target")
    keeps_present = upload is not None and session.is_refused(_complete(session, upload, if_absent=True))
    if not keeps_present:  # that upload is used up
        upload = _prepared(session, "-target")
    keeps_changed = upload is not None and session.is_refused(_complete(session, upload, if_match=WRONG_ETAG))
    etag = session.current_etag("-target")
    if upload is not None and keeps_changed and session.is_taken(_complete(session, upload, if_match=etag)):
        found[Condition.COMPLETE_MATCH] = best
    fresh = _prepared(session, session.fresh_name("-fresh")) if keeps_present else None
    if fresh is not None and session.is_taken(_complete(session, fresh, if_absent=True)):
        found[Condition.COMPLETE_ABSENT] = best
    return found


@dataclass(frozen=True, slots=True)
class _Upload:
    """An upload with its one part."""

    name: str
    upload_id: str
    part_etag: str


def _prepared(session: Probe, name: str) -> _Upload | None:
    upload_id = session.open_upload(name)
    if upload_id is None:
        return None
    etag = session.attempt(session.part(name, upload_id))
    return None if etag is None else _Upload(name, upload_id, etag)


def _complete(
    session: Probe, upload: _Upload, *, if_absent: bool = False, if_match: str | None = None
) -> CompleteMultipartUpload:
    return CompleteMultipartUpload(
        session.bucket,
        session.key(upload.name),
        upload.upload_id,
        [(1, upload.part_etag)],
        if_absent=if_absent,
        if_match=if_match,
        owner=session.owner,
    )


def _delete(session: Probe, best: Enforcement) -> Enforcement:
    session.ensure("-target")
    target, etag = session.key("-target"), session.current_etag("-target")
    kept = session.is_refused(DeleteObject(session.bucket, target, if_match=WRONG_ETAG, owner=session.owner))
    taken = kept and session.is_taken(DeleteObject(session.bucket, target, if_match=etag, owner=session.owner))
    return best if taken else Enforcement.CHECKED


def _batch_delete(session: Probe, best: Enforcement) -> Enforcement:
    for name in ("-source", "-other"):
        session.ensure(name)
    wrong, right = session.key("-source"), session.key("-other")
    keys = [(wrong, WRONG_ETAG), (right, session.current_etag("-other"))]
    reply = session.ask_in_peace(DeleteObjects(session.bucket, keys, owner=session.owner), doing="deleting a batch")
    if isinstance(reply, KeysDeleted) and right in reply.deleted and is_refusal(reply.failures.get(wrong)):
        return best
    return Enforcement.CHECKED
