"""Where credentials come from, and where requests may go."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProxyConnectionError
from fakes.sts import sts
from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.storage.s3.connections.sessions import (
    ConnectionSettings,
    effective_endpoint,
    effective_region,
    open_session,
)

CONFIG = """
[default]
region = eu-central-1
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = secret
[profile backup]
aws_access_key_id = AKIDBACKUP
aws_secret_access_key = secret
endpoint_url = http://127.0.0.1:9000
[profile empty]
region = us-west-2
"""


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


def key_of(settings: ConnectionSettings) -> Any:
    credentials = open_session(settings).get_credentials()
    return credentials and credentials.get_frozen_credentials().access_key


def test_settings_pickle() -> None:
    settings = ConnectionSettings(
        name="dr", endpoint="https://s3.example.com", env_prefix="DR_", source_profile="backup"
    )
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_without_more_the_aws_chain_is_asked() -> None:
    assert key_of(ConnectionSettings()) == "AKIDDEFAULT"


def test_a_profile_is_taken_even_where_the_environment_has_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert key_of(ConnectionSettings()) == "AKIDENV"
    assert key_of(ConnectionSettings(profile="backup")) == "AKIDBACKUP"


def test_a_prefix_names_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DR_ACCESS_KEY_ID", "AKIDDR")
    monkeypatch.setenv("DR_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("DR_SESSION_TOKEN", "token")
    session = open_session(ConnectionSettings(env_prefix="DR_"))
    frozen = session.get_credentials().get_frozen_credentials()
    assert (frozen.access_key, frozen.secret_key, frozen.token) == ("AKIDDR", "secret", "token")


def test_a_role_is_assumed_with_what_the_source_profile_holds_and_nothing_else_of_it_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    role = "arn:aws:iam::111122223333:role/copy"
    settings = ConnectionSettings(name="dr", source_profile="backup", role_arn=role)
    with sts({"AKIDBACKUP": "secret"}) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.endpoint)
        assert key_of(settings) == service.issued[-1].key_id
        assert [(call.action, call.key_id) for call in service.calls] == [("AssumeRole", "AKIDBACKUP")]
    assert effective_endpoint(settings) is None
    assert effective_region(settings) == "eu-central-1"


def test_a_missing_source_profile_is_named() -> None:
    settings = ConnectionSettings(name="dr", source_profile="nobody", role_arn="arn:aws:iam::111122223333:role/copy")
    with pytest.raises(CredentialsUnusable, match="connection dr: there is no profile nobody"):
        open_session(settings)


def test_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DR_ACCESS_KEY_ID", "AKIDDR")
    with pytest.raises(CredentialsUnusable, match="connection dr: set DR_SECRET_ACCESS_KEY"):
        open_session(ConnectionSettings(name="dr", env_prefix="DR_"))


def test_a_missing_profile_is_named() -> None:
    with pytest.raises(CredentialsUnusable, match="there is no profile nobody"):
        open_session(ConnectionSettings(profile="nobody"))


def test_a_profile_without_credentials_says_what_can_be_done() -> None:
    with pytest.raises(CredentialsUnusable, match=r"profile empty holds none.*anonymous: true"):
        open_session(ConnectionSettings(profile="empty"))


def test_an_anonymous_session_holds_no_credentials() -> None:
    assert key_of(ConnectionSettings(anonymous=True)) is None


def test_the_endpoint_may_come_from_the_environment_or_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert effective_endpoint(ConnectionSettings()) is None
    assert effective_endpoint(ConnectionSettings(profile="backup")) == "http://127.0.0.1:9000"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://all.example.com")
    assert effective_endpoint(ConnectionSettings()) == "https://all.example.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
    assert effective_endpoint(ConnectionSettings()) == "https://s3.example.com"
    assert effective_endpoint(ConnectionSettings(endpoint="https://own.example.com")) == "https://own.example.com"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert effective_endpoint(ConnectionSettings()) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ConnectionSettings(endpoint="http://store.example.com"), "allow_http: true"),
        (ConnectionSettings(endpoint="http://169.254.169.254", allow_http=True), "metadata"),
        (ConnectionSettings(endpoint="https://[fd00:ec2::254]"), "metadata"),
        (ConnectionSettings(endpoint="https://user:pass@store.example.com"), "user name"),
    ],
)
def test_requests_are_not_sent_just_anywhere(settings: ConnectionSettings, words: str) -> None:
    with pytest.raises(EndpointInvalid, match=words):
        effective_endpoint(settings)


def test_an_endpoint_of_the_environment_keeps_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://store.example.com")
    said = "the default connection: AWS_ENDPOINT_URL_S3: http:// .*allow_http: true of a connection in the manifest"
    with pytest.raises(EndpointInvalid, match=said):
        effective_endpoint(ConnectionSettings())
    assert effective_endpoint(ConnectionSettings(allow_http=True)) == "http://store.example.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "store.example.com:9000")
    with pytest.raises(EndpointInvalid, match="the default connection: AWS_ENDPOINT_URL_S3: an endpoint starts with"):
        effective_endpoint(ConnectionSettings())


def test_a_role_is_asked_for_at_no_place_that_is_named_for_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    role = ConnectionSettings(
        endpoint="https://s3.example.com", role_arn="arn:aws:iam::111122223333:role/x", env_prefix="DR_"
    )
    monkeypatch.setenv("DR_ACCESS_KEY_ID", "AKIDLONG")
    monkeypatch.setenv("DR_SECRET_ACCESS_KEY", "secret-that-lasts")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # where nobody listens: AWS's own service is not asked
    with sts({"AKIDLONG": "secret-that-lasts"}) as another, sts({"AKIDLONG": "secret-that-lasts"}) as tokens:
        monkeypatch.setenv("AWS_ENDPOINT_URL", another.endpoint)
        monkeypatch.delenv("AWS_ENDPOINT_URL_STS", raising=False)
        with pytest.raises(ProxyConnectionError):
            open_session(role).get_credentials().get_frozen_credentials()
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", tokens.endpoint)
        assert open_session(role).get_credentials().get_frozen_credentials().token
        assert (len(another.calls), [call.action for call in tokens.calls]) == (0, ["AssumeRole"])


def test_a_role_is_not_asked_for_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    variable = "AWS_ENDPOINT_URL_STS"
    role = ConnectionSettings(
        endpoint="https://s3.example.com", role_arn="arn:aws:iam::111122223333:role/x", source_profile="backup"
    )
    monkeypatch.setenv(variable, "http://sts.example.com")
    with pytest.raises(EndpointInvalid, match=r"token service for role_arn .* unencrypted; use https://"):
        open_session(role)
    open_session(replace(role, allow_http=True))
    for url, words in (("http://169.254.169.254", "metadata"), ("http://me:secret@x.example", "no user name")):
        monkeypatch.setenv(variable, url)
        with pytest.raises(EndpointInvalid, match=words):
            open_session(role)
    for url in ("https://sts.example.com", "http://127.0.0.1:9000"):
        monkeypatch.setenv(variable, url)
        open_session(role)
    monkeypatch.setenv(variable, "http://sts.example.com")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    open_session(role)


def test_half_of_the_credentials_are_told_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDHALF")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(CredentialsUnusable, match=r"the credentials lack AWS_SECRET_ACCESS_KEY \(env\); set it, too$"):
        open_session(ConnectionSettings())


def test_http_to_this_machine_is_fine() -> None:
    assert effective_endpoint(ConnectionSettings(endpoint="http://localhost:9000")) == "http://localhost:9000"
