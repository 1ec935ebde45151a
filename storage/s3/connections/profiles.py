"""The profiles of ~/.aws/config and ~/.aws/credentials, and what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import Any

from s3plan.schemas.connections.profiles import NOT_CHECKED, CredentialKind, Profile
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.redaction import redact
from s3plan.storage.s3.connections.log_redaction import keep_secrets_out_of_logs

_INDENTED = "(indented lines)"
_LONGEST_CHAIN = 10  # of profiles that assume roles for each other


def list_profiles() -> tuple[Profile, ...]:
    """Return them, `default` first, then by name; asks nobody. Raises CredentialsUnusable for files that are bad."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    keep_secrets_out_of_logs()
    try:
        config = Session().full_config
    except BotoCoreError as error:
        said = redact(str(error))
        raise CredentialsUnusable(
            f"the AWS configuration cannot be read: {said}; correct the file (~/.aws/config, AWS_CONFIG_FILE)"
        ) from None
    profiles = {name: _texts(said) for name, said in config.get("profiles", {}).items()}
    names = sorted(profiles, key=lambda name: (name != "default", name))
    return tuple(_profile(name, profiles) for name in names)


def _texts(said: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what is said; indented lines below a key make a mapping, which may hold secrets and is not shown."""
    return {key: value if isinstance(value, str) else _INDENTED for key, value in said.items()}


def _profile(name: str, profiles: Mapping[str, Mapping[str, str]]) -> Profile:
    said = profiles[name]
    kind, source = _kind(said)
    expires_at = _sso_expiry(said) if kind is CredentialKind.SSO else None
    asks = _asks_for_code(said, profiles)
    return Profile(
        name,
        kind,
        said.get("region"),
        source,
        expires_at,
        said="it asks for a code of MFA, so it is not checked" if asks else NOT_CHECKED,
    )


def _kind(said: Mapping[str, str]) -> tuple[CredentialKind, str | None]:
    """Return what botocore would take first, and by what."""
    role = said.get("role_arn")
    if role and "web_identity_token_file" in said:
        return CredentialKind.WEB_IDENTITY, str(role)
    if role:
        giver = said.get("source_profile")
        by = f"profile {giver}" if giver else said.get("credential_source")
        return CredentialKind.ROLE, f"{role} by {by}" if by else str(role)
    if "sso_session" in said or "sso_start_url" in said:
        account, permissions = said.get("sso_account_id"), said.get("sso_role_name")
        return CredentialKind.SSO, f"{permissions} in {account}" if account and permissions else None
    if "aws_access_key_id" in said:
        return CredentialKind.STATIC, None
    return (CredentialKind.PROCESS if "credential_process" in said else CredentialKind.NONE), None


def _asks_for_code(said: Mapping[str, str], profiles: Mapping[str, Mapping[str, str]]) -> bool:
    """Return whether somebody would be asked for a code, by this profile or one whose credentials it takes."""
    for _ in range(_LONGEST_CHAIN):
        if said.get("mfa_serial"):
            return True
        giver = profiles.get(said.get("source_profile", ""))
        if giver is None or giver is said:
            return False
        said = giver
    return False


def _sso_expiry(said: Mapping[str, str]) -> datetime | None:
    """Return until when the login holds, as its file says: AWS's tools keep it under the SHA-1 of its session."""
    name = str(said.get("sso_session") or said.get("sso_start_url"))
    digest = sha1(name.encode(), usedforsecurity=False).hexdigest()
    try:
        kept = json.loads((Path.home() / ".aws" / "sso" / "cache" / f"{digest}.json").read_text(encoding="utf-8"))
        return datetime.fromisoformat(str(kept["expiresAt"]).replace("UTC", "+00:00")).astimezone(UTC)
    except (OSError, RuntimeError, ValueError, OverflowError, KeyError, TypeError):
        return None
