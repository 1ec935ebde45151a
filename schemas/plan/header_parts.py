"""Parts of a plan's header that are known by themselves: what a plan retries, and how its objects come across."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.requests.attributes import Encryption

KMS_KEY_PATTERN = r"^[A-Za-z0-9:/_-]{1,2048}$"


class HeaderPart(BaseModel):
    """A part of what a plan says once; it comes in from a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EncryptionRecord(HeaderPart):
    type: str = Field(pattern=r"^(AES256|aws:kms|aws:kms:dsse)$")
    key_id: str | None = Field(default=None, pattern=KMS_KEY_PATTERN)
    bucket_key: bool | None = None

    @property
    def of_requests(self) -> Encryption:
        """The same, as requests ask for it."""
        return Encryption(self.type, self.key_id, self.bucket_key)


class AccountRecord(HeaderPart):
    """Whose credentials a connection had when the plan was made."""

    connection: str = Field(description="empty for the default one")
    account: str | None = Field(
        default=None, pattern=r"^[0-9]{12}$", description="as AWS's token service says; none if it could not be learnt"
    )


class RetriedRecord(HeaderPart):
    """The plan that this one retries, and what of it no retry can make any more."""

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    source_objects: NonNegativeInt = Field(description="of the whole job: guards count against these")
    destination_objects: NonNegativeInt
    lost_copies: NonNegativeInt = Field(
        default=0, description="copies of the job that are neither as planned nor in this plan: they withhold deletes"
    )
    first_lost: str | None = Field(default=None, description="the key of one of them, for display")
    archived_objects: NonNegativeInt = Field(
        default=0, description="archived objects of the job that were left out: they hold jobs back that depend on it"
    )
    untried_copies: NonNegativeInt = Field(
        default=0, description="copies of the job that were left to `apply` of the plan itself: they withhold deletes"
    )

    def why_deletes_wait(self) -> str | None:
        """Return why deletes must not run whatever this plan's own copies come to; None if they may."""
        if self.untried_copies:
            copies = "1 copy" if self.untried_copies == 1 else f"{self.untried_copies:,} copies"
            return f"{copies} of the plan that was retried had not been tried; apply that one, then retry it"
        if not self.lost_copies:
            return None
        objects = "1 object" if self.lost_copies == 1 else f"{self.lost_copies:,} objects"
        first = "" if self.first_lost is None else f" ({escape_unprintable(self.first_lost)})"
        return (
            f"{objects}{first} to be copied by the plan that was retried cannot be looked at, or left the source, or "
            "is left out by now; what to delete can only be told by a new plan of the whole job"
        )


class TransferRecord(HeaderPart):
    """How objects come from one bucket to the other, and why so."""

    way: str = Field(pattern=r"^(server-side|relay)$", description="relay: the bytes pass through s3plan")
    why: str = Field(description="a clause, for display")

    def __str__(self) -> str:
        """`relay: another endpoint`."""
        return f"{self.way}: {self.why}"
