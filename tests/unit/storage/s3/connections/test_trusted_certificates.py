"""Whose certificates are trusted: in botocore's order of precedence, and never silently somebody else's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from botocore.session import Session
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.connections.tls import BundleUnusable, named_bundle, tls_context, trusted_file

SETTINGS = ConnectionSettings(name="store")


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """One of each way to name a bundle, none of which is in force yet."""
    authority = trustme.CA()
    found = {name: tmp_path / f"{name}.pem" for name in ("connection", "variable", "configuration", "requests")}
    for path in found.values():
        authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return found


def test_the_nearest_word_counts_as_for_botocore(bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_bundle(SETTINGS, Session()) is None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundles["requests"]))
    assert named_bundle(SETTINGS, Session()) == bundles["requests"]
    bundles["configuration"].with_name("config").write_text(f"[default]\nca_bundle = {bundles['configuration']}\n")
    assert named_bundle(SETTINGS, Session()) == bundles["configuration"]
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundles["variable"]))
    assert named_bundle(SETTINGS, Session()) == bundles["variable"]
    assert named_bundle(replace(SETTINGS, ca_bundle=str(bundles["connection"])), Session()) == bundles["connection"]


def test_of_the_bundles_only_the_one_in_force_is_looked_at(
    bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/gone")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundles["variable"]))
    assert named_bundle(SETTINGS, Session()) == bundles["variable"]
    assert named_bundle(replace(SETTINGS, tls_verify=False), Session()) is None


def test_whoever_names_what_is_none_is_named(bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    (bundles["configuration"].with_name("config")).write_text("[default]\nca_bundle = /gone\n")
    with pytest.raises(BundleUnusable, match=r"^ca_bundle in the AWS configuration /gone is not a file"):
        named_bundle(SETTINGS, Session())
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    with pytest.raises(BundleUnusable, match=r"^AWS_CA_BUNDLE is empty"):
        named_bundle(SETTINGS, Session())
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundles["variable"].parent))
    with pytest.raises(BundleUnusable, match=r"^AWS_CA_BUNDLE .* is not a file"):
        named_bundle(SETTINGS, Session())
    with pytest.raises(BundleUnusable, match=r"^connection store: ca_bundle /gone is not a file"):
        named_bundle(replace(SETTINGS, ca_bundle="/gone"), Session())


def test_without_any_word_the_system_is_trusted_or_botocore_where_that_has_nothing(
    bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "folder"))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundles["variable"]))
    assert trusted_file(SETTINGS, Session()) is None
    assert tls_context(SETTINGS, Session()).cert_store_stats()["x509_ca"] == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone"))
    assert tls_context(SETTINGS, Session()).cert_store_stats()["x509_ca"] > 50
    (tmp_path / "folder" / "0a1b2c3d.0").write_bytes(bundles["variable"].read_bytes())
    assert trusted_file(SETTINGS, Session()) is None
