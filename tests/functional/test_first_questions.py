"""What a plan asks before anybody waits for it is asked once: whoever needs the answer asks in the same words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fakes.workplace import BY_BOTH_ENGINES, MIRROR, Workplace

OWNER = {"expected_bucket_owner": "123456789012"}
ONCE_EACH = {"HeadBucket": 2, "GetBucketEncryption": 2, "ListObjectsV2": 2}
JOBS: dict[str, tuple[Mapping[str, object], Mapping[str, int]]] = {
    "plain": ({}, ONCE_EACH),
    "a mirror": (MIRROR, ONCE_EACH),
    "below prefixes": ({"source": "s3://source/in/", "destination": "s3://destination/out/"}, ONCE_EACH),
    "narrowed": ({"filters": {"include": ["/in/*.txt"]}}, ONCE_EACH),
    # Of each bucket two more, which depend on the first: is it another's, does the store look at owners at all?
    "with owners": ({"source": OWNER, "destination": OWNER}, {**ONCE_EACH, "HeadBucket": 6}),
    "encryption that the job sets": (
        {"destination": {"encryption": {"type": "AES256"}}},
        {**ONCE_EACH, "GetBucketEncryption": 1},
    ),
    "one bucket": ({"source": "s3://source/in/", "destination": "s3://source/out/"}, ONCE_EACH),
}


@BY_BOTH_ENGINES
@pytest.mark.parametrize("job", JOBS)
def test_each_question_is_sent_once(place: Workplace, job: str) -> None:
    sections, expected = JOBS[job]
    place.seed("source", "in/a.txt", "in/b.txt", "c", size_bytes=10)
    place.buckets("destination")
    place.manifest(**sections)
    before = place.server.stats()
    ended = place.command.run("plan", "job.yaml")
    assert ended.exit_code == 0, ended.output
    after = place.server.stats()
    sent = {name: after.requested(name) - before.requested(name) for name in after.requests}
    assert {name: number for name, number in sent.items() if number} == expected
