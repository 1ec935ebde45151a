"""What a plan says of the objects that a job makes: what they keep, are given, and lose."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field, NonNegativeInt
from s3plan.schemas.plan.header_parts import HeaderPart
from s3plan.schemas.requests.attributes import GivenAttributes

_KEPT_OF_OBJECTS = ("metadata", "content", "tags", "storage_class")


class ChangesRecord(HeaderPart):
    """Entries that are set, and names of kept ones that are dropped."""

    set: dict[str, str] = Field(default={})
    drop: tuple[str, ...] = ()


class ObjectsRecord(HeaderPart):
    """What new objects carry besides their bytes, of whatever the source has; files have none of it."""

    preserve: tuple[str, ...] = Field(default=_KEPT_OF_OBJECTS, description="what is kept of a source object")
    headers: dict[str, str] = Field(default={}, description="content headers that are set, by the manifest's words")
    guesses_type: bool = Field(default=False, description="the end of a key says the content type, where it says any")
    metadata: ChangesRecord = ChangesRecord()
    tags: ChangesRecord = ChangesRecord()

    def given(self, *, lost: Collection[str] = ()) -> GivenAttributes:
        """Return the same as those see it who make the objects, without what is lost."""
        has_tags = "tags" not in lost
        return GivenAttributes(
            keeps_metadata="metadata" in self.preserve,
            keeps_content="content" in self.preserve,
            keeps_tags=has_tags and "tags" in self.preserve,
            headers={_HEADERS[name]: value for name, value in self.headers.items() if name in _HEADERS},
            guesses_type=self.guesses_type,
            metadata=self.metadata.set,
            tags=self.tags.set if has_tags else {},
            dropped_metadata=frozenset(self.metadata.drop),
            dropped_tags=frozenset(self.tags.drop),
        )


class LossRecord(HeaderPart):
    """Something that new objects lose because the destination's store does not have it."""

    what: str = Field(description="as `allow_loss` names it")
    reason: str = Field(description="for display")
    objects: NonNegativeInt | None = Field(default=None, description="absent: a listing does not tell of how many")
    allowed: bool = Field(default=False, description="by the manifest; else the plan is blocked")


_HEADERS = {
    "content_type": "ContentType",
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "expires": "Expires",
}
HEADER_WORDS = tuple(_HEADERS)
