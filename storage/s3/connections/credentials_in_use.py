"""The credentials of the moment, each remembered as a secret before anything is signed with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s3plan.schemas.redaction import remember_secrets
from s3plan.storage.s3.connections.credentials_ahead import CredentialsAhead


def frozen_credentials(credentials: Any) -> Callable[[], Any]:
    """Return what gives the credentials of the moment that it is called at; those that never change are read once."""
    if isinstance(credentials, CredentialsAhead):
        return credentials.get_frozen_credentials
    fixed = credentials.get_frozen_credentials()
    remember_secrets(fixed.secret_key, fixed.token)
    return lambda: fixed


def were_renewed_since(credentials: object, since_s: float) -> bool:
    """Return whether these have changed since then, by time.monotonic."""
    return isinstance(credentials, CredentialsAhead) and credentials.renewed_at_s > since_s
