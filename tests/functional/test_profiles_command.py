"""`s3plan profiles` on AWS files of every kind, by the real command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path

import pytest
from fakes.command import Command
from fakes.sts import TokenService, sts

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCY"
CONFIG = """
[default]
region = eu-central-1
[profile reader]
role_arn = arn:aws:iam::444455556666:role/reader
source_profile = default
region = eu-west-1
[profile on-instance]
role_arn = arn:aws:iam::444455556666:role/box
credential_source = Ec2InstanceMetadata
[profile company]
sso_session = main
sso_account_id = 777788889999
sso_role_name = Admin
[sso-session main]
sso_start_url = https://company.example/start
sso_region = us-east-1
[profile web]
role_arn = arn:aws:iam::444455556666:role/web
web_identity_token_file = /nowhere/token
[profile by-program]
credential_process = /bin/sh -c "echo wJalrXUtnFEMIK7MDENGbPxRfiCY"
[profile careful]
role_arn = arn:aws:iam::444455556666:role/careful
source_profile = default
mfa_serial = arn:aws:iam::444455556666:mfa/me
[profile behind-careful]
role_arn = arn:aws:iam::444455556666:role/behind
source_profile = careful
[profile odd\u202ename]
region = us-east-1
"""
CREDENTIALS = f"""
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = {SECRET}
[wrong]
aws_access_key_id = AKIDWRONG
aws_secret_access_key = {SECRET}
"""


@pytest.fixture
def service() -> Iterator[TokenService]:
    with sts({"AKIDDEFAULT": SECRET}) as running:
        yield running


@pytest.fixture
def command(tmp_path: Path, service: TokenService) -> Command:
    (tmp_path / "config").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "credentials").write_text(CREDENTIALS, encoding="utf-8")
    cache = tmp_path / "home" / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    until = datetime.now(UTC) + timedelta(hours=3, minutes=1)
    kept = {"accessToken": f"token-{SECRET}", "expiresAt": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    (cache / f"{sha1(b'main').hexdigest()}.json").write_text(json.dumps(kept))
    return Command(
        tmp_path,
        {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
            "AWS_ENDPOINT_URL_STS": service.endpoint,
        },
    )


def rows(text: str) -> dict[str, str]:
    return {line.split()[0]: line for line in text.splitlines()[1:]}


def test_every_kind_is_told_and_nobody_is_asked(command: Command, service: TokenService) -> None:
    ended = command.run("profiles")
    assert ended.exit_code == 0, ended.output
    told = rows(ended.stdout)
    assert next(iter(told)) == "default"
    for name, said in {
        "default": "eu-central-1  static keys",
        "reader": "role: arn:aws:iam::444455556666:role/reader by profile default",
        "on-instance": "role: arn:aws:iam::444455556666:role/box by Ec2InstanceMetadata",
        "company": "SSO: Admin in 777788889999",
        "web": "web identity: arn:aws:iam::444455556666:role/web",
        "by-program": "process",
        "wrong": "static keys",
        "odd\\u202ename": "none of its own",
    }.items():
        assert said in told[name], told
    assert all("not checked" in line for line in told.values())
    assert "its session ends " in told["company"]
    assert "in 3 h" in told["company"]
    assert service.calls == []
    assert SECRET not in ended.output


def test_a_check_says_who_each_is_and_which_do_not_work(command: Command, service: TokenService) -> None:
    ended = command.run("profiles", "--check", "--json")
    assert ended.exit_code == 0, ended.output
    told = {each["name"]: each for each in json.loads(ended.stdout)["profiles"]}
    assert (told["default"]["is_valid"], told["default"]["identity"]["account"]) == ("yes", "111122223333")
    assert (told["reader"]["is_valid"], told["reader"]["identity"]["account"]) == ("yes", "444455556666")
    until = datetime.fromisoformat(told["reader"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < until < timedelta(minutes=65)
    assert told["wrong"]["is_valid"] == "no"
    assert "InvalidClientTokenId" in told["wrong"]["said"]
    for name in ("company", "web", "by-program", "odd\u202ename"):
        assert told[name]["is_valid"] == "no", told[name]
    for name in ("careful", "behind-careful"):
        assert (told[name]["is_valid"], "MFA" in told[name]["said"]) == ("unknown", True)
    secrets = [SECRET, *(each.secret for each in service.issued), *(each.token for each in service.issued)]
    assert not any(secret in ended.output for secret in secrets)
    assert "valid; arn:aws:iam::111122223333:user/somebody" in command.run("profiles", "--check").stdout


def test_a_token_service_that_is_broken_proves_nothing(command: Command, service: TokenService) -> None:
    service.is_broken = True
    told = json.loads(command.run("profiles", "--check", "--json").stdout)["profiles"]
    assert next(each["is_valid"] for each in told if each["name"] == "default") == "unknown"


def test_files_that_are_not_there_have_no_profiles_and_a_bad_one_is_told(command: Command, tmp_path: Path) -> None:
    none = replace(command, variables={"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"})
    ended = none.run("profiles")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "there are no profiles" in ended.stderr
    (tmp_path / "config").write_text(f"[default\naws_secret_access_key = {SECRET}\n")
    ended = command.run("profiles")
    assert ended.exit_code == 10, ended.output
    assert "the AWS configuration cannot be read" in ended.stderr
    assert SECRET not in ended.output
