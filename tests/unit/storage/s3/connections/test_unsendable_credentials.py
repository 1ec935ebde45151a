"""A variable that was set from a file, its last line break included: refused by name, never quoted."""

from __future__ import annotations

import logging
import traceback
from itertools import product

import pytest
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.manifest.words import EngineName
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.engines import open_engine

SECRET = "a-secret-key-with-a-line-break"
TOKEN = "a-session-token-with-a-line-break"


@pytest.mark.parametrize("engine", [EngineName.NATIVE, EngineName.BOTO3, EngineName.CRT])
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        *product(["ACCESS_KEY_ID", "SESSION_TOKEN"], ["{}\n", "{}\r\n", "\t{}", "{} {}", "{}\u00e9"]),
        *product(["SECRET_ACCESS_KEY"], ["{}\n", "{}\r\n"]),
    ],
)
def test_credentials_that_no_header_can_carry_are_refused_before_anything_is_sent(
    engine: EngineName, name: str, spoil: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    values = {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": SECRET, "SESSION_TOKEN": TOKEN}
    values[name] = spoil.format(values[name], values[name])
    for variable, value in values.items():
        monkeypatch.setenv(f"T_{variable}", value)
    settings = ConnectionSettings(name="t", endpoint="http://127.0.0.1:9", env_prefix="T_", engine=engine)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(CredentialsUnusable, match=r"connection t: .* a line break") as raised,
    ):
        open_engine(settings, max_in_flight=1)
    told = caplog.text + "".join(traceback.format_exception(raised.value))
    assert SECRET not in told
    assert TOKEN not in told
