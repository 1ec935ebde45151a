"""Requests go to the host that botocore's would go to, on its path, signed for its region and service."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from fakes.torture import in_short
from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.manifest.words import AddressingStyle, EngineName
from s3plan.schemas.requests.objects import (
    CopyObject,
    DeleteObject,
    DeleteObjects,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
    Request,
)
from s3plan.schemas.requests.uploads import UploadPartCopy
from s3plan.storage.s3.botocore.client import open_client
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine
from s3plan.storage.s3.native.engine import NativeEngine
from s3plan.storage.s3.native.exchange import Breakage, HostPort, OnEnd
from s3plan.storage.s3.wire.bucket_addresses import BucketAddresses
from s3plan.storage.s3.wire.failures import RequestUnsendable
from s3plan.storage.s3.wire.requests import quote_key

KEY = "a b/ü+%"
BUCKETS = [
    "bucket",
    "dotted.bucket",
    "Old_Bucket",
    "ap-a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9-s3alias",
    "object-lambda-x8y9--ol-s3",
    "short--op-s3",
]
OUTPOST = "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3"
# One of each kind: the first, two younger than 2019, and one of each other partition.
SOME_REGIONS = ["us-east-1", "eu-south-2", "ap-southeast-4", "cn-north-1", "us-gov-west-1"]
# Requests that are sent in great numbers, and how botocore's client is asked for each.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("head_object", {"Key": KEY}),
    ("copy_object", {"Key": KEY, "CopySource": {"Bucket": "other", "Key": "from"}}),
    ("list_objects_v2", {}),
    ("get_object", {"Key": KEY}),
    ("put_object", {"Key": KEY, "Body": b"x"}),
    ("delete_object", {"Key": KEY}),
    ("delete_objects", {"Delete": {"Objects": [{"Key": KEY}]}}),
    (
        "upload_part_copy",
        {"Key": KEY, "CopySource": {"Bucket": "other", "Key": "from"}, "PartNumber": 1, "UploadId": "id"},
    ),
]


def ours(bucket: str) -> list[Request]:
    return [
        HeadObject(bucket, KEY),
        CopyObject(bucket, KEY, "other", "from"),
        ListObjects(bucket),
        GetObject(bucket, KEY),
        PutObject(bucket, KEY, b"x"),
        DeleteObject(bucket, KEY),
        DeleteObjects(bucket, [(KEY, None)]),
        UploadPartCopy(bucket, KEY, "id", 1, "other", "from", None, None),
    ]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a store, as a user may have configured it."""

    region: str | None = None
    style: AddressingStyle = AddressingStyle.AUTO
    fips: bool = False
    dualstack: bool = False
    accelerate: bool = False
    endpoint: str | None = None

    def __str__(self) -> str:
        words = [name for name in ("fips", "dualstack", "accelerate") if getattr(self, name)]
        return "-".join([str(self.region), str(self.style), *words, self.endpoint or "aws"])


@dataclass(frozen=True, slots=True)
class Sent:
    """What of a request says where it goes and for whom it is signed; `scope` is empty for an unsigned one."""

    scheme: str
    host: str
    path: str
    scope: str


def scope_of(authorization: str) -> str:
    found = re.search(r"Credential=[^/]+/[0-9]{8}/([^,]+)", authorization)
    return found[1] if found else ""


class CapturingLoop:
    """Takes what would be sent, in the place of HttpLoop."""

    def __init__(self, **_: float) -> None:
        self.sent: list[Sent] = []

    def send(self, place: HostPort, message: bytes, *, is_head: bool, on_end: OnEnd, **_: object) -> None:
        head = message.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        headers = dict(line.split(":", 1) for line in head[1:])
        scheme = "http" if place.tls is None else "https"
        usual = 80 if place.tls is None else 443
        assert headers["host"] == (place.host if place.port == usual else f"{place.host}:{place.port}")
        path = head[0].split(" ")[1].partition("?")[0]
        self.sent.append(Sent(scheme, headers["host"], path, scope_of(headers.get("authorization", ""))))
        on_end(Breakage(FailureKind.TRANSIENT, "Captured", "not sent"))

    def close(self) -> None:
        """Nothing runs."""


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    loader = session.get_component("data_loader")  # reading the SDK's data takes most of a client's time
    monkeypatch.setattr("botocore.session.create_loader", lambda *_: loader)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("s3plan.storage.s3.native.engine.HttpLoop", CapturingLoop)


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session()
    session.set_credentials("AKID", "secret")
    return session


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(way: Way) -> ConnectionSettings:
        accelerate = "s3 =\n  use_accelerate_endpoint = true\n" if way.accelerate else ""
        (tmp_path / "config").write_text(f"[default]\n{accelerate}")
        monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", str(way.fips).lower())
        monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", str(way.dualstack).lower())
        return ConnectionSettings(
            env_prefix="T_", region=way.region, endpoint=way.endpoint, addressing_style=way.style, allow_http=True
        )

    return write


