"""A public source is read without credentials, by each engine, and none are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes.command import Command
from fakes.credential_services import CredentialServices, credential_services
from fakes.folder_jobs import files_below, write_folder_job
from fakes.workplace import MIB, Workplace

OURS, THEIRS = "111122223333", "444455556666"
EACH_ENGINE = pytest.mark.parametrize("engine", ["native", "crt", "boto3"])
LARGE = {"multipart_threshold": "5MiB", "part_size": "5MiB"}


@pytest.fixture
def services() -> Iterator[CredentialServices]:
    """An instance whose credentials nobody is to ask for."""
    with credential_services("ASIANOBODY", "secret", "token", shown="shown") as services:
        yield services


def public(place: Workplace) -> None:
    """Somebody else's bucket, which everybody may list and read, and one of ours."""
    place.server.set_mode(
        principals={"AKIDOURS": {"secret": "secret-of-ours", "account": OURS}},
        anonymous=True,
        owners={"source": THEIRS, "destination": OURS},
        grants={"source": {"*": ["list", "read"]}},
    )
    place.seed("source", "a", "b c", size_bytes=20, synthetic=False)
    place.seed("source", "large", size_bytes=17 * MIB, synthetic=False)


def command(place: Workplace, services: CredentialServices, **variables: str) -> Command:
    others = {name: value for name, value in place.command.variables.items() if "ACCESS_KEY" not in name}
    return replace(place.command, variables={**others, **services.of_instance(), **variables})


@pytest.mark.sampled(1)
@EACH_ENGINE
def test_a_public_bucket_comes_down_where_there_are_no_credentials_at_all(
    place: Workplace, services: CredentialServices, engine: str
) -> None:
    public(place)
    connection = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": engine, "anonymous": True}
    source = {"url": "s3://source/", "connection": "public"}
    write_folder_job(place, source=source, destination="./here", connections={"public": connection}, run=LARGE)
    ours = command(place, services)
    for words in (["plan", "job.yaml"], ["apply", "--yes"]):
        ended = ours.run(*words)
        assert ended.exit_code == 0, ended.output
    found = files_below(place.folder / "here")
    assert {key: len(body) for key, body in found.items()} == {"a": 20, "b c": 20, "large": 17 * MIB}
    assert services.times_asked == 0
    assert {one.key_id for one in place.server.log()} == {""}


@pytest.mark.sampled(2)
@EACH_ENGINE
@pytest.mark.parametrize("way", ["server-side", "relay"])
def test_a_public_bucket_is_copied_to_one_of_ours_by_the_store_or_through_us(
    place: Workplace, services: CredentialServices, engine: str, way: str
) -> None:
    public(place)
    place.buckets("destination")
    common = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": engine}
    place.manifest(
        source={"connection": "public"},
        destination={"connection": "ours"},
        connections={"public": {**common, "anonymous": True}, "ours": {**common, "env_prefix": "OURS_"}},
        transfer="auto" if way == "server-side" else "relay",
        run=LARGE,
    )
    ours = command(place, services, OURS_ACCESS_KEY_ID="AKIDOURS", OURS_SECRET_ACCESS_KEY="secret-of-ours")
    for words in (["plan", "job.yaml"], ["apply", "--yes"]):
        ended = ours.run(*words)
        assert ended.exit_code == 0, ended.output
    found, wanted = (place.server.snapshot(bucket) for bucket in ("destination", "source"))
    assert {key: one.size_bytes for key, one in found.items()} == {key: one.size_bytes for key, one in wanted.items()}
    assert services.times_asked == 0
    reads = [one for one in place.server.log() if one.operation == "GetObject" and one.bucket == "source"]
    assert bool(reads) is (way == "relay")
    assert {one.key_id for one in reads} <= {""}
    assert {one.key_id for one in place.server.log() if one.bucket == "destination"} == {"AKIDOURS"}
