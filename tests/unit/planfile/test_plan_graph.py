from __future__ import annotations

from s3plan.planfile.graph import PhaseNode, dot, mermaid, nodes_in_order, phase_graph
from s3plan.schemas.plan.rows import Batch, Edge, Phase, PhaseName
from unit.planfile.plan_samples import EDGES, PHASES

_BATCHES = (
    Batch(1, 2, 1, 2, 1, 1_000, 2048, b""),
    Batch(2, 2, 1, 2, 1_001, 204, 1024, b""),
    Batch(3, 3, None, 2, 1_205, 7, 0, b""),
)
_ODD = 'a"]; click <b> #x; \\ \n \x1b \u202e é'


def test_a_node_counts_what_its_phase_holds() -> None:
    graph = phase_graph(phases=PHASES, edges=EDGES, batches=_BATCHES)
    assert graph.nodes[2]["phase"] == PhaseNode(PHASES[1], 2, 1_204, 3072)
    assert graph.nodes[1]["phase"] == PhaseNode(PHASES[0])
    assert sorted(graph.edges) == [(1, 2), (2, 3)]


def test_phases_come_after_what_they_wait_for_whatever_their_ids() -> None:
    phases = [Phase(1, "a", PhaseName.DELETE), Phase(2, "a", PhaseName.COPY), Phase(3, "a", PhaseName.PREPARE)]
    graph = phase_graph(phases=phases, edges=[Edge(3, 2), Edge(2, 1)], batches=[])
    assert [node.phase.id for node in nodes_in_order(graph)] == [3, 2, 1]


def test_mermaid_shows_each_phase_with_its_counts() -> None:
    assert mermaid(phase_graph(phases=PHASES, edges=EDGES, batches=_BATCHES)) == (
        "flowchart TD\n"
        '    phase1["images: prepare<br/>no actions"]\n'
        '    phase2["images: copy<br/>1,204 actions in 2 batches, 3.0 KiB"]\n'
        '    phase3["images: delete<br/>7 actions in 1 batch, 0 B"]\n'
        '    phase4["images: aside<br/>no actions"]\n'
        "    phase1 --> phase2\n"
        "    phase2 --> phase3\n"
    )


def test_dot_shows_each_phase_with_its_counts() -> None:
    text = dot(phase_graph(phases=PHASES, edges=EDGES, batches=_BATCHES))
    assert text.startswith("digraph plan {\n")
    assert '    phase2 [label="images: copy\\n1,204 actions in 2 batches, 3.0 KiB"];\n' in text
    assert text.endswith("    phase1 -> phase2;\n    phase2 -> phase3;\n}\n")


def test_a_job_name_cannot_leave_its_label() -> None:
    graph = phase_graph(phases=[Phase(1, _ODD, PhaseName.COPY)], edges=[], batches=[])
    assert mermaid(graph) == (
        "flowchart TD\n"
        '    phase1["a#34;#93;#59; click #60;b#62; #35;x#59; #92; #92;n #92;x1b #92;u202e é: copy<br/>no actions"]\n'
    )
    (label,) = [line for line in dot(graph).splitlines() if "label" in line]
    assert label == '    phase1 [label="a\\"]; click <b> #x; \\\\ \\\\n \\\\x1b \\\\u202e é: copy\\nno actions"];'