def botocores(session: Session, way: Way, calls: list[tuple[str, dict[str, Any]]], *buckets: str) -> list[Sent | str]:
    """What botocore itself would send, by its own settings; its words where it refuses."""
    style = way.style
    if style is AddressingStyle.AUTO and way.endpoint is not None:
        style = AddressingStyle.PATH  # as docs/manifest.md says
    client = session.create_client(
        "s3",
        region_name=way.region or "us-east-1",
        endpoint_url=way.endpoint,
        config=Config(
            use_fips_endpoint=way.fips,
            use_dualstack_endpoint=way.dualstack,
            signature_version="s3v4",
            retries={"total_max_attempts": 1},
            s3={
                "addressing_style": str(style),
                "use_accelerate_endpoint": way.accelerate,
                "us_east_1_regional_endpoint": "regional",
            },
        ),
    )
    sent: list[Sent | str] = []

    def take(request: Any, **_: Any) -> AWSResponse:
        scheme, _, rest = request.url.partition("://")
        written, slash, path = rest.partition("?")[0].partition("/")
        host = re.sub(r":443$" if scheme == "https" else r":80$", "", written).lower()
        sent.append(Sent(scheme, host, slash + path or "/", scope_of(request.headers["Authorization"].decode())))
        raise BotoCoreError

    client.meta.events.register("before-send.s3", take)
    for bucket, (method, arguments) in product(buckets, calls):
        before = len(sent)
        try:
            getattr(client, method)(Bucket=bucket, **arguments)
        except (BotoCoreError, ValueError) as error:
            if len(sent) == before:
                sent.append(str(error))
    return sent


def addressed(settings: ConnectionSettings, session: Session, *buckets: str) -> list[Sent | str]:
    """Where the engines' address book leads, for a HeadObject; its words where it leads nowhere."""
    addresses = BucketAddresses(open_client(settings, session, max_connections=1, read_timeout_s=1))
    found: list[Sent | str] = []
    for bucket in buckets:
        try:
            address = addresses.of(bucket)
        except RequestUnsendable as error:
            found.append(str(error))
        else:
            scheme = "https" if address.is_https else "http"
            path = address.target(f"/{quote_key(KEY)}")
            found.append(Sent(scheme, address.host, path, f"{address.region}/s3/aws4_request"))
    return found


def sent_by_engine(settings: ConnectionSettings, requests: list[Request]) -> list[Sent | str]:
    """What the native engine puts on the wire; its words where it refuses."""
    engine = open_engine(replace(settings, engine=EngineName.NATIVE), max_in_flight=1)
    assert isinstance(engine, NativeEngine)
    loop = engine._loop
    assert isinstance(loop, CapturingLoop)
    sent: list[Sent | str] = []
    for request in requests:
        before = len(loop.sent)
        reply = engine.call(request)
        assert isinstance(reply, Failure)
        sent.append(loop.sent[-1] if len(loop.sent) > before else reply.message)
    engine.close()
    return sent


def assert_same(found: list[Sent | str], expected: list[Sent | str], way: Way) -> None:
    for mine, botocores_own in zip(found, expected, strict=True):
        if isinstance(botocores_own, str):
            assert isinstance(mine, str), (way, mine, botocores_own)
            assert mine.endswith(botocores_own), way
        elif ".[" in botocores_own.host:  # a bucket's name before an IPv6 address: botocore asks a host that cannot be
            assert isinstance(mine, str), way
            assert "addressing_style: path" in mine, way
        else:
            assert mine == botocores_own, way


def regions() -> list[str]:
    session = Session()
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("s3", partition)
    ]


WAYS = [Way(region) for region in (None, *regions())]
ODD_WAYS = [
    Way(region, style, fips, dualstack, accelerate, endpoint)
    for accelerate, region, style, fips, dualstack in product(
        (False, True), (None, *SOME_REGIONS), AddressingStyle, (False, True), (False, True)
    )
    for endpoint in (None, "https://Store.example.com:443/below", "http://[::1]:9000")
]


def test_every_region_is_known() -> None:
    assert len(WAYS) > 30
    assert {Way(region) for region in SOME_REGIONS} < set(WAYS)


@pytest.mark.parametrize("way", [WAYS[at] for at in in_short(range(len(WAYS)), at_most=16)], ids=str)
def test_a_bucket_of_every_region_is_where_botocore_finds_it(session: Session, configure: Any, way: Way) -> None:
    found = addressed(configure(way), session, *BUCKETS)
    assert_same(found, botocores(session, way, CALLS[:1], *BUCKETS), way)


