"""Profiles to choose from for a connection without credentials, and a choice that is kept."""

from __future__ import annotations

from collections.abc import Mapping

from s3plan.app.connections.aws_profiles import found_profiles
from s3plan.app.connections.editing import DEFAULT, add_connection, edit_connection
from s3plan.app.connections.own_file import own_connections
from s3plan.planner.manifest.connections.chosen_profiles import connection_name
from s3plan.schemas.connections.profiles import Profile
from s3plan.schemas.errors import CredentialsUnusable


def profiles_to_choose() -> tuple[Profile, ...]:
    """Return the profiles that there are; none where the AWS files cannot be read."""
    try:
        return found_profiles()
    except CredentialsUnusable:
        return ()


def with_choice(choices: Mapping[str, str], connection: str, profile: str) -> Mapping[str, str]:
    """Return choices and one more; one for what an earlier choice has made of the default connection replaces that."""
    earlier = choices.get("")
    if earlier is not None and connection == connection_name(earlier, taken=()):
        connection = ""
    return {**choices, connection: profile}


def may_be_kept(connection: str) -> bool:
    """Return whether a choice for a connection has a place in the user's own file: not if a manifest describes it."""
    own = own_connections()
    return not connection or (own is not None and connection in own.connections)


def keep_choice(connection: str, profile: str) -> str:
    """Write the choice into the user's own file, so that apply finds it there; return the connection's name.

    Raises what the file's writer does.
    """
    if connection:
        edit_connection(connection, {"profile": profile})
        return connection
    own = own_connections()
    known = {} if own is None else own.connections
    for name, each in known.items():
        if each.model_dump(exclude_defaults=True) == {"profile": profile}:
            return name
    name = connection_name(profile, taken=[*known, DEFAULT])
    add_connection(name, {"profile": profile})
    return name
