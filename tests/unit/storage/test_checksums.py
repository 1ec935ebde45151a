"""Checksums of bytes as they pass are those that S3 states, and no more than is wanted."""

from __future__ import annotations

import os
import zlib
from base64 import b64encode

from contract.body_contract import crc_header
from s3plan.storage.checksums import CRC64NVME, PassingChecksums

CONTENT = os.urandom(100_000)


def passed(*, is_of_part: bool) -> PassingChecksums:
    found = PassingChecksums(is_of_part=is_of_part)
    for at in range(0, len(CONTENT), 33_333):
        found.update(CONTENT[at : at + 33_333])
    return found


def test_a_whole_object_has_all_that_a_store_may_state_of_it() -> None:
    found = passed(is_of_part=False).values()
    assert found.keys() == {CRC64NVME, "CRC32", "CRC32C"}
    assert found[CRC64NVME] == crc_header(CONTENT)
    assert found["CRC32"] == b64encode(zlib.crc32(CONTENT).to_bytes(4, "big")).decode()


def test_a_part_has_what_the_sum_of_the_whole_is_made_of() -> None:
    assert passed(is_of_part=True).values() == {CRC64NVME: crc_header(CONTENT)}
