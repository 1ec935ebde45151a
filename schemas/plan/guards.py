"""The names of guards, and what `--allow` says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from s3plan.schemas.errors import UsageInvalid

MAX_DELETE = "max_delete"
MAX_OVERWRITE = "max_overwrite"
MAX_BYTES = "max_bytes"
REFUSE_EMPTY_SOURCE = "refuse_empty_source"
GUARD_NAMES = (MAX_DELETE, MAX_OVERWRITE, MAX_BYTES, REFUSE_EMPTY_SOURCE)


def parse_allowances(texts: Iterable[str]) -> dict[str, int]:
    """Return what `--allow NAME=EXACT` releases; raise UsageInvalid."""
    allowances: dict[str, int] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if name not in GUARD_NAMES:
            raise UsageInvalid(f"--allow: there is no guard {name!r}; the guards are {', '.join(GUARD_NAMES)}")
        if not equals or not re.fullmatch(r"[0-9]{1,20}", number, re.ASCII):
            raise UsageInvalid(f"--allow: write the exact number that the plan found, such as {name}=1204")
        if allowances.setdefault(name, int(number)) != int(number):
            raise UsageInvalid(f"--allow: {name} is given twice")
    return allowances
