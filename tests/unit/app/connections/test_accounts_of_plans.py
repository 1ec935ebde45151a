"""Whose account a connection has is asked for those that buckets are reached by, and for no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3plan.app.connections.accounts import check_accounts
from s3plan.app.stores import Stores
from s3plan.schemas.plan.header_parts import AccountRecord
from s3plan.schemas.plan.rows import LocationKind, PlanLocation
from unit.planfile.plan_samples import header


def test_a_folder_needs_no_credentials_whatever_accounts_a_plan_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    records = (AccountRecord(connection="", account="111122223333"),)
    named = header(actions=1, size_bytes=1).model_copy(update={"accounts": records})
    folder = PlanLocation(1, LocationKind.FOLDER, f"file://{tmp_path}/", "", None, None, "", "", path=str(tmp_path))
    with Stores({}, max_in_flight=1) as stores:
        check_accounts(named, [folder], stores)
