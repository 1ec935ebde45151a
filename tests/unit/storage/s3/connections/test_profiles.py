"""What is read from the AWS files, also where their lines are indented by mistake."""

from __future__ import annotations

import json
from hashlib import sha1
from pathlib import Path

import pytest
from s3plan.schemas.connections.profiles import NOT_CHECKED, CredentialKind
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.storage.s3.connections.profiles import list_profiles
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCY"


@pytest.mark.parametrize("key", ["role_arn", "source_profile", "region", "mfa_serial"])
def test_lines_that_are_indented_below_a_key_are_neither_shown_nor_stumbled_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    usual = {"role_arn": "arn:aws:iam::111122223333:role/x", "source_profile": "other", "region": "eu-west-1"}
    lines = [f"{name} = {value}" for name, value in usual.items() if name != key]
    nested = [f"{key} =", f"  aws_secret_access_key = {SECRET}"]
    (tmp_path / "config").write_text("\n".join(["[profile a]", *lines, *nested, ""]))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    (profile,) = list_profiles()
    assert SECRET not in repr(profile)
    assert profile.kind is CredentialKind.ROLE
    assert (profile.said == NOT_CHECKED) is (key != "mfa_serial")


@pytest.mark.parametrize(
    "lines",
    [
        ["aws_access_key_id =", "  x = y", f"aws_secret_access_key = {SECRET}"],
        ["aws_access_key_id = AKIDMINE", "aws_secret_access_key =", f"  key = {SECRET}"],
        ["credential_process =", f"  key = {SECRET}"],
        ["role_arn = arn:aws:iam::111122223333:role/x", "source_profile = a", "duration_seconds =", f"  x = {SECRET}"],
    ],
)
def test_credentials_in_indented_lines_are_not_usable_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    (tmp_path / "config").write_text("\n".join(["[profile a]", *lines, ""]))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsUnusable) as refusal:
        open_session(ConnectionSettings(profile="a"))
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59-02:00", "x"])
def test_a_login_whose_end_is_no_time_is_told_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    (cache / f"{sha1(b'main').hexdigest()}.json").write_text(json.dumps({"expiresAt": said}))
    (tmp_path / "config").write_text("[profile a]\nsso_session = main\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    (profile,) = list_profiles()
    assert (profile.kind, profile.expires_at) == (CredentialKind.SSO, None)
