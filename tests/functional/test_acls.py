"""A destination's canned ACL goes with every new object, small or large, copied or uploaded, by each engine."""

from __future__ import annotations

import pytest
from fakes.folder_jobs import write_folder_job
from fakes.quirky_store import Asked, Said, quirky_store
from fakes.workplace import MIB, Workplace

FULL_CONTROL = "bucket-owner-full-control"
IN_PARTS = {"multipart_threshold": "5MiB", "part_size": "5MiB"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", ["native", "crt", "boto3"])
@pytest.mark.parametrize("way", ["copy", "upload", "relay"])
def test_each_new_object_has_the_acl_of_its_destination(place: Workplace, engine: str, way: str) -> None:
    place.engine = engine
    place.server.set_mode(has_acls=True)
    place.buckets()
    if way == "upload":
        (place.folder / "files").mkdir()
        (place.folder / "files" / "small").write_bytes(b"small")
        (place.folder / "files" / "large").write_bytes(bytes(17 * MIB))
    else:
        place.seed("source", "small", size_bytes=5, synthetic=False)
        place.seed("source", "large", size_bytes=17 * MIB, synthetic=False)
    destination = {"url": "s3://destination/", "acl": "public-read"}
    source = "./files" if way == "upload" else "s3://source/"
    transfer = {"transfer": "relay"} if way == "relay" else {}
    write_folder_job(place, source=source, destination=destination, run=IN_PARTS, **transfer)
    planned = place.command.run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    assert "ACL: public-read" in planned.stdout
    ended = place.command.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    assert {key: found.acl for key, found in place.server.snapshot("destination").items()} == {
        "small": "public-read",
        "large": "public-read",
    }
    assert place.server.stats().requested("CompleteMultipartUpload") >= 1


def test_a_bucket_without_acls_takes_its_owners_full_control_and_refuses_another_in_words(place: Workplace) -> None:
    place.seed("source", "a", size_bytes=5)
    place.buckets("destination")
    destination = {"url": "s3://destination/", "connection": "store"}
    place.manifest(destination={**destination, "acl": "public-read"})
    assert place.command.run("plan", "job.yaml").exit_code == 0
    ended = place.command.run("apply", "--yes", "--allow-checked")
    assert ended.exit_code == 1, ended.output  # before anything is begun
    assert "AccessControlListNotSupported" in ended.output
    assert "remove acl from the destination" in ended.output
    place.manifest(destination={**destination, "acl": FULL_CONTROL})
    assert place.command.run("plan", "job.yaml").exit_code == 0
    ended = place.command.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    assert place.server.snapshot("destination")["a"].acl == FULL_CONTROL


def demand_headers(asked: Asked, said: Said) -> Said:
    """As a bucket's policy does that wants to own, and to know encrypted, whatever is written."""
    writes = asked.method == "PUT" and "partNumber" not in asked.query
    opens = asked.method == "POST" and "uploads" in asked.query
    has_both = (asked.headers.get("x-amz-acl"), asked.headers.get("x-amz-server-side-encryption"))
    if (writes or opens) and asked.path.startswith("/destination/") and has_both != (FULL_CONTROL, "AES256"):
        return Said(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
    return said


@pytest.mark.parametrize(("way", "at"), [("copy", "plan"), ("copy", "apply"), ("upload", "apply"), ("move", "apply")])
def test_what_tries_a_store_out_has_the_headers_that_its_policy_demands(place: Workplace, way: str, at: str) -> None:
    place.buckets()
    with quirky_store(place.server.endpoint) as policed:
        policed.quirk = demand_headers
        if way == "upload":
            (place.folder / "files").mkdir()
            (place.folder / "files" / "large").write_bytes(bytes(17 * MIB))
        else:
            place.seed("source", "large", size_bytes=17 * MIB, synthetic=False)
        destination = {"url": "s3://destination/", "acl": FULL_CONTROL, "encryption": {"type": "AES256"}}
        source = "./files" if way == "upload" else "s3://source/"
        more = {"mode": "move", "guards": {"max_delete": "100%"}} if way == "move" else {}
        write_folder_job(place, source=source, destination=destination, run={**IN_PARTS, "verify": "checksum"}, **more)
        path = place.folder / "job.yaml"
        path.write_text(path.read_text().replace(place.server.endpoint, policed.endpoint))
        planned = place.command.run("plan", "job.yaml", *(["--probe"] if at == "plan" else []))
        assert planned.exit_code == 0, planned.output
        ended = place.command.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    assert {key: found.acl for key, found in place.server.snapshot("destination").items()} == {"large": FULL_CONTROL}
