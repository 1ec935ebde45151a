"""SIGKILL again and again in relays between servers that are not of our making: the end of an undisturbed run.

In the long version 20,000 objects and one of 2 GiB, and ten kills, as far into the run as the journal says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from typing import Any

from fakes.journal_progress import Killer
from fakes.torture import TORTURE
from fakes.workplace import MIB
from servers.compiled import Compiled
from servers.independent_server import IndependentServer
from servers.ministack import MiniStack
from servers.pairs import BetweenServers, Place, started
from servers.swift import Swift

__all__ = ["started"]

SMALL, KILLS = (20_000, 10) if TORTURE else (90, 2)
LARGE_BYTES = 2**31 + 7 if TORTURE else 21 * MIB
PART = 16 * MIB if TORTURE else 5 * MIB
PARTS = -(-LARGE_BYTES // PART)
RUN: dict[str, Any] = {"part_size": f"{PART}B", "multipart_threshold": f"{PART}B"} | (
    {} if TORTURE else {"in_flight": 2, "workers": 2, "rate": "25/s"}  # so slow that no run is done before its kill
)
LARGE = "small/film"
PATIENCE_S = 1800 if TORTURE else 60
_SENT_BYTES = 64 * MIB  # at once by the test itself
_THREADS = 8


def body(key: str) -> bytes:
    return f"{key} has bytes of its own".encode() * 40


def names() -> list[str]:
    return [f"small/{number:05}" for number in range(SMALL)]


def film() -> Iterator[bytes]:
    """The large object, piece by piece; no two are the same."""
    base = bytes(sha256(b"film").digest()) * (_SENT_BYTES // 32)
    for number, start in enumerate(range(0, LARGE_BYTES, _SENT_BYTES)):
        piece = b"%08d" % number + base[8:-8] + b"%08d" % number
        yield piece[: LARGE_BYTES - start]


def put_film(server: IndependentServer) -> None:
    client = server.client(read_timeout=600)  # who puts the parts together may take its time
    where = {"Bucket": "source", "Key": LARGE}
    upload_id = client.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, piece in enumerate(film(), start=1):
        answer = client.upload_part(**where, UploadId=upload_id, PartNumber=number, Body=piece)
        parts.append({"ETag": answer["ETag"], "PartNumber": number})
    client.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})


def assert_film_is_there(server: IndependentServer) -> None:
    expected, found = sha256(), sha256()
    for piece in film():
        expected.update(piece)
    answer = server.client(read_timeout=600).get_object(Bucket="destination", Key=LARGE)
    assert answer["ContentLength"] == LARGE_BYTES
    for piece in answer["Body"].iter_chunks(MIB):
        found.update(piece)
    assert found.digest() == expected.digest()


def in_threads(what: Any, keys: list[str]) -> None:
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(what, keys))


class KilledRelays(BetweenServers):
    def test_relays_that_are_killed_again_and_again_end_as_an_undisturbed_one(self, place: Place) -> None:
        place.buckets()
        small = names()
        in_threads(lambda key: place.s3.put_object(Bucket="source", Key=key, Body=body(key)), small)
        put_film(place.origin)
        in_threads(
            lambda key: place.s3.put_object(Bucket="destination", Key=key, Body=b"older"),
            small[:: 20 if TORTURE else 3],
        )
        sums = {key: md5(body(key)).hexdigest() for key in small}
        place.manifest(run=RUN)
        place.plan(probe=True)
        killer = Killer(place.command, place.plan_file, actions=SMALL + 1, parts=PARTS)
        told, began_s = "", time.monotonic()
        stood: dict[str, float] = {}
        for number in range(1, KILLS + 1):
            killed = killer.kill_at(number / (KILLS + 2), timeout_s=PATIENCE_S)
            told += killed.ended.output
            for key, row in place.listed("destination").items():
                if row.etag == sums.get(key):
                    assert stood.setdefault(key, row.modified_s) == row.modified_s, "it was written again"
            print(f"kill {number} after {time.monotonic() - began_s:.0f} s: {killed.noted}, {len(stood)} stand")
        ended = place.command.run("apply", place.plan_file, "--yes", "--json", timeout_s=PATIENCE_S)
        assert ended.exit_code == 0, ended.output
        print(f"{self.FROM.__name__} to {self.TO.__name__}: {time.monotonic() - began_s:.0f} s", end=", ")
        print(ended.event("run-ended")["counts"])
        found = place.listed("destination")
        assert found.keys() == place.keys("source") == {*small, LARGE}
        assert {key: found[key].etag for key in small} == sums
        assert {key: found[key].modified_s for key in stood} == stood
        for key in small[:: 1 if SMALL < 100 else 50]:
            assert place.body("destination", key) == body(key)
        assert_film_is_there(place.server)
        left = place.server.upload_ids("destination")
        assert [each for each in left if each not in told + ended.output] == []
        place.assert_nothing_left()


class TestMiniStackToSwift(KilledRelays):
    FROM, TO = MiniStack, Swift


class TestSwiftToMiniStack(KilledRelays):
    FROM, TO = Swift, MiniStack


class TestSwiftToCompiled(KilledRelays):
    FROM, TO = Swift, Compiled


class TestCompiledToMiniStack(KilledRelays):
    FROM, TO = Compiled, MiniStack
