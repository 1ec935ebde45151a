"""What a test of a connection has found: plain values, for the screen, for JSON, for programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from s3plan.schemas.connections.trials import Answer, Identity, Trial
from s3plan.schemas.errors import ExitCode

CREDENTIALS = "find credentials"
BUCKET = "find the bucket"
CONDITION = "hold "


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """A connection as it is now: who signs, where requests go, and what was tried, in the order of the trials.

    `name` is `default` for the default connection; `endpoint` None is AWS; `store` is the name of its kind, None where
    that is not known. `expires_at`: until when the credentials
    hold, None where they do not say. `clock_offset_ms`: the store's clock minus this machine's, to a second.
    `is_own_bucket`: the bucket is the identity's account's; None where nobody says. `objects` and `size_bytes` are
    of what was counted, `counted_all` says whether that is all there is. `left_behind`: what objects begin with that
    could not be removed again.
    """

    name: str
    endpoint: str | None
    store: str | None
    region: str | None
    credentials: str
    bucket: str | None
    prefix: str
    trials: tuple[Trial, ...]
    identity: Identity | None = None
    identity_unknown: str = ""
    expires_at: datetime | None = None
    latency_ms: float | None = None
    clock_offset_ms: int | None = None
    is_own_bucket: bool | None = None
    objects: int | None = None
    size_bytes: int | None = None
    counted_all: bool = False
    left_behind: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """10 where there are no credentials that work, 1 where something is refused or left behind, else 0."""
        refused = [trial for trial in self.trials if trial.is_refused]
        if any(trial.name == CREDENTIALS for trial in refused):
            return ExitCode.CREDENTIALS
        return ExitCode.ERROR if refused or self.left_behind is not None else ExitCode.DONE

    def answer_of(self, name: str) -> Answer:
        """Return what came of a trial, UNKNOWN if it was not made."""
        return next((trial.answer for trial in self.trials if trial.name == name), Answer.UNKNOWN)
