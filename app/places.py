"""Where plans, journals and caches lie."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path
from s3plan.app.standing import is_unfinished
from s3plan.planfile.own_file import objection_to
from s3plan.schemas.errors import UsageInvalid

PLANS_FOLDER = ".s3plan"
PLAN_SUFFIX = ".s3plan"
JOURNAL_SUFFIX = ".s3run"


def default_plan_path(manifest: Path, *, job: str) -> Path:
    """Return where a job's plan is kept by default: in `.s3plan/` beside its manifest."""
    return manifest.parent / PLANS_FOLDER / f"{job}{PLAN_SUFFIX}"


def journal_path(plan: Path) -> Path:
    """Return where a plan's journal is kept by default: beside the plan."""
    return plan.with_suffix(JOURNAL_SUFFIX)


def lock_path(journal: Path) -> Path:
    """Return the lock of a journal."""
    return journal.with_name(f"{journal.name}.lock")


def capability_cache_path() -> Path:
    """Return where findings of probes are kept for a day."""
    return user_cache_path("s3plan") / "capabilities.json"


def plans_in(directory: Path) -> list[Path]:
    """Return the plans of a directory and of its `.s3plan` folder, by name; not those of names that are no text."""
    found = [*directory.glob(f"*{PLAN_SUFFIX}"), *(directory / PLANS_FOLDER).glob(f"*{PLAN_SUFFIX}")]
    return sorted(
        path for path in found if path.is_file() and not path.name.startswith(".") and path.name.isprintable()
    )


def find_plan(directory: Path) -> Path:
    """Return the only unfinished plan of a directory, or its only plan; raise UsageInvalid otherwise.

    Only this user's own files are taken: whoever else may write to the directory must not choose what is applied.
    """
    plans = plans_in(directory)
    others = [path for path in plans if objection_to(path) is not None]
    plans = [path for path in plans if path not in others]
    unfinished = [path for path in plans if is_unfinished(path, journal_path(path))]
    if len(unfinished) == 1:
        return unfinished[0]
    if not unfinished and len(plans) == 1:
        return plans[0]
    if not plans and others:
        raise UsageInvalid(f"{others[0]} {objection_to(others[0])}; name the plan if you trust it")
    if not plans:
        raise UsageInvalid("there is no plan here; make one with `s3plan plan`, or name one")
    which = "unfinished plans" if unfinished else "plans, all finished"
    names = "\n".join(f"  {path}" for path in (unfinished or plans))
    raise UsageInvalid(f"there are {len(unfinished or plans)} {which} here; name the one you mean:\n{names}")
