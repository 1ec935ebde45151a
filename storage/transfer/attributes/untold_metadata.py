"""Metadata that a store has and cannot tell: written with SOAP, they may hold what no header can."""

from __future__ import annotations

from s3plan.schemas.outcomes import Remark
from s3plan.schemas.requests.objects import ObjectFound
from s3plan.storage.steps import BatchContext


def tell_untold_metadata(context: BatchContext, position: int, source: ObjectFound) -> None:
    """Tell that some of what is to be kept is lost, where what a new object carries is set anew.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    untold = source.untold_metadata
    if untold and context.task.settings.given.keeps_metadata:
        entries = "1 entry of its metadata is" if untold == 1 else f"{untold} entries of its metadata are"
        context.emit(Remark(position, f"{entries} not kept: the store has them, and no header can tell what they hold"))
