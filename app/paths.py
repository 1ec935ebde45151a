"""Where plans, journals and caches lie."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

PLANS_FOLDER = ".s3plan"
EARLIER_FOLDER = "earlier"  # in there: the plans that were replaced or given up
PLAN_SUFFIX = ".s3plan"
JOURNAL_SUFFIX = ".s3run"


def default_plan_path(manifest: Path, *, name: str) -> Path:
    """Return where the plan of a manifest of that name is kept by default: in `.s3plan/` next to its manifest."""
    return manifest.parent / PLANS_FOLDER / f"{name}{PLAN_SUFFIX}"


def journal_path(plan: Path) -> Path:
    """Return where a plan's journal is kept by default: next to the plan."""
    return plan.with_suffix(JOURNAL_SUFFIX)


def lock_path(journal: Path) -> Path:
    """Return the lock of a journal."""
    return journal.with_name(f"{journal.name}.lock")


def connections_path() -> Path:
    """Return the file of this user's own connections, be it there or not."""
    return user_config_path("s3plan") / "connections.yaml"


def capability_cache_path() -> Path:
    """Return where findings of probes are kept for a day."""
    return user_cache_path("s3plan") / "capabilities.json"


def known_files_path(*places: str) -> Path:
    """Return where it is kept which files and objects of these places had the same bytes."""
    name = sha256("\0".join(places).encode("utf-8", "surrogateescape")).hexdigest()
    return user_cache_path("s3plan") / "known-files" / f"{name[:32]}.sqlite"


def plans_in(directory: Path) -> list[Path]:
    """Return the plans of a directory and of its `.s3plan` folder, by name; not those of names that are no text."""
    found = [*directory.glob(f"*{PLAN_SUFFIX}"), *(directory / PLANS_FOLDER).glob(f"*{PLAN_SUFFIX}")]
    return sorted(
        path for path in found if path.is_file() and not path.name.startswith(".") and path.name.isprintable()
    )
