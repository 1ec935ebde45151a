from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.endpoints import Endpoint, EndpointInvalid, parse_endpoint


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://169.254.0.1:80",
        "https://169.254.169.254.",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://0xa9.0xfe.0xa9.0xfe",
        "http://0251.0376.0251.0376",
        "http://025177524776",
        "http://169.16689662",
        "http://169.254.43518",
        "http://[::ffff:169.254.169.254]",
        "http://[::ffff:a9fe:a9fe]",
        "http://[0:0:0:0:0:ffff:a9fe:a9fe]",
        "http://[::169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[2002:a9fe:a9fe::1]",
        "http://[fd00:ec2::254]",
        "http://[fd00:0ec2:0:0:0:0:0:0254]",
        "http://[fe80::1]",
        "http://[fe80::1%25eth0]",
        "http://100.100.100.200",
        "http://metadata.google.internal",
        "http://METADATA.google.internal./computeMetadata/v1",
        "https://metadata.goog",
        "http://metadata",
        "http://instance-data",
    ],
)
def test_metadata_and_link_local_addresses_are_refused_however_they_are_written(url: str) -> None:
    with pytest.raises(EndpointInvalid, match=r"never an endpoint|not an IPv6"):
        parse_endpoint(url)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://s3.example.com", Endpoint("https", "s3.example.com", 443, "", is_loopback=False)),
        ("HTTPS://S3.Example.com.:443/", Endpoint("https", "s3.example.com", 443, "", is_loopback=False)),
        ("https://a.example/v1/s3/", Endpoint("https", "a.example", 443, "/v1/s3", is_loopback=False)),
        ("http://10.0.0.5:9000", Endpoint("http", "10.0.0.5", 9000, "", is_loopback=False)),
        ("http://0x0a000005:9000", Endpoint("http", "10.0.0.5", 9000, "", is_loopback=False)),
        ("http://minio_1:9000", Endpoint("http", "minio_1", 9000, "", is_loopback=False)),
        ("http://localhost:9000", Endpoint("http", "localhost", 9000, "", is_loopback=True)),
        ("http://bucket.localhost:9000", Endpoint("http", "localhost", 9000, "", is_loopback=True)),
        ("http://127.0.0.1:9000", Endpoint("http", "localhost", 9000, "", is_loopback=True)),
        ("http://127.1:9000", Endpoint("http", "localhost", 9000, "", is_loopback=True)),
        ("http://[::1]:9000", Endpoint("http", "localhost", 9000, "", is_loopback=True)),
        ("http://[::ffff:127.0.0.1]:9000", Endpoint("http", "localhost", 9000, "", is_loopback=True)),
        ("https://[2001:db8::1]", Endpoint("https", "2001:db8::1", 443, "", is_loopback=False)),
    ],
)
def test_spellings_of_one_place_become_one_endpoint(url: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(url) == endpoint


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3.example.com", "starts with https://"),
        ("ftp://s3.example.com", "starts with https://"),
        ("https:s3.example.com", "starts with https://"),
        ("https://", "not a host name"),
        ("https://:9000", "not a host name"),
        ("https://a b", "no spaces"),
        ("https://a\\b", "no backslashes"),
        ("https://\uff11\uff16\uff19.254.169.254", "ASCII"),
        ("https://169\u3002254", "ASCII"),
        ("https://user:hunter2@s3.example.com", "no user name or password"),
        ("https://hunter2@s3.example.com", "no user name or password"),
        ("https://s3.example.com/?token=hunter2", "no query"),
        ("https://s3.example.com/?", "no query"),
        ("https://s3.example.com/#hunter2", "no fragment"),
        ("https://s3.example.com:99999", "not a URL"),
        ("https://s3.example.com:0", "port 0"),
        ("https://s3.example.com:x", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://[hunter2]", "not a URL|not an IPv6"),
        ("https://999.1.1.1", "not an IPv4"),
        ("https://0x", "not an IPv4|not a host"),
        ("https://-a", "not a host name"),
        ("https://a%2eb", "not a host name"),
    ],
)
def test_what_is_no_endpoint_is_refused_without_repeating_it(url: str, message: str) -> None:
    with pytest.raises(EndpointInvalid, match=message) as caught:
        parse_endpoint(url)
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_after_the_scheme_is_read_or_refused(text: str) -> None:
    try:
        parse_endpoint(f"http://{text}")
    except EndpointInvalid:
        return
