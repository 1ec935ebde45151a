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


@dataclass(frozen=True, slots=True)
class GivenAttributes:
    """What a job gives each new object, whatever its source carries: what is kept of that, set, and dropped.

    What is set wins over what is kept. `headers` has boto3's names; with `guesses_type` a key's ending says the content
    type, where it says any.
    """

    keeps_metadata: bool = True
    keeps_content: bool = True  # the content headers
    keeps_tags: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    guesses_type: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dropped_metadata: frozenset[str] = frozenset()
    dropped_tags: frozenset[str] = frozenset()

    @property
    def changes_metadata(self) -> bool:
        """Whether metadata or content headers are not just those of the source."""
        is_given = self.headers or self.guesses_type or self.metadata or self.dropped_metadata
        return bool(is_given) or not (self.keeps_metadata and self.keeps_content)

    @property
    def changes_tags(self) -> bool:
        """Whether tags are not just those of the source."""
        return bool(self.tags or self.dropped_tags) or not self.keeps_tags


ALL_KEPT = GivenAttributes()
