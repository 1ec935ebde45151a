"""Profiles of the AWS files as they may be shown: never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from s3plan.schemas.connections.trials import Answer, Identity

NOT_CHECKED = "not checked"


class CredentialKind(StrEnum):
    """Where the credentials of a profile come from."""

    STATIC = "static keys"
    SSO = "SSO"
    ROLE = "role"
    WEB_IDENTITY = "web identity"
    PROCESS = "process"
    NONE = "none of its own"  # instance and container roles may have some


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile. `source` says by what: a role and whose credentials assume it, a session of SSO.

    `is_valid` is UNKNOWN unless it was checked, and where nobody says; `said` is why, untrusted. `expires_at`: until
    when its session holds, as far as that is known.
    """

    name: str
    kind: CredentialKind
    region: str | None = None
    source: str | None = None
    expires_at: datetime | None = None
    is_valid: Answer = Answer.UNKNOWN
    identity: Identity | None = None
    said: str = NOT_CHECKED
