from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.s3_urls import S3Url, S3UrlInvalid, parse_s3_url, why_not_in_host


@pytest.mark.parametrize(
    ("text", "bucket", "path", "slash_added"),
    [
        ("s3://assets", "assets", "", False),
        ("s3://assets/", "assets", "", False),
        ("s3://assets/images/", "assets", "images/", False),
        ("s3://assets/images", "assets", "images/", True),
        ("s3://assets//a//b/", "assets", "/a//b/", False),
        ("s3://assets/../x/", "assets", "../x/", False),
        ("s3://assets/ä/日本 語/", "assets", "ä/日本 語/", False),
        ("s3://assets/50%25/a+b/user@host/", "assets", "50%25/a+b/user@host/", False),
        ("s3://my.bucket-1/", "my.bucket-1", "", False),
        ("s3://" + "a" * 63, "a" * 63, "", False),
        ("s3://" + "a" * 255, "a" * 255, "", False),
        ("s3://My_Old.Bucket/", "My_Old.Bucket", "", False),
        ("s3://as..sets_/", "as..sets_", "", False),
    ],
)
def test_a_location_is_a_bucket_and_a_folder(text: str, bucket: str, path: str, *, slash_added: bool) -> None:
    url = parse_s3_url(text)
    assert (url.bucket, url.path, url.slash_added) == (bucket, path, slash_added)
    assert parse_s3_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("assets/images", "a location is a URL"),
        ("https://assets.s3.amazonaws.com/x?X-Amz-Signature=hunter2", "a location is a URL"),
        ("gs://assets/", "a location is a URL"),
        ("S3://assets/", "a location is a URL"),
        ("s3:/assets", "a location is a URL"),
        ("", "a location is a URL"),
        ("s3://", "names no bucket"),
        ("s3:///images/", "names no bucket"),
        ("s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/x", "not there yet"),
        ("s3://AKIA:hunter2@assets/", "no user name, password or port"),
        ("s3://hunter2@assets/", "no user name, password or port"),
        ("s3://assets:9000/", "no user name, password or port"),
        ("s3://assets/?hunter2", "no query"),
        ("s3://assets?hunter2", "no query"),
        ("s3://assets/#hunter2", "no fragment"),
        ("s3://ab/", "3 to 255 characters; this one has 2"),
        ("s3://" + "a" * 256, "3 to 255 characters; this one has 256"),
        ("s3://ässets/", "only letters"),
        ("s3://a bc/", "only letters"),
        ("s3://a%2fb/", "only letters"),
        ("s3://.../", "of dots alone"),
        ("s3://an-access-point--op-s3/", "Outposts are not there yet"),
        ("s3://mfzwi23gnjvgw.mrap/", "access points of many regions are not there yet"),
        ("s3://numbers--table-s3/", "table buckets are not there yet"),
        ("s3://192.168.0.1/", "not an IP address"),
        ("s3://assets/" + "a" * 1024, "longer than 1,024 bytes"),
        ("s3://assets/" + "ä" * 512, "longer than 1,024 bytes"),
        ("s3://assets/a\0b/", "NUL"),
    ],
)
def test_what_is_no_location_is_refused_without_repeating_it(text: str, message: str) -> None:
    with pytest.raises(S3UrlInvalid, match=message) as caught:
        parse_s3_url(text)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("assets/images", "write s3://assets/images, or ./assets/images if it is a folder"),
        ("S3://assets/", "write s3://bucket/prefix/; another store than AWS is named by a connection"),
        ("gs://assets/", "only s3:// and folders are there yet"),
        ("s3://assets/a?b/", "if they belong to the keys, write them in prefix:"),
    ],
)
def test_a_hint_says_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(S3UrlInvalid) as caught:
        parse_s3_url(text)
    assert caught.value.hint == hint


@given(st.text(max_size=60))
def test_the_path_is_the_keys_own_text(text: str) -> None:
    try:
        url = parse_s3_url(f"s3://assets/{text}")
    except S3UrlInvalid:
        return
    assert url.path in {text, text + "/"}


def test_two_spellings_of_one_folder_are_equal() -> None:
    assert parse_s3_url("s3://assets/a") == parse_s3_url("s3://assets/a/") == S3Url("assets", "a/")


@pytest.mark.parametrize(
    ("bucket", "why"),
    [
        ("assets", None),
        ("my.bucket-1", None),
        ("a" * 63, None),
        ("a" * 64, "64 characters"),
        ("My-Assets", "capitals"),
        ("my_assets", "underscores"),
        ("as..sets", "two dots"),
        ("-assets", "another end"),
        ("assets.", "another end"),
    ],
)
def test_an_old_name_cannot_stand_in_a_host(bucket: str, why: str | None) -> None:
    said = why_not_in_host(bucket)
    assert (said is None) if why is None else (said is not None and why in said)