@pytest.mark.parametrize("way", [ODD_WAYS[at] for at in in_short(range(len(ODD_WAYS)), at_most=48)], ids=str)
def test_every_way_to_reach_a_store_leads_where_botocore_leads(session: Session, configure: Any, way: Way) -> None:
    settings = configure(way)
    mine = Session()
    mine.set_credentials("AKID", "secret")
    assert_same(addressed(settings, mine, *BUCKETS), botocores(session, way, CALLS[:1], *BUCKETS), way)


@pytest.mark.parametrize(
    "way",
    [Way("eu-south-2"), Way("cn-north-1", dualstack=True), Way(endpoint="https://store.example.com/below")],
    ids=str,
)
def test_every_request_on_the_wire_says_what_botocores_says(session: Session, configure: Any, way: Way) -> None:
    requests = [request for bucket in BUCKETS for request in ours(bucket)]
    assert_same(sent_by_engine(configure(way), requests), botocores(session, way, CALLS, *BUCKETS), way)


@pytest.mark.parametrize(
    ("configured", "endpoint", "host"),
    [
        ("path", None, "s3.eu-west-1.amazonaws.com"),
        ("virtual", None, "bucket.s3.eu-west-1.amazonaws.com"),
        ("virtual", "https://store.example.com", "bucket.store.example.com"),
    ],
)
def test_what_the_aws_configuration_says_of_addressing_counts_where_the_connection_says_nothing(
    configure: Any, tmp_path: Path, configured: str, endpoint: str | None, host: str
) -> None:
    settings = configure(Way("eu-west-1", endpoint=endpoint))
    (tmp_path / "config").write_text(f"[default]\ns3 =\n  addressing_style = {configured}\n")
    assert sent_to(settings) == host
    stylish = AddressingStyle.VIRTUAL if configured == "path" else AddressingStyle.PATH
    assert sent_to(replace(settings, addressing_style=stylish)) != host


def sent_to(settings: ConnectionSettings) -> str:
    mine = Session()
    mine.set_credentials("AKID", "secret")
    (sent,) = addressed(settings, mine, "bucket")
    assert isinstance(sent, Sent)
    return sent.host


@pytest.mark.parametrize(
    "way",
    [Way("eu-south-2", accelerate=True), Way("eu-south-2", dualstack=True), Way(accelerate=True, dualstack=True)],
    ids=str,
)
def test_a_connection_is_accelerated_or_dualstack_as_botocore_is(session: Session, configure: Any, way: Way) -> None:
    said = configure(replace(way, accelerate=False, dualstack=False))
    settings = replace(said, accelerate=way.accelerate, dualstack=way.dualstack)
    assert_same(sent_by_engine(settings, ours("bucket")), botocores(session, way, CALLS, "bucket"), way)
    assert_same(addressed(settings, session, *BUCKETS), botocores(session, way, CALLS[:1], *BUCKETS), way)


@pytest.mark.parametrize("engine", [EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
@pytest.mark.parametrize("word", ["accelerate", "dualstack"])
def test_another_store_than_aws_has_no_such_hosts(configure: Any, word: str, engine: EngineName) -> None:
    settings = replace(configure(Way(endpoint="https://store.example.com")), engine=engine, **{word: True})
    with pytest.raises(EndpointInvalid, match=f"{word}: true is about AWS's own hosts"):
        open_engine(settings, max_in_flight=1)


@pytest.mark.parametrize("engine", [EngineName.NATIVE, EngineName.CRT, EngineName.BOTO3])
@pytest.mark.parametrize(
    ("way", "words"),
    [
        (Way("cn-north-1", fips=True), "Partition does not support FIPS"),
        (Way(accelerate=True, endpoint="https://store.example.com"), "cannot be combined with S3 Accelerate"),
    ],
    ids=["fips", "accelerate"],
)
def test_settings_that_lead_nowhere_are_refused_before_any_request(
    configure: Any, way: Way, words: str, engine: EngineName
) -> None:
    with pytest.raises(EndpointInvalid, match=f"no bucket can be reached this way: .*{words}"):
        open_engine(replace(configure(way), engine=engine), max_in_flight=1)


@pytest.mark.parametrize("engine", [EngineName.NATIVE, EngineName.CRT])
@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        ("arn:aws:s3:eu-west-1:123456789012:accesspoint/one", "named by ARN"),
        (OUTPOST, "another signature"),
    ],
    ids=["arn", "outpost"],
)
def test_a_bucket_that_the_engine_does_not_sign_for_is_refused_in_words(
    configure: Any, bucket: str, words: str, engine: EngineName
) -> None:
    opened = open_engine(replace(configure(Way("eu-west-1")), engine=engine), max_in_flight=1)
    reply = opened.call(HeadObject(bucket, KEY))
    opened.close()
    assert isinstance(reply, Failure)
    assert (reply.kind, reply.code) == (FailureKind.INVALID, "RequestUnsendable")
    assert words in reply.message
