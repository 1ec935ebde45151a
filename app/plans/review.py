"""A plan opened to be read by a person or a program."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from s3plan.app.ends import JobEnds, ends_of
from s3plan.app.paths import journal_path
from s3plan.app.roots import RememberedRoot, Root, root_in_force
from s3plan.app.runs.checks import changed_manifest
from s3plan.planfile import graph_pictures
from s3plan.planfile.documents.plan import iter_document
from s3plan.planfile.reader import PlanReader, open_plan
from s3plan.schemas.plan.actions import Action, ActionKind, VerdictKind
from s3plan.schemas.plan.header import PlanHeader
from s3plan.schemas.plan.rows import PhaseName

_PHASES_OF = {
    VerdictKind.COPY: PhaseName.COPY,
    VerdictKind.OVERWRITE: PhaseName.COPY,
    VerdictKind.SAME: PhaseName.COPY,
    VerdictKind.DELETE: PhaseName.DELETE,
    VerdictKind.SKIPPED: PhaseName.ASIDE,
    VerdictKind.CONFLICT: PhaseName.ASIDE,
}


def verdict_of(action: Action) -> VerdictKind:
    """Return under which kind the plan's totals count an action."""
    match action.kind:
        case ActionKind.COPY | ActionKind.UPLOAD | ActionKind.DOWNLOAD | ActionKind.RELAY:
            return VerdictKind.COPY if action.destination_pin is None else VerdictKind.OVERWRITE
        case ActionKind.DELETE | ActionKind.REMOVE:
            return VerdictKind.DELETE
        case ActionKind.SAME:
            return VerdictKind.SAME
        case ActionKind.SKIP:
            return VerdictKind.SKIPPED
        case ActionKind.CONFLICT:
            return VerdictKind.CONFLICT


class ListedAction(NamedTuple):
    """A line of a plan, whose it is, and as what it is counted."""

    job: str
    kind: VerdictKind
    action: Action


class Review:
    """An open plan; a context manager. Everything but the actions has been checked, those are as they are read."""

    def __init__(self, reader: PlanReader) -> None:
        self._reader = reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    @property
    def path(self) -> Path:
        return self._reader.path

    @property
    def header(self) -> PlanHeader:
        return self._reader.header

    @property
    def digest(self) -> str:
        """The plan's identity: 64 hex digits."""
        return self._reader.digest

    @property
    def changed_manifest(self) -> str | None:
        """A sentence, if the plan's manifest says something else by now."""
        return changed_manifest(self._reader)

    @property
    def plan_id(self) -> str:
        """The digest's first 8 digits; for the eye only."""
        return self._reader.plan_id

    @property
    def ends(self) -> tuple[JobEnds, ...]:
        """Where each job reads and writes."""
        return ends_of(self._reader.locations, self.header)

    def root_of_run(self, journal: Path | None, *, asked: Path | None, rebuilds: bool = False) -> Root | None:
        """Return where the plan's folder lies for the next run, and have `ends` say so; None: where it was planned.

        `rebuilds` as in RememberedRoot.read. Raises UsageInvalid, JournalRefused; nothing there is looked at.
        """
        remembered = RememberedRoot.read(self._reader, journal or journal_path(self.path), rebuilds=rebuilds)
        root = root_in_force(self._reader, remembered, asked=asked)
        if root is not None:
            self._reader.move_folders(root.path, root_inode=None)
        return root

    def actions(
        self,
        *,
        kinds: Collection[VerdictKind] | None = None,
        prefix: bytes | None = None,
        job: str | None = None,
    ) -> Iterator[ListedAction]:
        """Yield the plan's lines with their jobs, in order; raise PlanDamaged.

        Of each job: copies, deletes, then what is set aside, each by key.
        """
        wanted = None if kinds is None else frozenset(kinds)
        names = None if wanted is None else {_PHASES_OF[kind] for kind in wanted if kind in _PHASES_OF}
        phases = {
            phase.id
            for phase in self._reader.phases
            if (names is None or phase.name in names) and (job is None or phase.job == job)
        }
        for batch, action in self._reader.iter_actions(phases=phases):
            kind = verdict_of(action)
            if (wanted is None or kind in wanted) and (prefix is None or action.key.startswith(prefix)):
                yield ListedAction(self._reader.phases_by_id[batch.phase].job, kind, action)

    def mermaid(self) -> str:
        """Return the plan's DAG as a Mermaid flowchart."""
        return graph_pictures.mermaid(self._reader.graph, self._reader.batches)

    def dot(self) -> str:
        """Return the plan's DAG in Graphviz' language."""
        return graph_pictures.dot(self._reader.graph, self._reader.batches)

    def document_lines(self) -> Iterator[str]:
        """Yield the whole plan as one JSON document, in pieces that are written one after the other."""
        return iter_document(self._reader)


def open_review(plan: Path) -> Review:
    """Open a plan to be shown; raise PlanRefused or PlanDamaged."""
    return Review(open_plan(plan))
