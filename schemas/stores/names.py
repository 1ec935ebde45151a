"""Which kinds of store s3plan tells apart."""

from __future__ import annotations

from enum import StrEnum


class StoreName(StrEnum):
    """The name of a row of the table of stores, in manifests and plans."""

    AWS = "aws"
    R2 = "r2"
    B2 = "b2"
    MINIO = "minio"
    CEPH = "ceph"
    SWIFT = "swift"
    WASABI = "wasabi"
    SPACES = "spaces"
    GCS = "gcs"
    UNKNOWN = "unknown"  # any other: of each thing the careful choice
