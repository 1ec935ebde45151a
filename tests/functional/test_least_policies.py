"""What `s3plan policy` prints suffices on a server that enforces just that, and one action less does not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from fakes.policed import FROM, IN_PARTS, SIGNERS, TO, Journey, Less, Policed
from fakes.s3server import Fault, FaultKind
from fakes.workplace import BY_BOTH_ENGINES, MIB, Workplace
from s3plan.schemas.permissions.table import PERMISSIONS

KEY = {"type": "aws:kms", "key_id": "alias/backup"}
OWN_KEY = {"type": "sse-c", "key": {"env": "PHOTO_KEY"}}
TAGS = {"team": "a b+c"}
KEPT_FOR_VERSIONS = {"s3:ListBucketVersions", "s3:DeleteObjectVersion"}
"""For what a killed probe left in a bucket with versions, which the test server does not keep."""


def seeded(place: Workplace) -> None:
    """Objects with tags, small and large, one that its ETag alone shows to be another, and what is not the job's."""
    place.seed("source", "from/small", "from/a//b ?+%", size_bytes=10, synthetic=False, tags=TAGS)
    place.seed("source", "from/older", size_bytes=10, synthetic=False, seed=1, modified_s=1000, tags=TAGS)
    place.seed("destination", "to/older", size_bytes=10, synthetic=False, modified_s=2000)
    place.seed("source", "from/big", size_bytes=11 * MIB, synthetic=False, tags=TAGS)
    place.seed("destination", "elsewhere", "to/extraneous", size_bytes=10)
    place.seed("source", "elsewhere", size_bytes=10)


def in_parts(place: Workplace, bucket: str, key: str, content: bytes) -> None:
    """Put an object whose ETag says nothing of its bytes, and of which the store states a checksum."""
    of = {"Bucket": bucket, "Key": key}
    sums = {"ChecksumAlgorithm": "CRC64NVME"}
    upload = place.s3.create_multipart_upload(**of, **sums, ChecksumType="FULL_OBJECT")["UploadId"]
    part = place.s3.upload_part(**of, **sums, UploadId=upload, PartNumber=1, Body=content)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC64NVME": part["ChecksumCRC64NVME"]}]}
    whole = part["ChecksumCRC64NVME"]
    place.s3.complete_multipart_upload(
        **of, UploadId=upload, MultipartUpload=parts, ChecksumCRC64NVME=whole, ChecksumType="FULL_OBJECT"
    )


def files(place: Workplace) -> None:
    """New ones, one that is told from its object by the ETag, and one that a checksum alone shows to be the same."""
    place.buckets("destination")
    folder = place.folder / "files"
    folder.mkdir()
    for name, content in (("small", b"0123456789"), ("big", b"0123456789" * (MIB + 1)), ("same", b"the same")):
        (folder / name).write_bytes(content)
    in_parts(place, "destination", "to/same", b"the same")
    (folder / "other").write_bytes(b"9876543210")
    place.seed("destination", "to/other", size_bytes=10)


def objects_for_files(place: Workplace) -> None:
    """The same the other way round."""
    for key, content in (("small", b"0123456789"), ("big", b"0123456789" * (MIB + 1))):
        place.s3.put_object(Bucket="source", Key=f"from/{key}", Body=content)
    folder = place.folder / "files"
    folder.mkdir()
    (folder / "same").write_bytes(b"the same")
    in_parts(place, "source", "from/same", b"the same")
    (folder / "other").write_bytes(b"9876543210")
    place.s3.put_object(Bucket="source", Key="from/other", Body=b"0123456789")


def filled_by_others(place: Workplace) -> None:
    """Two places that a checksum alone shows to be the same."""
    place.buckets("destination")
    in_parts(place, "source", "from/same", b"the same")
    place.s3.put_object(Bucket="destination", Key="to/same", Body=b"the same", ChecksumAlgorithm="CRC64NVME")


def without_destination(place: Workplace) -> None:
    place.seed("source", "from/small", size_bytes=10)


def source_gone(place: Workplace) -> None:
    place.s3.delete_object(Bucket="source", Key="from/big")


def deleted_meanwhile(place: Workplace) -> None:
    refused = FaultKind.KEYS_REFUSED
    place.server.faults(
        [
            Fault(
                kind=refused,
                operation="DeleteObjects",
                keys=["from/small"],
                code="OperationAborted",
                times=None,
                after_commit=True,
            )
        ]
    )


