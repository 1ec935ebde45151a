"""Pictures of a plan's graph: its phases with what they hold, as Mermaid and for Graphviz."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from s3plan.planfile.graph import PhaseGraph
from s3plan.schemas.plan.rows import Batch, EdgeNeed, Phase
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

_SAID_OF = {
    EdgeNeed.ENDED: "",
    EdgeNeed.NO_FAILURES: "no failures",
    EdgeNeed.ENDED_WELL: "all done",
    EdgeNeed.COMPLETE: "complete",
    EdgeNeed.EACH_BATCH: "each batch, what is proved",
}


@dataclass(frozen=True, slots=True)
class PhaseNode:
    """One phase with what it holds."""

    phase: Phase
    batches: int = 0
    actions: int = 0
    size_bytes: int = 0

    @property
    def lines(self) -> tuple[str, str]:
        """What a picture says about it."""
        actions = "1 action" if self.actions == 1 else f"{self.actions:,} actions"
        batches = "1 batch" if self.batches == 1 else f"{self.batches:,} batches"
        counts = f"{actions} in {batches}, {size_text(self.size_bytes)}"
        return f"{self.phase.job}: {self.phase.name}", counts if self.batches else "no actions"


def nodes_in_order(graph: PhaseGraph, batches: Iterable[Batch]) -> tuple[PhaseNode, ...]:
    """Return the phases with what these batches put into them, each after all that it waits for."""
    counts: dict[int, tuple[int, int, int]] = {}
    for batch in batches:
        so_far = counts.get(batch.phase, (0, 0, 0))
        counts[batch.phase] = (so_far[0] + 1, so_far[1] + batch.actions, so_far[2] + batch.size_bytes)
    return tuple(PhaseNode(phase, *counts.get(phase.id, ())) for phase in graph.in_order())


def mermaid(graph: PhaseGraph, batches: Iterable[Batch]) -> str:
    """Return the graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""
    lines = ["flowchart TD"]
    for node in nodes_in_order(graph, batches):
        label = "<br/>".join(map(_mermaid_text, node.lines))
        lines.append(f'    phase{node.phase.id}["{label}"]')
    for edge in graph.edges:
        said = _SAID_OF[edge.needs]
        arrow = f"-->|{said}|" if said else "-->"
        lines.append(f"    phase{edge.before} {arrow} phase{edge.after}")
    return "\n".join(lines) + "\n"


def dot(graph: PhaseGraph, batches: Iterable[Batch]) -> str:
    """Return the graph in Graphviz's DOT (https://graphviz.org/doc/info/lang.html)."""
    lines = ["digraph plan {", "    node [shape=box];"]
    for node in nodes_in_order(graph, batches):
        label = "\\n".join(map(_dot_text, node.lines))
        lines.append(f'    phase{node.phase.id} [label="{label}"];')
    for edge in graph.edges:
        said = _SAID_OF[edge.needs]
        label = f' [label="{said}"]' if said else ""
        lines.append(f"    phase{edge.before} -> phase{edge.after}{label};")
    return "\n".join([*lines, "}"]) + "\n"


def _mermaid_text(text: str) -> str:
    """Write everything that Mermaid or HTML could read as markup as a Mermaid character code."""
    return "".join(
        character if character.isalnum() or character in " .,:_-" else f"#{ord(character)};"
        for character in escape_unprintable(text)
    )


def _dot_text(text: str) -> str:
    return escape_unprintable(text).replace("\\", "\\\\").replace('"', '\\"')
