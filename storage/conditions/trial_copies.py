"""Copies and parts that try a store out: by a probe, and by what confirms later what a probe has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

from s3plan.schemas.requests.attributes import Encryption
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import CopyObject
from s3plan.schemas.requests.uploads import UploadPartCopy


class CopyConditions(TypedDict, total=False):
    """Those of a copy, as CopyObject has them."""

    source_if_match: str | None
    if_absent: bool
    if_match: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """An object that should be there, to be the source of copies that try something out."""

    bucket: str
    key: str
    version: str | None = None
    owner: str | None = None
    requester_pays: bool = False
    encryption: Encryption | None = None  # what the plan's copies ask for: a bucket's policy may demand it
    acl: str | None = None  # likewise
    customer_key: CustomerKey | None = None  # of SSE-C, that it is read with
    written_key: CustomerKey | None = None  # that the plan's copies are under: no copy of it is ever under none

    def copy_to(self, bucket: str, key: str, *, owner: str | None, **conditions: Unpack[CopyConditions]) -> CopyObject:
        """Return the request that copies it; `owner` is the one that is expected of the bucket."""
        return CopyObject(
            bucket,
            key,
            self.bucket,
            self.key,
            source_version=self.version,
            encryption=self.encryption,
            acl=self.acl,
            owner=owner,
            source_owner=self.owner,
            requester_pays=self.requester_pays,
            customer_key=self.written_key,
            source_customer_key=self.customer_key,
            **conditions,
        )

    def part_to(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        owner: str | None,
        last_byte: int | None = None,
        source_if_match: str | None = None,
    ) -> UploadPartCopy:
        """Return the request that makes it the first part of an upload: its bytes up to that one, or all."""
        return UploadPartCopy(
            bucket,
            key,
            upload_id,
            1,
            self.bucket,
            self.key,
            None if last_byte is None else 0,
            last_byte,
            source_if_match=source_if_match,
            source_version=self.version,
            owner=owner,
            source_owner=self.owner,
            requester_pays=self.requester_pays,
            customer_key=self.written_key,
            source_customer_key=self.customer_key,
        )
