"""What a plan says of how its writes will be proved."""

from __future__ import annotations

import pytest
from s3plan.schemas.evidence.forecast import verification_forecast
from s3plan.schemas.evidence.verification import Verification, Verify
from s3plan.schemas.plan.actions import ActionKind

NO_MD5 = "(ETags there are not known to be MD5 sums)"


@pytest.mark.parametrize(
    ("kind", "verification", "said"),
    [
        (
            ActionKind.UPLOAD,
            Verification(Verify.CHECKSUM, etags_are_md5=True),
            "by the MD5 sums that the store answers; else the bytes are read back",
        ),
        (
            ActionKind.UPLOAD,
            Verification(Verify.NONE),
            f"by checksums, if the store answers them {NO_MD5}; else nothing more is asked",
        ),
        (
            ActionKind.COPY,
            Verification(Verify.ETAG, etags_are_md5=True),
            "by equal ETags; else what the store states is compared",
        ),
        (
            ActionKind.COPY,
            Verification(Verify.CHECKSUM, is_strict=True),
            (
                f"by checksums, if the store states them {NO_MD5}; else the bytes are read back; "
                "what that does not prove fails"
            ),
        ),
        (
            ActionKind.DOWNLOAD,
            Verification(Verify.CHECKSUM, is_strict=True, etags_are_md5=True),
            "by the checksums that the store states, or MD5 sums; what that does not prove fails",
        ),
        (
            ActionKind.DOWNLOAD,
            Verification(Verify.SIZE, etags_are_md5=True),
            "by the checksums that the store states; else nothing more is asked",
        ),
    ],
)
def test_the_forecast_names_what_proves_and_what_happens_else(
    kind: ActionKind, verification: Verification, said: str
) -> None:
    assert verification_forecast(kind, verification) == said


def test_the_forecast_names_that_the_source_of_a_move_is_read_twice() -> None:
    said = verification_forecast(ActionKind.RELAY, Verification(Verify.ETAG, etags_are_md5=True), reads_twice=True)
    assert said == (
        "by the MD5 sums that the store answers; else what the store states is compared; "
        "over http:// what the source's store states no checksum of is read twice before it is removed"
    )
