"""Finds out which conditions a store enforces, by asking it with objects of its own under the destination prefix.

A condition counts as enforced if the store refuses a wrong one and takes a right one. Three races of four show whether
check and write are one step. That is tried for copies, or for puts where copies ignore the condition; a store that is
not seen to be atomic there is not believed to be so elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from s3plan.schemas.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.errors import StoreRefused
from s3plan.schemas.failures import Failure
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests import (
    CompleteMultipartUpload,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    KeysDeleted,
    PutObject,
    UploadPartCopy,
)
from s3plan.storage.patience import Patience
from s3plan.storage.probe_requests import Probe, UnclearAnswer, is_refusal

_WRONG_ETAG = "00000000000000000000000000000000"
_RACERS = 4
_ROUNDS = "abc"  # each round's own key ends so
_TRIES = 3


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
    A whole probe is tried three times if the store's answers are unclear. Raises StoreRefused, which names the
    permission that may lack, BucketMissing, CredentialsUnusable.
    """
    for _ in range(_TRIES):
        session = Probe(engine, bucket, prefix, owner=owner, patience=patience or Patience())
        on_begin(session.stem)
        found: Capabilities | None = None
        try:
            session.begin()
            found = _find(session)
        except UnclearAnswer as unclear:
            last = unclear.failure
        finally:
            session.clean_up()
        if found is not None:
            session.check_clean()
            return found
    raise StoreRefused(
        f"{bucket}: what the store does with conditions cannot be found out now ({last}); try again later",
        failure=last,
    )


def _find(session: Probe) -> Capabilities:
    session.write("-source", b"s3plan probe, to be removed: one")
    session.write("-other", b"s3plan probe, to be removed: two")
    copies = _copies(session)
    best = _best_of_writes(session, {copies[Condition.COPY_ABSENT], copies[Condition.COPY_MATCH]})
    return copies | _uploads(session, best) | _deletes(session, best)


def _copies(session: Probe) -> dict[Condition, Enforcement]:
    """The right source condition makes `-target`; the races change its content to and fro."""
    refused = session.is_refused(session.copy("-source", "-target", source_if_match=_WRONG_ETAG))
    taken = session.is_taken(session.copy("-source", "-target", source_if_match=session.etag("-source")))
    if not taken:
        session.take(session.copy("-source", "-target"))
    absent = _raced(
        session,
        (session.copy("-source", f"-raced{name}", if_absent=True) for name in _ROUNDS),
        wrong=session.copy("-source", "-target", if_absent=True),
    )
    match = _raced(session, _overwrites(session), wrong=session.copy("-other", "-target", if_match=_WRONG_ETAG))
    return {
        Condition.COPY_SOURCE_MATCH: Enforcement.ENFORCED if refused and taken else Enforcement.CHECKED,
        Condition.COPY_ABSENT: absent,
        Condition.COPY_MATCH: match,
    }


def _overwrites(session: Probe) -> Iterator[CopyObject]:
    """The content changes each time, so the first copy makes the condition wrong for the others."""
    for source in ("-other", "-source", "-other"):
        yield session.copy(source, "-target", if_match=session.current_etag("-target"))


def _best_of_writes(session: Probe, copies: set[Enforcement]) -> Enforcement:
    """Return the most that is believed of conditions that are not raced themselves."""
    if copies == {Enforcement.CHECKED}:
        puts = [
            PutObject(session.bucket, session.key(f"-put{name}"), b"s3plan probe", if_absent=True, owner=session.owner)
            for name in _ROUNDS
        ]
        copies = {_raced(session, puts, wrong=puts[0])}
    is_atomic = Enforcement.ENFORCED in copies and Enforcement.NOT_ATOMIC not in copies
    return Enforcement.ENFORCED if is_atomic else Enforcement.NOT_ATOMIC


def _raced(session: Probe, rights: Iterable[CopyObject | PutObject], *, wrong: CopyObject | PutObject) -> Enforcement:
    """Send each of `rights` four times at once: its condition holds for the first of the four. `wrong` never holds.

    One round is not enough: a store that checks before it writes has a single winner now and then (OpenStack Swift in
    one round of 50). A store that is found out is not asked again.
    """
    for right in rights:
        replies = session.send_at_once([right] * _RACERS)
        winners = sum(not isinstance(reply, Failure) for reply in replies)
        losers = sum(is_refusal(reply) for reply in replies)
        if winners != 1 or losers != _RACERS - 1:
            return Enforcement.NOT_ATOMIC if winners and session.is_refused(wrong) else Enforcement.CHECKED
    return Enforcement.ENFORCED


def _uploads(session: Probe, best: Enforcement) -> dict[Condition, Enforcement]:
    """One upload for `-target`, which is there, and one for `-fresh`, which is not."""
    found = dict.fromkeys(
        (Condition.PART_SOURCE_MATCH, Condition.COMPLETE_ABSENT, Condition.COMPLETE_MATCH), Enforcement.CHECKED
    )
    upload_id = session.open_upload("-target")
    if upload_id is None:
        return found
    refused = session.is_refused(_part(session, "-target", upload_id, source_if_match=_WRONG_ETAG))
    part = session.attempt(_part(session, "-target", upload_id, source_if_match=session.etag("-source")))
    if refused and part is not None:
        found[Condition.PART_SOURCE_MATCH] = Enforcement.ENFORCED
    upload = _Upload("-target", upload_id, part) if part is not None else _prepared(session, "-target")

    keeps_present = upload is not None and session.is_refused(_complete(session, upload, if_absent=True))
    if not keeps_present:  # that upload is used up
        upload = _prepared(session, "-target")
    keeps_changed = upload is not None and session.is_refused(_complete(session, upload, if_match=_WRONG_ETAG))
    etag = session.current_etag("-target")
    if upload is not None and keeps_changed and session.is_taken(_complete(session, upload, if_match=etag)):
        found[Condition.COMPLETE_MATCH] = best
    fresh = _prepared(session, "-fresh") if keeps_present else None
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
    etag = session.attempt(_part(session, name, upload_id))
    return None if etag is None else _Upload(name, upload_id, etag)


def _part(session: Probe, name: str, upload_id: str, *, source_if_match: str | None = None) -> UploadPartCopy:
    return UploadPartCopy(
        session.bucket,
        session.key(name),
        upload_id,
        1,
        session.bucket,
        session.key("-source"),
        None,
        None,
        source_if_match=source_if_match,
        owner=session.owner,
        source_owner=session.owner,
    )


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


def _deletes(session: Probe, best: Enforcement) -> dict[Condition, Enforcement]:
    found = dict.fromkeys((Condition.DELETE_MATCH, Condition.BATCH_DELETE_MATCH), Enforcement.CHECKED)
    target, etag = session.key("-target"), session.current_etag("-target")
    kept = session.is_refused(DeleteObject(session.bucket, target, if_match=_WRONG_ETAG, owner=session.owner))
    if kept and session.is_taken(DeleteObject(session.bucket, target, if_match=etag, owner=session.owner)):
        found[Condition.DELETE_MATCH] = best

    wrong, right = session.key("-source"), session.key("-other")
    keys = [(wrong, _WRONG_ETAG), (right, session.current_etag("-other"))]
    reply = session.ask_in_peace(DeleteObjects(session.bucket, keys, owner=session.owner), doing="deleting a batch")
    if isinstance(reply, KeysDeleted) and right in reply.deleted and is_refusal(reply.failures.get(wrong)):
        found[Condition.BATCH_DELETE_MATCH] = best
    return found