def refused_once(place: Workplace) -> None:
    place.server.faults([Fault(kind=FaultKind.CONFLICT, operation="PutObject", key="to/small", times=1)])


def changed_in_between(place: Workplace) -> None:
    """The destination is written while parts are: the upload is aborted."""
    place.server.faults([Fault(kind=FaultKind.CONFLICT, operation="CompleteMultipartUpload", key="to/big", times=1)])


def cut_off(place: Workplace) -> None:
    of_parts = ("UploadPartCopy", "UploadPart")
    expired = FaultKind.EXPIRED_TOKEN
    place.server.faults(
        [Fault(kind=expired, operation=operation, key="to/big", after=1, times=None) for operation in of_parts]
    )


def upload_lost(place: Workplace) -> None:
    lost = FaultKind.REPLY_LOST
    place.server.faults([Fault(kind=lost, operation="CreateMultipartUpload", key="to/big", times=1)])


def upload_of_probe_lost(place: Workplace) -> None:
    lost = FaultKind.REPLY_LOST
    place.server.faults([Fault(kind=lost, operation="CreateMultipartUpload", bucket="source", times=1)])


COPY = {"source": FROM, "destination": TO, "run": IN_PARTS}
ENCRYPTED = {**COPY, "destination": {**TO, "encryption": KEY}}
MIRROR = {**COPY, "mode": "mirror", "delete": {"extraneous": True}, "guards": {"max_delete": "100%"}}
MOVE = {**COPY, "mode": "move", "guards": {"max_delete": "100%"}}
DELETE = {"mode": "delete", "location": FROM, "filters": {"exclude": ["a/"]}, "guards": {"max_delete": "100%"}}
UP = {"source": "./files", "destination": TO, "run": IN_PARTS}
DOWN = {"source": FROM, "destination": "./files", "run": IN_PARTS}
OWN_TAGS = {**COPY, "destination": {**TO, "tags": {"class": "photo"}}}
NO_TAGS = {**COPY, "preserve": ["metadata", "content"]}
RELAY = {**COPY, "transfer": "relay", "destination": {**TO, "acl": "bucket-owner-full-control"}}
SEVERAL = {
    "jobs": {
        "first": {"source": FROM, "destination": TO},
        "second": {"source": FROM, "destination": {**TO, "url": "s3://destination/then/"}, "depends_on": ["first"]},
    }
}
JOURNEYS: Mapping[str, Journey] = {
    "copy": Journey(COPY, seeded),
    "copy, encrypted": Journey(ENCRYPTED, seeded),
    "copy, source gone": Journey(COPY, seeded, source_gone),
    "copy, aborted": Journey(COPY, seeded, changed_in_between),
    "copy, cut off": Journey(COPY, seeded, cut_off, applies=2),
    "copy, upload lost": Journey(COPY, seeded, upload_lost),
    "tagged copy": Journey(OWN_TAGS, seeded),
    "untagged copy": Journey(NO_TAGS, seeded),
    "tagged upload": Journey({**UP, "destination": {**TO, "tags": {"class": "photo"}}}, files),
    "relay": Journey(RELAY, seeded),
    "mirror": Journey(MIRROR, seeded),
    "move": Journey(MOVE, seeded),
    "move, upload of probe lost": Journey(MOVE, seeded, upload_of_probe_lost),
    "delete": Journey(DELETE, seeded),
    "delete, upload of probe lost": Journey(DELETE, seeded, upload_of_probe_lost),
    "delete, gone meanwhile": Journey(DELETE, seeded, deleted_meanwhile),
    "upload": Journey(UP, files),
    "upload, cut off": Journey(UP, files, cut_off, applies=2),
    "upload, upload lost": Journey(UP, files, upload_lost),
    "upload, refused once": Journey(UP, files, refused_once),
    "download": Journey(DOWN, objects_for_files),
    "download, source gone": Journey(DOWN, objects_for_files, source_gone),
    "create": Journey({**COPY, "destination": {**TO, "create": True}}, without_destination),
    "verify": Journey(COPY, filled_by_others, commands=("verify",)),
    "copy, on AWS": Journey(COPY, seeded, on_aws=True),
    "mirror, on AWS": Journey(MIRROR, seeded, on_aws=True),
    "move, on AWS": Journey(MOVE, seeded, on_aws=True),
    "delete, on AWS": Journey(DELETE, seeded, on_aws=True),
    "upload, on AWS": Journey(UP, files, on_aws=True),
    "relay, cut off": Journey(RELAY, seeded, cut_off, applies=2),
    "copy, by keys of one's own": Journey({**COPY, "destination": {**TO, "encryption": OWN_KEY}}, seeded),
    "several jobs": Journey(SEVERAL, seeded),
}
NEEDED: Mapping[str, Mapping[str, str]] = {
    "copy": {
        "plan reads": "s3:GetEncryptionConfiguration s3:ListBucket",
        "plan writes": "s3:GetEncryptionConfiguration s3:GetObject s3:ListBucket",
        "apply reads": "s3:GetObject s3:GetObjectTagging",
        "apply writes": "s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:GetObjectTagging s3:ListBucket "
        "s3:PutObject s3:PutObjectTagging",
    },
    "copy, encrypted": {"apply writes": "kms:Decrypt kms:GenerateDataKey"},
    "copy, source gone": {"apply reads": "s3:ListBucket"},
    "copy, cut off": {"apply writes": "s3:ListMultipartUploadParts"},
    "copy, upload lost": {"apply writes": "s3:ListBucketMultipartUploads"},
    "tagged copy": {"apply reads": "s3:GetObjectTagging", "apply writes": "s3:PutObjectTagging"},
    "tagged upload": {"apply writes": "s3:PutObjectTagging"},
    "relay": {
        "apply reads": "s3:GetObject s3:GetObjectTagging",
        "apply writes": "s3:PutObject s3:PutObjectAcl s3:PutObjectTagging",
    },
    "relay, cut off": {"apply writes": "s3:ListMultipartUploadParts"},
    "mirror": {"apply writes": "s3:DeleteObject"},
    "move": {"apply reads": "s3:AbortMultipartUpload s3:DeleteObject s3:PutObject"},
    "move, upload of probe lost": {"apply reads": "s3:ListBucketMultipartUploads"},
    "delete": {
        "plan reads": "s3:ListBucket",
        "apply reads": "s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:PutObject",
    },
    "delete, upload of probe lost": {"apply reads": "s3:ListBucketMultipartUploads"},
    "delete, gone meanwhile": {"apply reads": "s3:ListBucket"},
    "delete, on AWS": {
        "apply reads": "s3:DeleteObject s3:GetObject s3:GetObjectTagging s3:PutObject s3:PutObjectTagging"
    },
    "move, on AWS": {"apply reads": "s3:DeleteObject s3:PutObject s3:PutObjectTagging"},
    "mirror, on AWS": {"apply writes": "s3:DeleteObject"},
    "upload": {
        "plan writes": "s3:GetEncryptionConfiguration s3:GetObject s3:ListBucket",
        "apply writes": "s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:PutObject",
    },
    "upload, refused once": {"apply writes": "s3:ListBucket"},
    "upload, cut off": {"apply writes": "s3:ListMultipartUploadParts"},
    "upload, upload lost": {"apply writes": "s3:ListBucketMultipartUploads"},
    "download": {
        "plan reads": "s3:GetEncryptionConfiguration s3:GetObject s3:ListBucket",
        "apply reads": "s3:GetObject",
    },
    "download, source gone": {"apply reads": "s3:ListBucket"},
    "create": {"apply writes": "s3:CreateBucket"},
    "verify": {"verify reads": "s3:GetObject s3:ListBucket", "verify writes": "s3:GetObject s3:ListBucket"},
}
"""What each command cannot do without, by the journey that shows it."""


