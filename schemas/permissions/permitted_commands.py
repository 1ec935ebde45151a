"""The commands that credentials are for."""

from __future__ import annotations

from enum import StrEnum


class PermittedCommand(StrEnum):
    """A command that sends requests: those of `plan` and `verify` change nothing."""

    PLAN = "plan"
    APPLY = "apply"
    VERIFY = "verify"
