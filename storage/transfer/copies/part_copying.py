"""One large object copied in parts: UploadPartCopy under a multipart upload of our own, resumable part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Condition
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import ObjectFound, ObjectWritten
from s3plan.schemas.requests.uploads import UploadPartCopy
from s3plan.storage.steps import NEXT, Answered, Ask, Asking, AskMany, BatchContext, Procedure
from s3plan.storage.transfer.copies.copying import proof_of_copy
from s3plan.storage.transfer.multipart import ByteRange, Upload, note_part
from s3plan.storage.transfer.object_parts import ObjectParts, look_at_planned, make_of_object
from s3plan.storage.transfer.settlement import moved_source


def copy_in_parts(context: BatchContext, position: int, action: Action) -> Procedure:
    """Copy one large object; tells exactly one outcome, and each part as it is stored.

    Both sides are looked at first: that is two requests against an object of a gibibyte or more. A multipart copy
    inherits nothing, so metadata, content headers, tags and encryption are set again. An upload that an earlier
    attempt has journaled is taken up where it stopped; no other is ever touched.
    """
    outcome = yield from make_of_object(context, position, action, _CopiedParts)
    context.emit(outcome)


class _CopiedParts(ObjectParts):
    """The Parts of a copy: ranges of the source, which the store copies itself."""

    def send(self, upload: Upload, ranges: Sequence[ByteRange]) -> Procedure:
        """Have the parts copied that are missing, several at a time."""
        answer = yield AskMany(self._asks(upload, ranges))
        while isinstance(answer, Answered):
            request, reply = answer
            assert isinstance(request, UploadPartCopy)  # noqa: S101
            if isinstance(reply, ObjectWritten) and reply.etag is not None:
                if reply.part_sum is not None:
                    upload.part_sums[request.number] = reply.part_sum
                note_part(self.context, self.position, upload, request.number, reply.etag)
            elif isinstance(reply, Failure):
                upload.failures.append(reply)
            answer = yield NEXT

    def proof(self, _upload: Upload, reply: ObjectWritten, /) -> str:
        """Return BY_PARTS if the source is made of the same parts."""
        return proof_of_copy(self.action, reply)

    def crc64nvme(self, _upload: Upload, _ranges: Sequence[ByteRange], /) -> Asking[str | Failure | None]:
        """Return None: the bytes do not pass through us."""
        yield from ()
        return None

    def moved(self) -> Asking[str | Failure | None]:
        """Look at the source once more, where the store does not hold its pin."""
        if self.context.is_enforced(Condition.PART_SOURCE_MATCH):
            return None
        source = yield from look_at_planned(self.context, self.action)
        if isinstance(source, Failure) and source.kind is not FailureKind.NOT_FOUND:
            return source
        return moved_source(self.action, source) if isinstance(source, ObjectFound) else "source gone"

    def _asks(self, upload: Upload, ranges: Sequence[ByteRange]) -> Iterator[Ask]:
        context, action = self.context, self.action
        for number, (first_byte, last_byte) in enumerate(ranges, start=1):
            if any(not failure.kind.is_retryable for failure in upload.failures):
                return
            if number not in upload.etags:
                request = UploadPartCopy(
                    context.destination.bucket,
                    context.destination_key(action),
                    upload.upload_id,
                    number,
                    context.source.bucket,
                    context.source_key(action),
                    first_byte,
                    last_byte,
                    action.source_pin if context.is_enforced(Condition.PART_SOURCE_MATCH) else None,
                    action.source_version,
                    context.destination.owner,
                    context.source.owner,
                    context.task.settings.source_requester_pays,
                )
                yield Ask(Side.DESTINATION, request, last_byte - first_byte + 1)