ANSWERED_BY_DENIALS = {"HeadBucket", "HeadObject"}
"""Of a bucket that may be listed below a prefix only, and of a key where nothing is."""
KINDS = ("copy", "copy, encrypted", "mirror", "move", "delete", "upload", "download", "relay", "verify")
KINDS_ON_AWS = ("copy, on AWS", "mirror, on AWS", "move, on AWS", "delete, on AWS", "upload, on AWS")


def _one_less_at_a_time() -> Iterator[tuple[str, Less]]:
    for journey, by_signer in NEEDED.items():
        for place, actions in by_signer.items():
            command, _, signer = place.partition(" ")
            yield from ((journey, Less(command, signer, action)) for action in actions.split())


@pytest.fixture
def policed(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Policed:
    monkeypatch.setenv("PHOTO_KEY", "11" * 32)
    return Policed(place, monkeypatch)


@BY_BOTH_ENGINES
@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_ends_under_its_policy_as_it_does_without_any(policed: Policed, name: str) -> None:
    journey = JOURNEYS[name]
    free = policed.end_of(journey, enforces=False)
    sent = policed.place.server.log()
    assert {each.operation for each in sent if "versions" not in each.query} <= PERMISSIONS.keys()
    assert policed.end_of(journey) == free
    denied = {each.operation for each in policed.place.server.log() if each.status == "403"}
    assert denied <= ANSWERED_BY_DENIALS | ({"GetBucketEncryption"} if "verify" in journey.commands else set())


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("name", "less"),
    list(_one_less_at_a_time()),
    ids=lambda each: str(each) if isinstance(each, str) else f"{each.command} {each.signer} {each.action}",
)
def test_one_action_less_is_noticed(policed: Policed, name: str, less: Less) -> None:
    journey = JOURNEYS[name]
    assert policed.end_of(journey, less=less) != policed.end_of(journey)


