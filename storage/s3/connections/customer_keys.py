"""Keys of SSE-C, found where a job runs: by the environment variable or the file that a plan names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from s3plan.schemas.errors import CredentialsUnusable, PlanRefused
from s3plan.schemas.plan.key_references import KeyReference
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.requests.customer_keys import KEY_BYTES, CustomerKey, is_written_key, parse_key

_MOST_BYTES = 1024
_FORMS = f"{KEY_BYTES} bytes as they are, base64 of them, or {2 * KEY_BYTES} hex digits"


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, and what is to be said of how it is kept."""

    key: CustomerKey
    warnings: tuple[str, ...] = ()


class CustomerKeys:
    """The keys of a manifest or plan, each looked for once. They live in this process only."""

    def __init__(self) -> None:
        self._found: dict[KeyReference, FoundKey] = {}

    def find(self, reference: KeyReference) -> FoundKey:
        """Return what find_key returns, and raise what that raises."""
        if reference not in self._found:
            self._found[reference] = find_key(reference)
        return self._found[reference]

    def of(self, location: PlanLocation) -> CustomerKey | None:
        """Return the key of a plan's location, None if it has none; raise PlanRefused unless it is the plan's own."""
        if location.customer_key is None:
            return None
        reference = KeyReference.parse(location.customer_key)
        if reference is None:
            raise PlanRefused(f"{location.url}: the plan names no key of SSE-C that can be looked for")
        try:
            found = self.find(reference)
        except CredentialsUnusable as missing:
            raise PlanRefused(f"{location.url}: {missing}") from missing
        if found.key.fingerprint != location.customer_key_fingerprint:
            raise PlanRefused(
                f"{location.url}: {reference.words} holds another key of SSE-C than when the plan was made "
                f"(fingerprint {found.key.fingerprint}, planned {location.customer_key_fingerprint}); put that one "
                "there, or make a new plan"
            )
        return found.key


def find_key(reference: KeyReference) -> FoundKey:
    """Return the key that a reference leads to here; raise CredentialsUnusable, which never quotes what is there."""
    warnings: list[str] = []
    if reference.variable is not None:
        content = _of_variable(reference.variable)
    else:
        content = _of_file(reference.path or "", warnings.append)
    if content is None:
        raise CredentialsUnusable(f"{reference.words} is not set here; it has to hold the key of SSE-C ({_FORMS})")
    key = parse_key(content)
    if key is None:
        many = "or more " if len(content) == _MOST_BYTES and reference.variable is None else ""
        raise CredentialsUnusable(
            f"{reference.words} holds no key of SSE-C: that is {_FORMS}; {len(content):,} {many}bytes are there"
        )
    return FoundKey(key, tuple(warnings))


def _of_variable(name: str) -> bytes | None:
    text = os.environ.get(name)
    return os.fsencode(text) if text else None


def _of_file(path: str, warn: Callable[[str], None]) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        said = (error.strerror or "").lower() if isinstance(error, OSError) else "there can be no such file"
        name = "that is named" if is_written_key(path) else path  # it may be a key, written where its path belongs
        raise CredentialsUnusable(f"the file {name}, which has to hold the key of SSE-C: {said}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CredentialsUnusable(f"{path} has to hold the key of SSE-C, and is no regular file")
        if status.st_mode & 0o077:
            warn(f"the key in {path} may be read by others (mode {stat.S_IMODE(status.st_mode):04o}): chmod 600 it")
        return os.read(descriptor, _MOST_BYTES)
    except OSError as error:
        raise CredentialsUnusable(f"{path}, which has to hold the key of SSE-C: {error.strerror}") from None
    finally:
        os.close(descriptor)
