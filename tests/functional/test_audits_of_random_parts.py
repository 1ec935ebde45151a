"""Whatever parts or checksums another tool has sent a file with: the same is found the same, and one bit is enough."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import s3plan
from fakes.folder_jobs import write_folder_job
from fakes.workplace import Workplace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3plan.schemas.evidence.findings import FindingKind

_WAYS = ("put", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "parts")


@st.composite
def sent_files(draw: st.DrawFn) -> tuple[bytes, str, int, int]:
    """A file, how it is sent, in parts of which size, and which of its bits is another one in its place later."""
    size = draw(st.integers(min_value=1, max_value=60_000))
    content = random.Random(draw(st.integers(0, 1 << 32))).randbytes(size)
    least = -(-size // 100)
    part_bytes = draw(st.integers(least, max(least, size)))
    return content, draw(st.sampled_from(_WAYS)), part_bytes, draw(st.integers(0, 8 * size - 1))


def send(place: Workplace, key: str, content: bytes, way: str, part_bytes: int) -> None:
    client: Any = place.server.client(request_checksum_calculation="when_required")
    if way != "parts":
        what = {} if way == "put" else {"ChecksumAlgorithm": way}
        client.put_object(Bucket="source", Key=key, Body=content, **what)
        return
    upload = client.create_multipart_upload(Bucket="source", Key=key)["UploadId"]
    parts = []
    for number, first in enumerate(range(0, len(content), part_bytes), start=1):
        body = content[first : first + part_bytes]
        answer = client.upload_part(Bucket="source", Key=key, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    client.complete_multipart_upload(Bucket="source", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


@pytest.fixture
def job(place: Workplace) -> Path:
    place.buckets("source")
    place.server.set_mode(min_part_size_bytes=1)
    (place.folder / "photos").mkdir()
    write_folder_job(place, source="./photos", destination="s3://source/up/")
    return place.folder / "job.yaml"


@given(files=st.lists(sent_files(), min_size=1, max_size=8))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_is_found_the_same_and_a_flipped_bit_is_found(
    place: Workplace, job: Path, files: list[tuple[bytes, str, int, int]]
) -> None:
    place.server.wipe("source")
    folder = place.folder / "photos"
    for old in folder.iterdir():
        old.unlink()
    for number, (content, way, part_bytes, bit) in enumerate(files):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / f"{number}-same").write_bytes(content)
        (folder / f"{number}-flipped").write_bytes(flipped)
        for name in ("same", "flipped"):
            send(place, f"up/{number}-{name}", content, way, part_bytes)
    report = s3plan.verify(job)
    counts = report.jobs[0].counts
    assert dict(counts.objects) == {FindingKind.SAME: len(files), FindingKind.DIFFERENT: len(files)}
    assert report.exit_code == 9
