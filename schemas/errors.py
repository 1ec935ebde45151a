"""Every error that s3plan raises on purpose, with the exit code it ends in.

S3PlanError (1)
├── UsageInvalid (64)          the command's words are off
├── ManifestInvalid (65)       the manifest, or what it names, cannot be planned
├── PlanRefused (4)            expired, damaged, other owner, fewer capabilities than planned
│   └── PlanDamaged (4)
├── JournalRefused (4)         damaged, or another plan's
├── GuardRefused (5)           a guard of the manifest holds the plan back
├── NotApproved (6)            nobody said yes
├── Locked (7)                 another apply holds the journal
├── CredentialsUnusable (10)   none found, refused or expired
├── ListingUnusable (1)        a listing that must not be trusted: incomplete, repeated, out of order
└── StoreRefused (1)           the store answered a request of ours with an error that ends the command
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3plan.schemas.failures import Failure
    from s3plan.schemas.manifest.diagnostics import Diagnostic


class ExitCode(IntEnum):
    """How the command ends."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    INCOMPLETE = 3
    PLAN_REFUSED = 4
    GUARD_REFUSED = 5
    NOT_APPROVED = 6
    LOCKED = 7
    LIMIT_REACHED = 8
    VERIFICATION_FAILED = 9
    CREDENTIALS = 10
    USAGE = 64
    MANIFEST = 65
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class S3PlanError(Exception):
    """Base of all errors that s3plan raises on purpose; the message is written for the user."""

    exit_code = ExitCode.ERROR


class UsageInvalid(S3PlanError):
    """The command was called in a way that cannot be meant."""

    exit_code = ExitCode.USAGE


class ManifestInvalid(S3PlanError):
    """The manifest cannot be read or planned; the message holds every finding, ready to print."""

    exit_code = ExitCode.MANIFEST

    def __init__(self, message: str, *, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class PlanRefused(S3PlanError):
    """The plan may not be applied as it is; nothing was changed."""

    exit_code = ExitCode.PLAN_REFUSED


class PlanDamaged(PlanRefused):
    """The plan file is not, byte for byte, what was written."""


class JournalRefused(S3PlanError):
    """The journal is damaged or belongs to another plan."""

    exit_code = ExitCode.PLAN_REFUSED


class GuardRefused(S3PlanError):
    """A guard of the manifest holds the plan back."""

    exit_code = ExitCode.GUARD_REFUSED


class NotApproved(S3PlanError):
    """Nobody said yes, or the plan is not the one that was approved."""

    exit_code = ExitCode.NOT_APPROVED


class Locked(S3PlanError):
    """Another apply holds this plan's journal."""

    exit_code = ExitCode.LOCKED


class CredentialsUnusable(S3PlanError):
    """No credentials were found, or the store refuses them or says that they expired.

    `connection`: the name of one that a profile would give some, empty for the default one; None where it is not known.
    """

    exit_code = ExitCode.CREDENTIALS

    def __init__(self, message: str, *, connection: str | None = None) -> None:
        super().__init__(message)
        self.connection = connection


class ListingUnusable(S3PlanError):
    """A listing must not be trusted: it broke off, repeats itself or is out of order."""


class StoreRefused(S3PlanError):
    """The store answered one of our own requests with an error that ends the command."""

    def __init__(self, message: str, *, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure
