"""Whether bytes that came down are those of their object, where no checksum was compared as they passed."""

from __future__ import annotations

from s3plan.schemas.evidence.ladder import (
    Compared,
    KnownBytes,
    compare_bytes,
    known_of_object,
    parts_of_etag,
    stated_checksum,
)
from s3plan.schemas.evidence.verification import Verify
from s3plan.schemas.failures import Failure
from s3plan.schemas.files.requests import FileHashed, HashStaged, StagedFile
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.customer_keys import is_free_of_digests
from s3plan.schemas.requests.objects import HeadObject, ObjectFound
from s3plan.storage.folder.hashing import hash_pieces
from s3plan.storage.steps import Asking, BatchContext, ask, ask_file


def prove_fetched(
    context: BatchContext,
    action: Action,
    found: ObjectFound | None,
    content: memoryview | StagedFile,
    *,
    likely_sizes: tuple[int, ...],
) -> Asking[Compared | Failure | None]:
    """Return whether bytes that came down are those of their object, by what its store states and nobody compared yet.

    `found` is what it has said, `likely_sizes` are those of parts that it may be made of. What is held in memory is
    summed up at once, what is staged is read by `checksum` only.
    """
    asks = context.task.settings.verification.asks
    is_held = isinstance(content, memoryview)
    if found is None or asks.rank < (Verify.ETAG if is_held else Verify.CHECKSUM).rank:
        return None
    hides = is_free_of_digests(found.encryption)
    is_exact = found.encryption == "AES256" or context.task.settings.verification.etags_are_md5
    theirs = known_of_object(
        action.size_bytes, action.source_pin or "", checksums=found.checksums, is_exact=is_exact and not hides
    )
    algorithm = stated_checksum(theirs.checksums) or ("MD5" if theirs.md5 is not None and not hides else None)
    sizes: tuple[int, ...] = ()
    if algorithm is None and theirs.of_parts and not hides:
        sizes = yield from _part_sizes(context, action, likely_sizes)
    if algorithm is None and not sizes:
        return None
    algorithms = frozenset(() if algorithm is None else (algorithm,))
    if isinstance(content, memoryview):
        hashed, _ = hash_pieces((content,), algorithms, sizes)
    else:
        request = HashStaged(content, action.size_bytes, algorithms, sizes)
        reply = yield from ask_file(Side.DESTINATION, request, FileHashed)
        if isinstance(reply, Failure):
            return reply
        hashed = reply
    digests = dict(hashed.digests)
    md5 = digests.pop("MD5", None)
    ours = KnownBytes(action.size_bytes, digests, md5=md5, of_parts=frozenset(hashed.etags.values()))
    return compare_bytes(ours, theirs)


def _part_sizes(context: BatchContext, action: Action, likely_sizes: tuple[int, ...]) -> Asking[tuple[int, ...]]:
    """Return by which sizes an object may have been cut: the size of its first part, if its store tells."""
    count = parts_of_etag(action.source_pin or "") or 1
    if count == 1:
        return (action.size_bytes,)
    source = context.source
    request = HeadObject(
        source.bucket, context.source_key(action), action.source_version, source.owner, with_checksums=False, part=1
    )
    reply = yield from ask(Side.SOURCE, request)
    is_told = isinstance(reply, ObjectFound) and reply.parts == count and reply.etag == action.source_pin
    if is_told and isinstance(reply, ObjectFound) and -(-action.size_bytes // max(reply.size_bytes, 1)) == count:
        return (reply.size_bytes,)
    return likely_sizes
