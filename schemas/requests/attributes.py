"""What a new object carries besides its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Encryption:
    """What `encryption:` of a destination asks for."""

    type: str  # AES256, aws:kms, aws:kms:dsse
    key_id: str | None = None
    bucket_key: bool | None = None


@dataclass(frozen=True, slots=True)
class ObjectAttributes:
    """What a new object is to carry in addition to its bytes. A multipart copy inherits none of it."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # boto3's names: ContentType, CacheControl, ...
    tags: Mapping[str, str] = field(default_factory=dict)


NO_ATTRIBUTES = ObjectAttributes()
