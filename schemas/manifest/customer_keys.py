"""`key:` of `encryption:` and `decryption:`: where a key of SSE-C is found. The key itself stands in no manifest."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from s3plan.schemas.manifest.values import Scalar, Section, refusal, refuse_boolean, text_value, word_of
from s3plan.schemas.manifest.words import DecryptionType
from s3plan.schemas.plan.key_references import VARIABLE_PATTERN, KeyReference
from s3plan.schemas.requests.customer_keys import is_written_key

_BY_NAME = "write key: {env: NAME} or key: {file: PATH}, and have the key replaced by another: it was written down here"


def _named(wants: str, *, pattern: str | None = None) -> Scalar:
    """Mark the name of where a key is; a key itself is refused, and not quoted."""
    plain = text_value(wants, pattern=pattern)

    def read(text: str) -> object:
        refuse_boolean(text, wants=wants)
        if is_written_key(text) and not text.startswith("/"):  # which the path of a file may look like
            raise refusal(f"is a key itself; this needs {wants}", hint=_BY_NAME)
        return plain.read(text)

    return Scalar(wants, read, plain.schema)


class KeySetting(Section):
    """Where a key is found: never the key itself."""

    example: ClassVar[str] = "{env: PHOTO_KEY}"

    env: Annotated[str, _named("the name of an environment variable", pattern=VARIABLE_PATTERN)] | None = Field(
        default=None,
        description="Name of the environment variable that holds it, wherever the job runs.",
        examples=["PHOTO_KEY"],
    )
    file: Annotated[str, _named("the path of a file")] | None = Field(
        default=None,
        description="File that holds it: 32 bytes, or base64 or hex of them. Relative to the manifest's own folder.",
        examples=["./photo.key"],
    )

    @property
    def reference(self) -> KeyReference:
        """What the plan keeps."""
        return KeyReference(self.env, None if self.env is not None else self.file)


class DecryptionSetting(Section):
    """How what is read is decrypted."""

    example: ClassVar[str] = "{type: sse-c, key: {env: PHOTO_KEY}}"

    type: Annotated[DecryptionType, word_of(DecryptionType)] = Field(
        description="sse-c: by a key that goes with each request. What KMS decrypts needs no word."
    )
    key: KeySetting = Field(description="Where the key is found.", examples=[{"env": "PHOTO_KEY"}])