@pytest.mark.parametrize(
    "kind", ["copy", "copy, encrypted", "mirror", "move", "delete", "upload", "download", "verify"]
)
def test_no_policy_has_an_action_that_no_journey_needs(policed: Policed, kind: str) -> None:
    journey = JOURNEYS[kind]
    policed.manifest(journey.sections, on_aws=journey.on_aws)
    needed = {
        (*signer.split(), action)
        for name, by_signer in NEEDED.items()
        if name.partition(",")[0] == kind.partition(",")[0]
        or (kind.partition(",")[0] in ("mirror", "move", "relay") and name.startswith("copy"))
        for signer, actions in by_signer.items()
        for action in actions.split()
    }
    for command in journey.commands:
        for key_id, document in policed.policies(command).items():
            signer = next(name for name, each in SIGNERS.items() if each == key_id)
            actions = {action for statement in document["Statement"] for action in statement["Action"]}
            assert {(command, signer, action) for action in actions - KEPT_FOR_VERSIONS} <= needed


def test_a_denial_at_apply_names_the_permission_and_the_command(policed: Policed) -> None:
    place = policed.place
    seeded(place)
    policed.manifest(COPY)
    command = replace(place.command, variables={**place.command.variables, **policed.variables})
    assert command.run("plan", "job.yaml").exit_code == 0
    for less, exit_code in (("s3:DeleteObject", 1), ("s3:PutObjectTagging", 3)):
        place.server.set_mode(policies=policed.policies("apply", Less("apply", "writes", less)))
        ended = command.run("apply", place.plan_file, "--yes", "-v")
        assert ended.exit_code == exit_code, ended.output
        assert less in ended.output
        assert "s3plan policy" in ended.output


def test_the_command_prints_documents_and_asks_no_store(policed: Policed) -> None:
    place = policed.place
    policed.manifest(COPY)
    place.server.reset_stats()
    printed = place.command.run("policy", "job.yaml", "--for", "plan", "--side", "source")
    assert (printed.exit_code, json.loads(printed.stdout)["Version"]) == (0, "2012-10-17")
    assert "policy for connection reads:" in printed.stderr
    assert "not AWS" in printed.stderr
    found = json.loads(place.command.run("policy", "job.yaml", "--json").stdout)
    assert [(each["kind"], each["connection"]) for each in found["policies"]] == [
        ("identity", "reads"),
        ("identity", "writes"),
        ("bucket", "writes"),
    ]
    assert place.server.log() == []
    assert place.command.run("policy", "job.yaml", "--job", "another").exit_code == 64
    assert place.command.run("policy", "job.yaml", "--for", "fun").exit_code == 64
    (place.folder / "job.yaml").write_text("{}")
    assert place.command.run("policy", "job.yaml").exit_code == 65


def test_a_retry_works_under_the_policy_for_plan_and_apply(policed: Policed) -> None:
    place = policed.place
    seeded(place)
    policed.manifest(COPY)
    command = replace(place.command, variables={**place.command.variables, **policed.variables})
    assert command.run("plan", "job.yaml").exit_code == 0
    place.server.set_mode(policies=policed.policies(None))
    source_gone(place)
    place.seed("source", "from/small", size_bytes=12, synthetic=False, tags=TAGS)
    assert command.run("apply", place.plan_file, "--yes").exit_code == 3
    assert command.run("retry", place.plan_file).exit_code == 0
    assert command.run("apply", "--yes").exit_code == 0
    assert place.listed("destination")["to/small"].size_bytes == 12
