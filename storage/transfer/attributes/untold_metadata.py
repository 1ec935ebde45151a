"""Metadata that a store has and cannot tell: written with SOAP, they may hold what no header can."""

from __future__ import annotations

from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.outcomes import Remark
from s3plan.schemas.plan.sides import Side
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.steps import BatchContext


def judge_untold_metadata(context: BatchContext, position: int, source: ObjectFound) -> Failure | None:
    """Tell that some of what is to be kept is lost, where what a new object carries is set anew.

    A Failure where the source is removed afterwards, and they with it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    untold = source.untold_metadata
    if not (untold and context.task.settings.given.keeps_metadata):
        return None
    entries = "1 entry of its metadata is" if untold == 1 else f"{untold} entries of its metadata are"
    said = f"{entries} not kept: the store has them, and no header can tell what they hold"
    if context.task.settings.removes_source:
        way_out = "its source would be removed with them: to move it without, leave metadata out of preserve"
        return Failure(FailureKind.INVALID, "HeadObject", "MissingMetadata", f"{said}; {way_out}", side=Side.SOURCE)
    context.emit(Remark(position, said))
    return None
