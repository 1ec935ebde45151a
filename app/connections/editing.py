"""Adds, changes and removes connections of the user's own, each key judged before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from s3plan.app.connections.changed_file import change_own_connections
from s3plan.app.connections.own_file import own_connections
from s3plan.planner.manifest.connections.connections_text import (
    CommentsLost,
    with_changes,
    with_connection,
    without_connection,
    written_text,
)
from s3plan.planner.manifest.connections.own_connections import OwnConnections, connection_findings, parse_connections
from s3plan.planner.manifest.findings.problems import findings_of
from s3plan.planner.manifest.local_places import absolute_path
from s3plan.schemas.errors import ManifestInvalid, S3PlanError, UsageInvalid
from s3plan.schemas.manifest.connections import Connection, names_a_secret
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.locations import NAME_PATTERN
from s3plan.schemas.manifest.rules.findings import Finding
from s3plan.schemas.manifest.values import Plain, did_you_mean
from s3plan.schemas.printable import escape_unprintable, shown_path

DEFAULT = "default"
"""What the connection of locations that name none is called on the command line."""

Value = str | bool
"""What a key of a connection is set to."""
ValueT = TypeVar("ValueT", bound=Value | None)


def add_connection(name: str, keys: Mapping[str, Value]) -> None:
    """Write down a new connection; UsageInvalid where a key, or the name, cannot be so. Raises as the file's writer.

    A file that is named is one of the current directory, as for every command; what is written is its whole path.
    """
    check_name(name)
    check_keys(keys)
    keys = _with_whole_path(keys)

    def change(own: OwnConnections) -> bytes:
        if name in own.written:
            raise UsageInvalid(f"there is a connection {name} already; s3plan connections edit {name} changes it")
        made = _made(own, name, lambda: with_connection(own.text, name, _written(keys)))
        return _seen(own, made, name, Connection.model_validate(_written(keys)))

    change_own_connections(change)


def edit_connection(name: str, keys: Mapping[str, Value | None]) -> None:
    """Set keys of a connection, or take them away (None); UsageInvalid where that cannot be meant.

    A file is named as for `add_connection`.
    """
    keys = _with_whole_path(keys)

    def change(own: OwnConnections) -> bytes:
        known_connection(own, name)
        wanted = {**own.written[name], **_written(keys)}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        check_keys(wanted)
        made = _made(own, name, lambda: with_changes(own.text, name, _written(keys)))
        return _seen(own, made, name, Connection.model_validate(wanted))

    change_own_connections(change)


def remove_connection(name: str) -> None:
    """Take a connection out of the file; UsageInvalid if there is none of that name."""

    def change(own: OwnConnections) -> bytes:
        known_connection(own, name)
        return _seen(own, _made(own, name, lambda: without_connection(own.text, name)), name, None)

    change_own_connections(change)


def text_to_edit(name: str) -> bytes:
    """Return the whole file, for an editor; UsageInvalid if it has no connection of that name."""
    own = own_connections()
    if own is None:
        raise UsageInvalid(_no_connection(name, ()))
    known_connection(own, name)
    return own.text


def check_text(text: bytes, *, was: bytes) -> str | None:
    """Return what is wrong with the text that an editor has left, ready to print; None if it may be written."""
    own = own_connections()
    if own is None or own.text != was:
        raise S3PlanError("your connections were changed by somebody else meanwhile, so they are not written over")
    try:
        parse_connections(text, path=own.path)
    except ManifestInvalid as error:
        return str(error)
    return None


def replace_text(text: bytes, *, was: bytes) -> None:
    """Write what an editor has left; S3PlanError if the file is not what was edited any more."""

    def change(own: OwnConnections) -> bytes:
        if own.text != was:
            raise S3PlanError("your connections were changed by somebody else meanwhile, so they are not written over")
        return text

    change_own_connections(change)


def check_name(name: str) -> None:
    """Raise UsageInvalid for what can be no connection's name."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageInvalid("a connection's name has letters, digits, dots, underscores and hyphens, 63 at most")
    if name == DEFAULT:
        raise UsageInvalid(f"{DEFAULT} is what locations use that name no connection; choose another name")


def check_keys(keys: Mapping[str, object]) -> None:
    """Raise UsageInvalid, with a line for each option that cannot be so."""
    try:
        connection = Connection.model_validate(_written(keys))
    except ValidationError as error:
        raise _refused(findings_of(error, document=Connection, most=20)) from None
    found = [each for each in connection_findings({"x": connection}) if each.severity is Severity.ERROR]
    if found:
        raise _refused([Finding(each.path[2:], each.message, each.hint) for each in found])


def key_of(word: str) -> str:
    """Return the key that `--set` or `--unset` names; UsageInvalid for none, and for one that promises a secret."""
    known = list(Connection.model_fields)
    if word in known:
        return word
    if names_a_secret(word):
        raise UsageInvalid(
            f"{escape_unprintable(word)}: a file of connections holds no secrets; name a profile, or an env_prefix"
        )
    hint = did_you_mean(word, known) or f"the keys are {', '.join(known)}"
    raise UsageInvalid(f"a connection has no key {escape_unprintable(word)}: {hint}")


def known_connection(own: OwnConnections, name: str) -> Connection:
    """Return a connection of the file; UsageInvalid if there is none of that name."""
    if name not in own.connections:
        raise UsageInvalid(_no_connection(name, tuple(own.connections)))
    return own.connections[name]


def _with_whole_path(keys: Mapping[str, ValueT]) -> Mapping[str, ValueT | str]:
    bundle = keys.get("ca_bundle")
    is_path = isinstance(bundle, str) and bool(bundle)
    return {**keys, "ca_bundle": absolute_path(str(bundle), base=Path.cwd())} if is_path else keys


def _no_connection(name: str, known: tuple[str, ...]) -> str:
    hint = did_you_mean(name, known) or (f"there are: {', '.join(known)}" if known else "there are none yet")
    return f"there is no connection {escape_unprintable(name)} of your own: {hint}"


def _made(own: OwnConnections, name: str, make: Callable[[], bytes]) -> bytes:
    try:
        return make()
    except CommentsLost as error:
        raise _unchangeable(own, name) from error


def _unchangeable(own: OwnConnections, name: str) -> S3PlanError:
    return S3PlanError(
        f"{shown_path(own.path)} is written in a way that s3plan cannot change without touching more than {name}; "
        "change it with an editor"
    )


def _seen(own: OwnConnections, made: bytes, name: str, wanted: Connection | None) -> bytes:
    """Return the text that was made if it says what it should and nothing else has changed."""
    expected = {key: value for key, value in own.connections.items() if key != name}
    if wanted is not None:
        expected[name] = wanted
    try:
        is_right = parse_connections(made, path=own.path).connections == expected
    except ManifestInvalid:
        is_right = False
    if not is_right:
        raise _unchangeable(own, name)
    return made


def _written(keys: Mapping[str, object]) -> dict[str, object]:
    return {key: _as_written(value) for key, value in keys.items()}


def _as_written(value: object) -> object:
    if isinstance(value, bool):
        return Plain(str(value).lower())
    return written_text(value) if type(value) is str else value


def _refused(findings: list[Finding]) -> UsageInvalid:
    lines = []
    for finding in findings:
        key = ".".join(map(str, finding.path)).replace("_", "-")
        hint = "" if finding.hint is None else f" ({finding.hint})"
        lines.append(escape_unprintable(f"--{key}: {finding.message}{hint}" if key else f"{finding.message}{hint}"))
    return UsageInvalid("; ".join(lines))
