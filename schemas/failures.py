"""What went wrong with one request, classified where it arises: at the storage boundary."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from s3plan.schemas.plan.sides import Side


class FailureKind(StrEnum):
    """The classes that decisions are made on; S3's own codes are kept with them for the eye."""

    PRECONDITION = "precondition"  # 412: a pin did not hold, or a reply to an earlier success was lost
    CONFLICT = "conflict"  # 409: another write raced with ours; look again
    NOT_FOUND = "not-found"  # 404 NoSuchKey
    NO_SUCH_BUCKET = "no-such-bucket"
    NO_SUCH_UPLOAD = "no-such-upload"
    INVALID_PART = "invalid-part"
    THROTTLED = "throttled"  # 503 SlowDown, 429: not executed
    TRANSIENT = "transient"  # 500, 502, 504, resets, timeouts, 200 with an error body: may have been executed
    DENIED = "denied"  # 403 AccessDenied
    CREDENTIALS_EXPIRED = "credentials-expired"
    CREDENTIALS_REFUSED = "credentials-refused"  # unknown key, wrong signature, none found
    CLOCK_SKEWED = "clock-skewed"
    ARCHIVED = "archived"  # 403 InvalidObjectState
    WRONG_REGION = "wrong-region"
    UNSUPPORTED = "unsupported"  # 501 NotImplemented
    MALFORMED_XML = "malformed-xml"
    BAD_REPLY = "bad-reply"  # an answer that cannot be parsed or contradicts itself
    UNREACHABLE = "unreachable"  # no connection could be made: not executed
    SOURCE_CHANGED = "source-changed"  # what was being sent became another thing meanwhile
    LOCAL_IO = "local-io"  # a file of this machine could not be read or written
    VERIFICATION = "verification"  # bytes that were sent, fetched or stored are not those of the source
    INVALID = "invalid"  # any other 4xx: the request itself is wrong

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later without anything else having changed."""
        return self in _RETRYABLE

    @property
    def is_unclear(self) -> bool:
        """Whether a write that ended this way may have been executed all the same."""
        return self in _UNCLEAR

    @property
    def is_credentials(self) -> bool:
        """Whether no further request of this connection can succeed until the credentials change."""
        return self in _CREDENTIALS

    @property
    def is_of_endpoint(self) -> bool:
        """Whether the store as such may be down: nobody there has answered, or something is wrong with itself."""
        return self in _OF_ENDPOINT


_RETRYABLE = frozenset(
    {
        FailureKind.THROTTLED,
        FailureKind.TRANSIENT,
        FailureKind.UNREACHABLE,
        FailureKind.CONFLICT,
        FailureKind.VERIFICATION,
    }
)
_UNCLEAR = frozenset({FailureKind.TRANSIENT, FailureKind.BAD_REPLY})
_OF_ENDPOINT = frozenset({FailureKind.TRANSIENT, FailureKind.UNREACHABLE})
_CREDENTIALS = frozenset({FailureKind.CREDENTIALS_EXPIRED, FailureKind.CREDENTIALS_REFUSED, FailureKind.CLOCK_SKEWED})


@dataclass(frozen=True, slots=True)
class Failure:
    """How one request failed. A value, not an exception: procedures look at it and decide."""

    kind: FailureKind
    operation: str  # S3's name: "CopyObject"
    code: str  # S3's code ("SlowDown") or the engine's own word for what happened
    message: str  # the store's text: untrusted
    status: int | None = None  # HTTP status; None if no answer came
    request_id: str | None = None
    retry_after_s: float | None = None
    region: str | None = None  # for WRONG_REGION: where the store says the bucket is
    side: Side | None = None  # which side of a batch was asked; None outside of one

    @property
    def may_have_opened(self) -> bool:
        """Whether an upload may be open, its id untold: of a 5xx even where the code says that nothing was done."""
        return self.kind.is_unclear or (self.status or 0) >= 500

    def __str__(self) -> str:
        """One clause for a person: operation, the side if that is the source, code, status, the store's words."""
        of_side = " of the source" if self.side is Side.SOURCE else ""
        status = f" ({self.status})" if self.status is not None else ""
        message = f": {self.message}" if self.message else ""
        return f"{self.operation}{of_side}: {self.code}{status}{message}"
