"""Journeys under keys of SSE-C that end the same on every S3 server that has them. A subclass gives `place`."""

from __future__ import annotations

import os
from typing import Any

import pytest
import s3plan
from fakes.customer_keys import BOTH, ONE, TWO, put, read_all, set_keys, sse_c
from fakes.folder_jobs import files_below, write_files, write_folder_job
from fakes.workplace import BY_BOTH_ENGINES, MIB
from functional.server_journeys import IN_PARTS, Place

SIZES = {"empty": 0, "small": 17, "large": 11 * MIB + 1}


def carry_out(place: Place, *words: str) -> None:
    """Plan, apply and verify by the command; a second plan has nothing to do."""
    place.plan()
    ended = place.command.run("apply", place.plan_file, "--yes", *words)
    assert ended.exit_code == 0, ended.output
    again = s3plan.plan(place.folder / "job.yaml", output=place.folder / "again.s3plan")
    assert not again.has_changes, again.header.jobs[0].totals


@BY_BOTH_ENGINES
class CustomerKeyJourneys:
    @pytest.fixture(autouse=True)
    def _keys(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        set_keys(place, monkeypatch)
        place.buckets()

    def test_a_folder_goes_up_under_a_key_and_comes_down_again(self, place: Place) -> None:
        folder = place.folder / "photos"
        folder.mkdir()
        for name, size in SIZES.items():
            write_files(folder, name, size=size)
        away: dict[str, Any] = {"url": "s3://destination/up/"}
        encrypted = {**away, "encryption": {"type": "sse-c", "key": {"env": "ONE"}}}
        write_folder_job(place, source="./photos", destination=encrypted, run=IN_PARTS)
        carry_out(place)
        assert read_all(place, "destination", ONE, prefix="up/") == files_below(folder)
        decrypted = {**away, "decryption": {"type": "sse-c", "key": {"file": "one.key"}}}
        write_folder_job(place, source=decrypted, destination="./back", run=IN_PARTS)
        carry_out(place)
        assert files_below(place.folder / "back") == files_below(folder)

    @pytest.mark.parametrize(("here", "there"), [(ONE, TWO), (ONE, None), (None, TWO), (ONE, ONE)], ids=BOTH)
    def test_copies_go_from_one_key_to_another(self, place: Place, here: bytes | None, there: bytes | None) -> None:
        content = {name: os.urandom(size) for name, size in SIZES.items()}
        for name, body in content.items():
            put(place, "source", name, body, here)
        place.manifest(run=IN_PARTS, source=sse_c("decryption", here), destination=sse_c("encryption", there))
        carry_out(place)
        assert read_all(place, "destination", there) == content
        verified = place.command.run("verify", "job.yaml", "--checksum")
        assert verified.exit_code == 0, verified.output

    def test_what_is_relayed_is_under_the_keys_of_both_sides(self, place: Place) -> None:
        content = {name: os.urandom(size) for name, size in SIZES.items()}
        for name, body in content.items():
            put(place, "source", name, body, ONE)
        keys = {"source": sse_c("decryption", ONE), "destination": sse_c("encryption", TWO)}
        place.manifest(run=IN_PARTS, transfer="relay", **keys)
        carry_out(place)
        assert read_all(place, "destination", TWO) == content

    def test_a_move_removes_what_it_has_proved_under_both_keys(self, place: Place) -> None:
        put(place, "source", "moved", b"bytes", ONE)
        source, destination = sse_c("decryption", ONE), sse_c("encryption", TWO)
        place.manifest(mode="move", source=source, destination=destination, run={"verify": "checksum"})
        place.plan()
        ended = place.command.run("apply", place.plan_file, "--yes")
        assert ended.exit_code == 0, ended.output
        assert read_all(place, "destination", TWO) == {"moved": b"bytes"}
        assert place.keys("source") == set()
