"""The profiles of the AWS files, for the command and for whoever chooses one."""

from __future__ import annotations

from dataclasses import replace

from s3plan.schemas.connections.profiles import NOT_CHECKED, Profile
from s3plan.schemas.connections.trials import Answer
from s3plan.schemas.endpoints import EndpointInvalid
from s3plan.schemas.errors import CredentialsUnusable
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.storage.s3.botocore.identity import expiry_of, find_identity
from s3plan.storage.s3.connections.profiles import list_profiles
from s3plan.storage.s3.connections.sessions import ConnectionSettings, open_session


def found_profiles(*, checks: bool = False) -> tuple[Profile, ...]:
    """Return them; with `checks` each is asked who it is. Raises CredentialsUnusable for files that cannot be read."""
    profiles = list_profiles()
    return tuple(map(_checked, profiles)) if checks else profiles


def _checked(profile: Profile) -> Profile:
    """Return a profile with what its credentials turn out to be: asked of the token service that belongs to them."""
    if profile.said != NOT_CHECKED:
        return profile
    settings = ConnectionSettings(profile=profile.name)
    try:
        session = open_session(settings)
        found = find_identity(settings, session)
    except CredentialsUnusable as error:
        return replace(profile, is_valid=Answer.NO, said=str(error).removeprefix(f"{settings}: "))
    except EndpointInvalid as error:
        return replace(profile, said=str(error).removeprefix(f"{settings}: "))
    if isinstance(found, Failure):
        is_answer = found.status is not None and 400 <= found.status < 500
        is_refused = is_answer or found.kind.is_credentials
        said = found.message if found.kind is FailureKind.UNSUPPORTED else str(found)
        return replace(profile, is_valid=Answer.NO if is_refused else Answer.UNKNOWN, said=said)
    expires_at = expiry_of(session) or profile.expires_at
    return replace(profile, is_valid=Answer.YES, identity=found, expires_at=expires_at, said="")
