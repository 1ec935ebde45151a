"""What the user who applies says about a run in place of the manifest: `--rate`, `--retries` and such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from s3plan.schemas.errors import UsageInvalid
from s3plan.schemas.manifest.models import RunSettings
from s3plan.schemas.manifest.values import Plain
from s3plan.schemas.plan.header import RunRecord


@dataclass(frozen=True, slots=True)
class RunOverrides:
    """Settings of one run; None leaves the plan's. `retries` are tries after the first; the plan's waits stay."""

    in_flight: int | None = None
    rate_per_s: int | None = None
    bandwidth_bytes_per_s: int | None = None
    max_failures: int | None = None
    retries: int | None = None

    def applied_to(self, settings: RunRecord) -> RunRecord:
        """Return a plan's settings as they hold for this run; raise UsageInvalid for a number that cannot be meant."""
        names = ("in_flight", "rate_per_s", "bandwidth_bytes_per_s", "max_failures")
        said = {name: value for name in names if (value := getattr(self, name)) is not None}
        retries = settings.retries
        tries = retries.attempts if self.retries is None else self.retries + 1
        try:
            said["retries"] = type(retries)(**(dict(retries) | {"attempts": tries}))
            return type(settings)(**(dict(settings) | said))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageInvalid(f"{first['loc'][0]}: {first['msg'].lower()}") from error


def parse_overrides(said: Mapping[str, str | None]) -> RunOverrides:
    """Return what options say, each by the name and in the words of the manifest's `run:`; raise UsageInvalid."""
    words = {name: Plain(text) for name, text in said.items() if text is not None}
    try:
        run = RunSettings.model_validate(words)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        hint = first.get("ctx", {}).get("hint")
        raise UsageInvalid(f"--{option}: {first['msg']}{f'; {hint}' if hint else ''}") from error
    return RunOverrides(
        in_flight=run.in_flight,
        rate_per_s=run.rate,
        bandwidth_bytes_per_s=run.bandwidth,
        max_failures=run.max_failures,
        retries=run.retries.attempts - 1 if "retries" in words else None,
    )
