"""A run that is given up, from the first request to a new plan in its place."""

from __future__ import annotations

from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace


@BY_BOTH_ENGINES
def test_a_run_is_given_up_with_its_own_uploads_and_a_new_plan_takes_its_place(place: Workplace) -> None:
    place.seed("source", "big", size_bytes=11 * MIB)
    place.buckets("destination")
    place.manifest(run={"multipart_threshold": "5MiB", "part_size": "5MiB"})
    place.plan(probe=True)
    place.server.faults([Fault(kind=FaultKind.EXPIRED_TOKEN, operation="UploadPartCopy", key="big", times=None)])
    assert place.apply().exit_code == 10
    place.server.clear_faults()
    theirs = place.s3.create_multipart_upload(Bucket="destination", Key="big")["UploadId"]
    assert len(place.server.uploads("destination")) == 2

    ended = place.command.run("discard", "--yes", "--abort-uploads")
    assert ended.exit_code == 0, ended.output
    assert "1 unfinished multipart upload that will be aborted" in ended.stderr
    left = place.s3.list_multipart_uploads(Bucket="destination")["Uploads"]
    assert [upload["UploadId"] for upload in left] == [theirs]
    assert not place.plan_file.exists()
    place.plan()
    assert place.apply().exit_code == 0
    place.assert_same_content()
