"""How one written value becomes a typed one: markers for pydantic fields, each with its refusals and its JSON Schema.

The manifest is typed by its model, not by YAML: every scalar arrives as text, `Plain` when it had no quotes, so
`012345678901` keeps its zero, `NO` is no boolean, and a refusal can say what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

REFUSED = "refused"
UNQUOTED_TEXT = ["string", "number"]  # what an editor takes text for that was written without quotes

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)


class Plain(str):
    """A scalar that was written without quotes."""

    __slots__ = ()


class Section(BaseModel):
    """A mapping of the manifest: closed, frozen, with the words that are known but have not landed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    later_words: ClassVar[frozenset[str]] = frozenset()
    example: ClassVar[str] = ""
    called: ClassVar[str] = "a manifest"  # of a whole document, for messages


@dataclass(frozen=True, slots=True)
class Scalar:
    """Marks a field that is written as a single value.

    `wants` says what it takes, with an article; `read` returns the typed value or raises a refusal; `schema` is what an
    editor needs to know.
    """

    wants: str
    read: Callable[[str], object]
    schema: Mapping[str, Any] = field(hash=False)

    def _read_any(self, value: object) -> object:
        if isinstance(value, str):
            return self.read(value)
        raise refusal(f"needs {self.wants}, not {shape_of(value)}")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read_any)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """Marks a list that may be written as its only item."""

    what: str
    means_no_limit: bool = True  # where it is left out
    may_be_empty: bool = False

    def _read(self, value: object) -> tuple[object, ...]:
        match value:
            case str():
                return (value,)
            case [] if not self.may_be_empty:
                without = "leave the line out"
                raise refusal("is an empty list", hint=f"{without} to set no limit" if self.means_no_limit else without)
            case list():
                return tuple(value)
            case _:
                raise refusal(f"needs a list of {self.what}, not {shape_of(value)}")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        many = handler(schema) | ({} if self.may_be_empty else {"minItems": 1})
        return {"anyOf": [many["items"], many]}


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """Marks a map that must have an entry; `what` is said of one that has none."""

    what: str

    def _read(self, value: object) -> object:
        if value == {}:
            raise refusal(self.what)
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Marks a mapping that may be written as the value of its most important key."""

    key: str
    schema: Mapping[str, Any] = field(hash=False)

    def _read(self, value: object) -> object:
        return {self.key: value} if isinstance(value, str) else value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [dict(self.schema), handler(schema)]}


def refusal(message: str, *, hint: str | None = None) -> PydanticCustomError:
    """Return the error with which a field refuses its value; the message must not hold what may be a secret."""
    return PydanticCustomError(REFUSED, "{message}", {"message": message, "hint": hint})


def did_you_mean(word: str, known: Sequence[str]) -> str | None:
    """Return the hint for a word that looks like a known one."""
    close = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.7)
    return next((f"did you mean {name}?" for name in known if close and name.lower() == close[0]), None)


def shape_of(value: object) -> str:
    """Name what was written, for messages."""
    match value:
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return "a single value"


def text_value(
    wants: str = "text", *, pattern: str | None = None, max_bytes: int = 1024, many_lines: bool = False
) -> Scalar:
    """Mark free text; `pattern` must match all of it, and `wants` describes it."""
    read = partial(_read_text, wants=wants, pattern=pattern, max_bytes=max_bytes, many_lines=many_lines)
    schema = {"type": UNQUOTED_TEXT, "minLength": 1}
    return Scalar(wants, read, schema if pattern is None else schema | {"pattern": pattern})


def _read_text(text: str, *, wants: str, pattern: str | None, max_bytes: int, many_lines: bool) -> str:
    refuse_boolean(text, wants=wants)
    if not text:
        raise refusal(f"is empty; it needs {wants}")
    if "\0" in text or (not many_lines and re.search(r"[\r\n]", text)):
        raise refusal(f"needs {wants}, without line breaks or NUL characters")
    if len(text.encode()) > max_bytes:
        raise refusal(f"is longer than {max_bytes:,} bytes")
    if pattern is not None and re.search(pattern, text, re.ASCII) is None:
        raise refusal(f"needs {wants}")
    return str(text)


def is_boolean(text: str) -> bool:
    """Return whether a text is `true` or `false` without quotes, in whatever spelling."""
    return isinstance(text, Plain) and text.lower() in {"true", "false"}


def refuse_boolean(text: str, *, wants: str) -> None:
    """Refuse `true` and `false` where text is wanted: whoever wrote them without quotes meant something else."""
    if is_boolean(text):
        raise refusal(f"needs {wants}", hint=f'if it is text, write "{text}"')


def flag() -> Scalar:
    """Mark `true` or `false`, without quotes and in no other spelling."""
    return Scalar("true or false", _read_flag, {"type": "boolean"})


def _read_flag(text: str) -> bool:
    if isinstance(text, Plain) and text in {"true", "false"}:
        return text == "true"
    raise refusal("use true or false", hint="write it without quotes" if text in {"true", "false"} else None)


def whole_number(least: int, most: int) -> Scalar:
    """Mark a whole number within bounds, without quotes."""
    wants = f"a whole number from {least:,} to {most:,}"
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Scalar(wants, partial(_read_whole, wants=wants, least=least, most=most), schema)


def _read_whole(text: str, *, wants: str, least: int, most: int) -> int:
    if not isinstance(text, Plain) or not _WHOLE_NUMBER.fullmatch(text):
        meant = text.replace("_", "").replace(",", "")
        raise refusal(f"needs {wants}", hint=f"write {meant}" if _WHOLE_NUMBER.fullmatch(meant) else None)
    if not least <= int(text) <= most:
        raise refusal(f"needs {wants}")
    return int(text)


def word_of(words: type[StrEnum], *, later: str = "", else_hint: str | None = None) -> Scalar:
    """Mark one of a closed set; `later` are words, apart by spaces, that are known but have not landed.

    `else_hint` is for a word that resembles none of them.
    """
    wants = f"one of {', '.join(words)}"
    read = partial(_read_word, wants=wants, words=words, later=frozenset(later.split()), else_hint=else_hint)
    return Scalar(wants, read, {"type": "string", "enum": list(words)})


def _read_word(text: str, *, wants: str, words: type[StrEnum], later: frozenset[str], else_hint: str | None) -> StrEnum:
    if text in set(words):
        return words(text)
    if text in later:
        raise refusal(f"{text} is not there yet; this needs {wants}")
    raise refusal(f"needs {wants}", hint=did_you_mean(text, [*words, *sorted(later)]) or else_hint)
