"""The credentials of the moment, each remembered as a secret before anything is signed with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s3plan.schemas.redaction import remember_secrets


def frozen_credentials(credentials: Any) -> Callable[[], Any]:
    """Return what gives the credentials of the moment that it is called at; botocore renews them in time.

    Those that never change are read once.
    """
    from botocore.credentials import RefreshableCredentials

    if not isinstance(credentials, RefreshableCredentials):
        fixed = credentials.get_frozen_credentials()
        remember_secrets(fixed.secret_key, fixed.token)
        return lambda: fixed
    last: Any = None

    def current() -> Any:
        nonlocal last
        frozen = credentials.get_frozen_credentials()
        if frozen is not last:  # botocore gives the same object until it has renewed them
            remember_secrets(frozen.secret_key, frozen.token)
            last = frozen
        return frozen

    return current
