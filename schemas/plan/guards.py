"""The names of guards, and what `--allow` says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from s3plan.schemas.errors import UsageInvalid

MAX_DELETE = "max_delete"
MAX_OVERWRITE = "max_overwrite"
MAX_BYTES = "max_bytes"
REFUSE_EMPTY_SOURCE = "refuse_empty_source"
EMPTY_DIRECTORY = "empty_directory"
GUARD_NAMES = (MAX_DELETE, MAX_OVERWRITE, MAX_BYTES, REFUSE_EMPTY_SOURCE, EMPTY_DIRECTORY)


def parse_allowances(texts: Iterable[str]) -> dict[str, int]:
    """Return what `--allow [JOB.]NAME=EXACT` releases, by the words before the `=`; raise UsageInvalid."""
    allowances: dict[str, int] = {}
    for text in texts:
        words, equals, number = text.partition("=")
        if words.rpartition(".")[2] not in GUARD_NAMES:
            raise UsageInvalid(f"--allow: there is no guard {words!r}; the guards are {', '.join(GUARD_NAMES)}")
        if not equals or not re.fullmatch(r"[0-9]{1,20}", number, re.ASCII):
            raise UsageInvalid(f"--allow: write the exact number that the plan found, such as {words}=1204")
        if allowances.setdefault(words, int(number)) != int(number):
            raise UsageInvalid(f"--allow: {words} is given twice")
    return allowances


def allowances_of(job: str | None, allow: Mapping[str, int]) -> dict[str, int]:
    """Return what is released of one job's guards, by their names; of those on the sums for None."""
    found: dict[str, int] = {}
    for words, number in allow.items():
        of_job, _, name = words.rpartition(".")
        if (of_job or None) == job:
            found[name] = number
    return found


def guard_words(job: str | None, name: str) -> str:
    """Return how a guard is written in `--allow`."""
    return name if job is None else f"{job}.{name}"
