"""`run.retries:` of the manifest: how often, and how long after, an action is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema
from s3plan.schemas.manifest.readers import delay_value
from s3plan.schemas.manifest.values import Plain, Section, refusal, shape_of, whole_number, word_of
from s3plan.schemas.manifest.words import Jitter

_MOST_RETRIES = 100
_NUMBER = whole_number(0, _MOST_RETRIES)


class Retries(Section):
    """How an action is tried again after a failure that may pass."""

    example: ClassVar[str] = "{attempts: 9, initial: 200ms, max: 20s}"

    attempts: Annotated[int, whole_number(1, _MOST_RETRIES + 1)] = Field(
        default=9, description="How often one action is tried at most, the first time included."
    )
    initial: Annotated[timedelta, delay_value()] = Field(
        default=timedelta(milliseconds=200), description="The longest wait before the second try.", examples=["200ms"]
    )
    max: Annotated[timedelta, delay_value()] = Field(
        default=timedelta(seconds=20), description="The longest wait of all.", examples=["20s"]
    )
    multiplier: Annotated[int, whole_number(1, 10)] = Field(
        default=2, description="How much longer the longest wait is from one try to the next."
    )
    jitter: Annotated[Jitter, word_of(Jitter)] = Field(
        default=Jitter.FULL,
        description="full: each wait is drawn between nothing and the longest. none: it is the longest.",
    )


@dataclass(frozen=True, slots=True)
class OrANumber:
    """Marks Retries that may be written as a number: how often an action is tried again after the first time."""

    def _read(self, value: object) -> object:
        if isinstance(value, str):
            again = _NUMBER.read(value)
            assert isinstance(again, int)  # noqa: S101  for the type checker; see whole_number
            return {"attempts": Plain(again + 1)}
        if not isinstance(value, dict | Retries):
            raise refusal(f"needs {_NUMBER.wants}, or a mapping, not {shape_of(value)}")
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [dict(_NUMBER.schema), handler(schema)]}
