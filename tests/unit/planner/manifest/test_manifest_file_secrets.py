"""Nothing that may be a secret reaches a message, an excerpt or a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3plan.planner.manifest.file import parse_manifest
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.connections import names_a_secret

HEAD = "version: 1\nname: job\nsource: s3://aaa/\ndestination: s3://bbb/\n"


def rendered(text: str) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(text.encode(), path=Path("job.yaml"))
    shown = str(caught.value)
    assert all("hunter2" not in item.source_line for item in caught.value.diagnostics)
    assert "hunter2" not in shown
    return shown


@pytest.mark.parametrize(
    "key",
    [
        "secret",
        "secret_key",
        "secret_access_key",
        "secretAccessKey",
        "aws_secret_access_key",
        "SECRET-KEY",
        "access_key",
        "access_key_id",
        "accessKeyId",
        "aws_access_key_id",
        "token",
        "session_token",
        "aws_session_token",
        "security-token",
        "password",
        "passwd",
        "db_password",
        "credentials",
        "api_key",
        "private_key",
    ],
)
def test_a_secret_is_refused_by_its_name_and_not_shown(key: str) -> None:
    assert names_a_secret(key)
    text = rendered(HEAD + f"connections:\n  store:\n    {key}: hunter2 hunter2\n")
    assert text == (
        f"job.yaml:7:5: error: connections.store.{key}: a manifest holds no secrets\n"
        f"        {key}: ****\n"
        "        ^\n"
        "    hint: name a profile, or an env_prefix whose environment variables hold the credentials"
    )


@pytest.mark.parametrize(
    "key", ["key_id", "bucket_key", "env_prefix", "profile", "external_id", "role_arn", "secondary", "accessible"]
)
def test_our_own_words_are_no_secrets(key: str) -> None:
    assert not names_a_secret(key)


@pytest.mark.parametrize(
    "tail",
    [
        "connections: {s: {secret_key: hunter2, regin: x}}",
        "connections: {s: {regin: x, secret_key: hunter2}}",
        "connections: {s: {secret_key: 'hunter2', token: \"hunter2\", regin: x}}",
        "connections: {s: {credentials: {id: hunter2, key: hunter2}, regin: x}}",
        "connections: {s: {tokens: [hunter2, hunter2], regin: x}}",
        "connections: {s: {secret_key: hunter2, secret_key: hunter2}}",
        "connections:\n  s:\n    secret_key: |\n      hunter2\n      hunter2\n    regin: x",
        "connections:\n  s:\n    secret_key:\n      hunter2\n    regin: x",
        "password: ${hunter2}",
        "password: hunter2",
        "run: {password: hunter2, workers: 99}",
        "x-s: &s hunter2\npassword: *s\nx-t: {}",
        "connections: {s: {endpoint: 'https://me:hunter2@s3.example.com'}}",
        "connections: {s: {endpoint: 'https://hunter2@s3.example.com'}}",
        "connections: {s: {endpoint: 'https://s3.example.com?token=hunter2'}}",
        "connections: {s: {endpoint: 'https://me:hun/hunter2@s3.example.com', regin: x}}",
        "mode: s3://me:hunter2@aaa/",
    ],
)
def test_a_secret_is_not_shown_beside_another_fault(tail: str) -> None:
    rendered(HEAD + tail + "\n")


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:hunter2@aaa/",
        "s3://hunter2@aaa/",
        "s3://AKIA:hun/hunter2@aaa/",
        "s3://aaa/x?X-Amz-Signature=hunter2",
        "https://aaa.s3.amazonaws.com/x?a=b&X-Amz-Security-Token=hunter2&c=d",
    ],
)
@pytest.mark.parametrize("form", ["{}", "{{url: '{}', create: NO}}", "'{}'"])
def test_a_secret_in_a_url_is_not_shown(url: str, form: str) -> None:
    assert "****" in rendered(f"version: 1\nname: job\nsource: s3://bbb/\ndestination: {form.format(url)}\n")


@pytest.mark.parametrize(
    "text",
    [
        "secret_key: @hunter2\n",
        "secret_key: *hunter2\n",
        "secret_key: !hunter2 x\n",
        "secret_key: 'hunter2\n",
        'secret_key: "hunter2\\q"\n',
        "{'secret_key': hunter2, a: @}\n",
        "secret_key:\n  hunter2: [\n",
        "secret_key: |\n  hunter2\n  hunter2 @\n @hunter2\n",
        "connections:\n  s:\n    password: [hunter2,\n      @hunter2]\n",
        "password: hunter2\0\n",
        "a: s3://me:hunter2@aaa/: x\n",
        "password: hunter2 hunter2: x\n",
    ],
)
def test_a_secret_is_not_shown_where_the_yaml_is_broken(text: str) -> None:
    rendered(text)


def test_the_caret_stays_right_behind_a_hidden_secret() -> None:
    text = rendered(HEAD + "connections: {s: {secret_key: hunter2-hunter2-hunter2, regin: x, token: 1}}\n")
    line = "    connections: {s: {secret_key: ****, regin: ****, token: ****}}"
    carets = [row for row in text.split("\n") if row.strip() == "^"]
    assert text.count(line) == 3
    assert [line[len(row) - 1 :].partition(":")[0] for row in carets] == ["secret_key", "regin", "token"]


def test_a_connection_may_be_named_after_a_secret() -> None:
    text = rendered(HEAD + "connections:\n  token-store: {regin: x}\n")
    assert "token-store: {regin: ****}" in text


@pytest.mark.parametrize(
    "text",
    [
        "my_setting: hunter2",
        "my_setting:\n  deep: [hunter2]\n  deeper: hunter2",
        "my_setting: hunter2\nmy_setting: hunter2",
        "my_setting: |\n  hunter2\n  hunter2",
        "my_setting: hunter2${x}",
        "sourc: hunter2",
        "run: {my_setting: hunter2, workers: x}",
        "filters: {x: {y: hunter2}, include: 3}",
        "run: {x: &a hunter2, y: *a}",
    ],
)
def test_what_stands_under_an_unknown_key_is_not_shown(text: str) -> None:
    shown = rendered(HEAD + text + "\n")
    assert "unknown key" in shown or "variables are not there" in shown


FOREIGN = [
    "root:$6$hunter2:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n",
    "hunter2: hunter2\nHunter2:\n  a: hunter2\n",
    "name: pod\nhunter2: [hunter2]\nother: hunter2\n",
    '{"a": "hunter2", "b": {"c": "hunter2"}}',
    "PASS=hunter2\nUSER=hunter2\n",
    "-----BEGIN PRIVATE KEY-----\nhunter2\n",
    "a: hunter2: hunter2\nb: *hunter2\n",
    "hunter2 !hunter2: %hunter2\n",
    "- hunter2\n- hunter2\n",
    "hunter2\0",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_of_a_file_that_is_no_manifest_no_line_is_quoted(text: str) -> None:
    shown = rendered(text)
    assert shown.count("error:") == 1
    assert len(shown.splitlines()) <= 2  # place and message, and a hint


def test_a_file_that_is_no_manifest_is_told_by_a_few_of_its_words() -> None:
    keys = "".join(f"{word}: hunter2\n" for word in ("AKIAHUNTER", "server", "a" * 40, "log-level", "e1"))
    text = rendered(keys)
    assert text.splitlines()[0] == (
        "job.yaml:1:1: error: this is not a manifest, of which no key is here; here stand server, log-level, ..."
    )
    assert "source, destination" in text.splitlines()[1]
