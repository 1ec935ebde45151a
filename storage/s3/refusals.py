"""From a failure that ends a command to the error that says what to do about it."""

from __future__ import annotations

from s3plan.schemas.errors import CredentialsUnusable, S3PlanError, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.permissions.table import POLICY_HINT, missing_permission
from s3plan.schemas.printable import escape_unprintable


class BucketMissing(StoreRefused):
    """There is no such bucket; a destination with `create: true` may be made."""


def refusal_of(
    failure: Failure, *, bucket: str, doing: str, permission: str | None = None, clock_offset_ms: int = 0
) -> S3PlanError:
    """Return the error to raise for a failure of one of our own requests.

    `doing` completes "while"; `permission` is what the credentials may not have (`s3:ListBucket`), by default what the
    table of permissions says of the failure's operation. Never raises.
    """
    said = escape_unprintable(str(failure))
    match failure.kind:
        case FailureKind.CLOCK_SKEWED:
            return CredentialsUnusable(
                f"{bucket}: this machine's clock is {abs(clock_offset_ms) / 1000:,.0f} s off; set it right ({said})"
            )
        case FailureKind.CREDENTIALS_EXPIRED:
            return CredentialsUnusable(f"{bucket}: the credentials have expired ({said}); renew them and go on")
        case FailureKind.CREDENTIALS_REFUSED:
            return CredentialsUnusable(f"{bucket}: the credentials do not work ({said}); check those of its connection")
        case FailureKind.NO_SUCH_BUCKET:
            return BucketMissing(
                f"{bucket}: there is no such bucket; check its name and its connection", failure=failure
            )
        case FailureKind.DENIED:
            found = "access is denied"
            missing = permission or missing_permission(failure.operation)
            advice = (
                f"the credentials may be missing {missing}, or expected_bucket_owner may be another's; {POLICY_HINT}"
            )
        case FailureKind.WRONG_REGION:
            found = f"it is in {failure.region or 'another region'}"
            advice = "set the location's region" + (f" to {failure.region}" if failure.region else "")
        case FailureKind.UNREACHABLE:
            found, advice = "the store cannot be reached", "check the endpoint, the region and the network"
        case FailureKind.THROTTLED | FailureKind.TRANSIENT | FailureKind.BAD_REPLY | FailureKind.CONFLICT:
            found, advice = "the store does not answer as it should", "try again later"
        case _:
            found, advice = "the store does not take this request", "check the endpoint and what the store offers"
    return StoreRefused(f"{bucket}: {found}, while {doing} ({said}); {advice}", failure=failure)
