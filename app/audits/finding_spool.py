"""Findings that wait on disk until it is known that the listings they come from can be trusted."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Self

from s3plan.schemas.evidence.findings import AuditCounts, Finding, FindingKind


class FindingSpool:
    """Takes findings and gives them back, in a nameless file. A context manager.

    Without `with_same` those of keys that are the same, or no matter of the job, are counted only.
    """

    def __init__(self, *, with_same: bool) -> None:
        self._with_same = with_same
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._kept = 0
        self.counts = AuditCounts()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, finding: Finding) -> None:
        """Take one more."""
        self.counts.add(finding)
        if self._with_same or finding.kind not in (FindingKind.SAME, FindingKind.LEFT_OUT):
            pickle.dump(tuple(finding), self._file, pickle.HIGHEST_PROTOCOL)
            self._kept += 1

    def read(self) -> Iterator[Finding]:
        """Yield what was kept, in order."""
        self._file.seek(0)
        for _ in range(self._kept):
            yield Finding(*pickle.load(self._file))  # noqa: S301  written by ourselves, and nobody else has the file
