"""What `destination:` says of new objects: content headers, metadata, tags. Each value is held to what S3 takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema
from s3plan.schemas.manifest.readers import moment
from s3plan.schemas.manifest.values import UNQUOTED_TEXT, OneOrMany, Scalar, Section, refusal, refuse_boolean, shape_of

GUESS = "guess"
MOST_METADATA_BYTES = 2048  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
MOST_TAGS = 10  # this and the next three: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
_MOST_TAG_NAME = 128
_MOST_TAG_VALUE = 256
_TAG_SIGNS = " +-=._:/@"
_METADATA_NAME = r"^[a-z0-9!#$%&'*+.^_`|~-]+$"
_TYPE = r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *;.*)?"
_VISIBLE = r"^[!-~]([ -~]*[!-~])?$"
_FORMS = frozenset({"set", "drop"})


def header_value(wants: str) -> Scalar:
    """Mark the value of a header: printable ASCII, no spaces around it."""
    return Scalar(wants, partial(_read_header, wants=wants), {"type": UNQUOTED_TEXT, "pattern": _VISIBLE})


def _read_header(text: str, *, wants: str) -> str:
    refuse_boolean(text, wants=wants)
    if not text.isascii():
        said = "has characters that are not ASCII, which stores change or lose"
        raise refusal(said, hint="%-encode them, or leave them out")
    if re.fullmatch(_VISIBLE, text) is None:
        raise refusal(f"needs {wants}, without line breaks and without spaces around it")
    return str(text)


def _content_type() -> Scalar:
    wants = "guess, or a type such as text/html; charset=utf-8"
    schema = {"type": "string", "pattern": f"^({GUESS}|{_TYPE})$"}
    return Scalar(wants, partial(_read_type, wants=wants), schema)


def _read_type(text: str, *, wants: str) -> str:
    value = _read_header(text, wants=wants)
    if value != GUESS and re.fullmatch(_TYPE, value) is None:
        raise refusal(f"needs {wants}")
    return value


def _metadata_name() -> Scalar:
    wants = "lower-case letters, digits and -, such as team"
    schema = {"type": UNQUOTED_TEXT, "pattern": _METADATA_NAME}
    return Scalar(wants, partial(_read_metadata_name, wants=wants), schema)


def _read_metadata_name(text: str, *, wants: str) -> str:
    refuse_boolean(text, wants=wants)
    bare = text.lower().removeprefix("x-amz-meta-")
    if re.fullmatch(_METADATA_NAME, text) is None:
        raise refusal(f"needs {wants}", hint=f"write {bare}" if re.fullmatch(_METADATA_NAME, bare) else None)
    if text.startswith("x-amz-"):
        raise refusal("begins like a header of S3", hint=f"write {bare}" if bare != text else None)
    return str(text)


def _tag(wants: str, *, most: int, least: int = 0) -> Scalar:
    schema = {"type": UNQUOTED_TEXT, "minLength": least, "maxLength": most}
    return Scalar(wants, partial(_read_tag, wants=wants, least=least, most=most), schema)


def _read_tag(text: str, *, wants: str, least: int, most: int) -> str:
    refuse_boolean(text, wants=wants)
    if not least <= len(text) <= most:
        raise refusal(f"needs {wants}, {most} characters at most")
    if not all(sign.isalnum() or sign in _TAG_SIGNS for sign in text):
        raise refusal(f"a tag has letters, digits, spaces and {' '.join(_TAG_SIGNS.strip())} only")
    if least and text.lower().startswith("aws:"):
        raise refusal("begins with aws:, which is the store's own")
    return str(text)


MetadataName = Annotated[str, _metadata_name()]
MetadataValue = Annotated[str, header_value("a text")]
TagName = Annotated[str, _tag("a tag's name", most=_MOST_TAG_NAME, least=1)]
TagValue = Annotated[str, _tag("a tag's value", most=_MOST_TAG_VALUE)]


class MetadataChanges(Section):
    """What metadata of new objects are set, and which of those that are kept are dropped."""

    example: ClassVar[str] = "{team: media}"

    set: Mapping[MetadataName, MetadataValue] = Field(
        default={}, description="Names and values.", examples=[{"team": "media"}]
    )
    drop: Annotated[tuple[MetadataName, ...], OneOrMany("names", means_no_limit=False)] = Field(
        default=(), description="Names that are not kept.", examples=[["reviewed-by"]]
    )


class TagChanges(Section):
    """What tags of new objects are set, and which of those that are kept are dropped."""

    example: ClassVar[str] = "{class: photo}"

    set: Mapping[TagName, TagValue] = Field(
        default={}, description="Tags and their values, ten at most.", examples=[{"class": "photo"}]
    )
    drop: Annotated[tuple[TagName, ...], OneOrMany("tags", means_no_limit=False)] = Field(
        default=(), description="Tags that are not kept.", examples=[["draft"]]
    )


_METADATA: TypeAdapter[Mapping[str, str]] = TypeAdapter(Mapping[MetadataName, MetadataValue])
_TAGS: TypeAdapter[Mapping[str, str]] = TypeAdapter(Mapping[TagName, TagValue])


@dataclass(frozen=True, slots=True)
class OrEntries:
    """Marks changes that may be written as a map of what is set; `set` and `drop` are never names there."""

    what: str
    entries: TypeAdapter[Mapping[str, str]]
    changes: Callable[..., MetadataChanges | TagChanges]
    too_much: Callable[[Mapping[str, str]], str | None]

    def _read(self, value: object, handler: Callable[[object], Any]) -> object:
        if not isinstance(value, dict):
            raise refusal(f"needs a mapping of {self.what}, not {shape_of(value)}")
        if not value:
            raise refusal("says nothing", hint="leave the line out")
        made = handler(value) if value.keys() & _FORMS else self.changes(set=self.entries.validate_python(value))
        both = sorted(made.set.keys() & set(made.drop))
        if both:
            raise refusal(f"sets {both[0]} and drops it")
        said = self.too_much(made.set)
        if said is not None:
            raise refusal(said)
        return made

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        entries = self.entries.json_schema()
        plain = {"type": "object", "minProperties": 1, "propertyNames": {"not": {"enum": sorted(_FORMS)}}}
        return {"anyOf": [{**entries, **plain}, handler(schema)]}


def _too_much_metadata(entries: Mapping[str, str]) -> str | None:
    size_bytes = sum(len(name) + len(value) for name, value in entries.items())
    is_too_much = size_bytes > MOST_METADATA_BYTES
    return f"has {size_bytes:,} bytes, and an object has 2 KiB of metadata" if is_too_much else None


def _too_many_tags(entries: Mapping[str, str]) -> str | None:
    return f"has {len(entries)} tags, and an object has {MOST_TAGS} at most" if len(entries) > MOST_TAGS else None


_OR_METADATA = OrEntries("names and values", _METADATA, MetadataChanges.model_construct, _too_much_metadata)
_OR_TAGS = OrEntries("tags", _TAGS, TagChanges.model_construct, _too_many_tags)


class NewObjectFields(Section):
    """What new objects carry besides their bytes."""

    content_type: Annotated[str, _content_type()] | None = Field(
        default=None,
        description="Content type of new objects; guess: by the end of the key. Without it: kept, of files guessed.",
        examples=[GUESS],
    )
    cache_control: Annotated[str, header_value("a value such as max-age=3600")] | None = Field(
        default=None, description="Cache-Control of new objects.", examples=["max-age=3600"]
    )
    content_disposition: Annotated[str, header_value("a value such as attachment")] | None = Field(
        default=None, description="Content-Disposition of new objects.", examples=["attachment"]
    )
    content_encoding: Annotated[str, header_value("a value such as gzip")] | None = Field(
        default=None,
        description="Content-Encoding of new objects: how their bytes are encoded already.",
        examples=["gzip"],
    )
    content_language: Annotated[str, header_value("a language such as de")] | None = Field(
        default=None, description="Content-Language of new objects.", examples=["de"]
    )
    expires: Annotated[datetime, moment()] | None = Field(
        default=None, description="Expires of new objects: until when caches may keep them.", examples=["2030-01-01"]
    )
    metadata: Annotated[MetadataChanges, _OR_METADATA] | None = Field(
        default=None,
        description="User metadata of new objects, added to what is kept; or `{set: {}, drop: []}`.",
        examples=[{"team": "media"}],
    )
    tags: Annotated[TagChanges, _OR_TAGS] | None = Field(
        default=None,
        description="Tags of new objects, added to what is kept; or `{set: {}, drop: []}`.",
        examples=[{"class": "photo"}],
    )


NEW_OBJECT_WORDS = tuple(NewObjectFields.model_fields)
