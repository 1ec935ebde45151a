"""The two ends of a job that has two: a job that only deletes has no source."""

from __future__ import annotations

from s3plan.schemas.manifest.locations import Destination, Source
from s3plan.schemas.manifest.models import JobFields
from s3plan.schemas.plan.header import JobRecord, ListingRecord


def source_in(job: JobFields) -> Source:
    assert job.source is not None
    return job.source


def destination_in(job: JobFields) -> Destination:
    assert job.destination is not None
    return job.destination


def listed_at_source(job: JobRecord) -> ListingRecord:
    assert job.source is not None
    return job.source
