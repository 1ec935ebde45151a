"""The DAG of a plan: a node for each phase, with counts; and pictures of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3plan.schemas.plan.rows import Batch, Edge, Phase
from s3plan.schemas.printable import escape_unprintable
from s3plan.schemas.quantities import size_text

if TYPE_CHECKING:
    import networkx as nx

    PhaseGraph = nx.DiGraph[int]


@dataclass(frozen=True, slots=True)
class PhaseNode:
    """One phase with what it holds; the attribute `phase` of a graph's node."""

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


def phase_graph(*, phases: Iterable[Phase], edges: Iterable[Edge], batches: Iterable[Batch]) -> PhaseGraph:
    """Return a networkx DiGraph of phase ids; each node's attribute `phase` is a PhaseNode."""
    import networkx as nx

    counts: dict[int, tuple[int, int, int]] = {}
    for batch in batches:
        so_far = counts.get(batch.phase, (0, 0, 0))
        counts[batch.phase] = (so_far[0] + 1, so_far[1] + batch.actions, so_far[2] + batch.size_bytes)
    graph: PhaseGraph = nx.DiGraph()
    for phase in phases:
        graph.add_node(phase.id, phase=PhaseNode(phase, *counts.get(phase.id, ())))
    graph.add_edges_from((edge.before, edge.after) for edge in edges)
    return graph


def nodes_in_order(graph: PhaseGraph) -> tuple[PhaseNode, ...]:
    """Return the phases so that each comes after all that it waits for; by id where that leaves a choice."""
    import networkx as nx

    return tuple(graph.nodes[phase]["phase"] for phase in nx.lexicographical_topological_sort(graph))


def mermaid(graph: PhaseGraph) -> str:
    """Return the graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""
    lines = ["flowchart TD"]
    for node in nodes_in_order(graph):
        label = "<br/>".join(map(_mermaid_text, node.lines))
        lines.append(f'    phase{node.phase.id}["{label}"]')
    lines.extend(f"    phase{before} --> phase{after}" for before, after in sorted(graph.edges))
    return "\n".join(lines) + "\n"


def dot(graph: PhaseGraph) -> str:
    """Return the graph in Graphviz's DOT (https://graphviz.org/doc/info/lang.html)."""
    lines = ["digraph plan {", "    node [shape=box];"]
    for node in nodes_in_order(graph):
        label = "\\n".join(map(_dot_text, node.lines))
        lines.append(f'    phase{node.phase.id} [label="{label}"];')
    lines.extend(f"    phase{before} -> phase{after};" for before, after in sorted(graph.edges))
    return "\n".join([*lines, "}"]) + "\n"


def _mermaid_text(text: str) -> str:
    """Write everything that Mermaid or HTML could read as markup as a Mermaid character code."""
    return "".join(
        character if character.isalnum() or character in " .,:_-" else f"#{ord(character)};"
        for character in escape_unprintable(text)
    )


def _dot_text(text: str) -> str:
    return escape_unprintable(text).replace("\\", "\\\\").replace('"', '\\"')
