"""The source of a move, read once more before it is lost: over plain http nobody notices a bit that flips on the way.

TLS notices it, and so does whoever compares what came with what the source's store states of the whole. Where neither
does, what came once is held against what comes the second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from s3plan.schemas.evidence.ladder import is_digest
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.checksums import CRC64NVME
from s3plan.storage.steps import Asking, BatchContext
from s3plan.storage.transfer.evidence import multipart_etag_of
from s3plan.storage.transfer.multipart import ByteRange, Upload
from s3plan.storage.transfer.verifying import source_of
from s3plan.storage.verification.asked_sides import AskedObject


def is_lost_unseen(context: BatchContext) -> bool:
    """Return whether the sources of a batch are removed, and their bytes come by plain http."""
    return context.task.settings.removes_source and context.source.is_plain


def forget_unprovable(context: BatchContext, upload: Upload) -> None:
    """Have those stored parts sent again whose ETags could not be compared with a second reading.

    Of parts of an earlier attempt nothing else is known, unless the store holds the whole object against its checksum.
    """
    settings = context.task.settings
    if not is_lost_unseen(context) or settings.sums_parts:
        return
    for number, etag in list(upload.etags.items()):
        if not (settings.verification.etags_are_md5 and is_digest(etag)):
            del upload.etags[number]


def read_again(
    context: BatchContext, action: Action, found: ObjectFound, upload: Upload, ranges: Sequence[ByteRange]
) -> Asking[Failure | None]:
    """Read the parts of which nothing else shows that they came as they are; a Failure if one does not come so again.

    Of those that came in an earlier attempt the checksum is noted. Nothing is read where TLS protects the bytes, where
    the source stays, where its store states the CRC64NVME of the whole, or has an ETag of the same parts.
    """
    again = _unproved(context, action, found, upload, ranges)
    if not again:
        return None
    source = source_of(context, action, found=found)
    assert isinstance(source, AskedObject)  # noqa: S101  a relay's is no folder
    earlier = frozenset(ranges[number - 1][0] for number in again if number not in upload.crcs)
    sums = yield from source.sum_up([ranges[number - 1] for number in again], with_md5=earlier)
    if isinstance(sums, Failure):
        return sums
    for number in again:
        came = sums[ranges[number - 1][0]]
        known = upload.crcs.setdefault(number, came.crc64nvme)
        if known != came.crc64nvme:
            return _differs(number, f"its {CRC64NVME} was {known}, and is {came.crc64nvme}")
        md5 = upload.etags[number].lower()
        if came.md5 is not None and not context.task.settings.sums_parts and came.md5 != md5:
            return _differs(number, f"its MD5 was {md5}, and is {came.md5}")
    return None


def _unproved(
    context: BatchContext, action: Action, found: ObjectFound, upload: Upload, ranges: Sequence[ByteRange]
) -> list[int]:
    if not is_lost_unseen(context):
        return []
    numbers = range(1, len(ranges) + 1)
    if found.checksums.get(CRC64NVME) is not None:  # those of the parts are combined, and held against it
        return [] if context.task.settings.sums_parts else [each for each in numbers if each not in upload.crcs]
    is_cut_alike = multipart_etag_of([etag for _, etag in sorted(upload.etags.items())]) == action.source_pin
    return [] if is_cut_alike and upload.proved == upload.etags.keys() else list(numbers)


def _differs(number: int, how: str) -> Failure:
    said = f"its bytes suffered on the way: part {number} came otherwise when it was read again, as {how}"
    return Failure(FailureKind.VERIFICATION, "GetObject", "ReadingsDiffer", said, side=Side.SOURCE)
