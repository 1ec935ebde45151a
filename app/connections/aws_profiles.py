"""The profiles of the AWS files, for the command and for whoever chooses one."""

from __future__ import annotations

from s3plan.schemas.connections.profiles import Profile
from s3plan.storage.s3.connections.profiles import checked_profile, list_profiles


def found_profiles(*, checks: bool = False) -> tuple[Profile, ...]:
    """Return them; with `checks` each is asked who it is. Raises CredentialsUnusable for files that cannot be read."""
    profiles = list_profiles()
    return tuple(map(checked_profile, profiles)) if checks else profiles
