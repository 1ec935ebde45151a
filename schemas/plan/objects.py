"""What a plan says of the objects that a job makes: what they keep, are given, and lose."""

from __future__ import annotations

from pydantic import Field
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

    def given(self) -> GivenAttributes:
        """Return the same as those see it who make the objects."""
        return GivenAttributes(
            keeps_metadata="metadata" in self.preserve,
            keeps_content="content" in self.preserve,
            keeps_tags="tags" in self.preserve,
            headers={_HEADERS[name]: value for name, value in self.headers.items() if name in _HEADERS},
            guesses_type=self.guesses_type,
            metadata=self.metadata.set,
            tags=self.tags.set,
            dropped_metadata=frozenset(self.metadata.drop),
            dropped_tags=frozenset(self.tags.drop),
        )


_HEADERS = {
    "content_type": "ContentType",
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "expires": "Expires",
}
HEADER_WORDS = tuple(_HEADERS)
