from __future__ import annotations

import pytest
from s3plan.planfile.graph import PhaseGraph, graph_of_jobs
from s3plan.planfile.graph_pictures import PhaseNode, dot, mermaid, nodes_in_order
from s3plan.planfile.rows import RowInvalid
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.rows import Batch, Edge, EdgeNeed, Phase, PhaseName
from unit.planfile.plan_samples import EDGES, PHASES, header

_BATCHES = (
    Batch(1, 2, 1, 2, 1, 1_000, 2048, b""),
    Batch(2, 2, 1, 2, 1_001, 204, 1024, b""),
    Batch(3, 3, None, 2, 1_205, 7, 0, b""),
)
_ODD = 'a"]; click <b> #x; \\ \n \x1b \u202e é'


_ENDED, _WELL = EdgeNeed.ENDED, EdgeNeed.ENDED_WELL


def test_a_node_counts_what_its_phase_holds() -> None:
    nodes = nodes_in_order(PhaseGraph(PHASES, EDGES), _BATCHES)
    assert nodes[:2] == (PhaseNode(PHASES[0]), PhaseNode(PHASES[1], 2, 1_204, 3072))


def test_phases_come_after_what_they_wait_for_whatever_their_ids() -> None:
    phases = [Phase(1, "a", PhaseName.DELETE), Phase(2, "a", PhaseName.COPY), Phase(3, "a", PhaseName.PREPARE)]
    graph = PhaseGraph(phases, [Edge(3, 2, _ENDED), Edge(2, 1, _WELL)])
    assert [phase.id for phase in graph.in_order()] == [3, 2, 1]


def test_phases_that_wait_in_a_circle_or_for_none_are_no_graph() -> None:
    with pytest.raises(RowInvalid, match="in a circle"):
        PhaseGraph(PHASES, [Edge(1, 2, _ENDED), Edge(2, 1, _ENDED)])
    with pytest.raises(RowInvalid, match="names a phase that does not exist"):
        PhaseGraph(PHASES, [Edge(1, 9, _ENDED)])


def _job(name: str, *after: str, delete_when: str | None = None, **more: object) -> JobRecord:
    (sample,) = header(actions=0, size_bytes=0, job=name, delete_when=delete_when).jobs
    return sample.model_copy(update={"depends_on": after, **more})


def _edges(jobs: list[JobRecord], phases: dict[str, str]) -> set[str]:
    """Return the edges of jobs with these phases, by the first letters of their names."""
    names = {
        "r": PhaseName.REMOVE,
        "p": PhaseName.PREPARE,
        "c": PhaseName.COPY,
        "d": PhaseName.DELETE,
        "a": PhaseName.ASIDE,
    }
    listed = [(job, letter) for job, letters in phases.items() for letter in letters]
    numbered = {number: f"{job}.{letter}" for number, (job, letter) in enumerate(listed, start=1)}
    made = [Phase(number, job, names[letter]) for number, (job, letter) in enumerate(listed, start=1)]
    edges = graph_of_jobs(jobs, made).edges
    return {f"{numbered[edge.before]} {edge.needs} {numbered[edge.after]}" for edge in edges}


def test_deletes_wait_for_their_job_s_copies_as_the_job_says() -> None:
    assert _edges([_job("x")], {"x": "pcda"}) == {"x.p ended x.c", "x.c ended-well x.d"}
    assert _edges([_job("x", delete_when="no-failures")], {"x": "pcd"}) == {"x.p ended x.c", "x.c no-failures x.d"}
    assert _edges([_job("x")], {"x": "pd"}) == {"x.p ended-well x.d"}
    assert _edges([_job("x")], {"x": "p"}) == set()


def test_a_job_waits_for_the_writes_of_those_that_it_depends_on_and_their_deletes_for_its_own() -> None:
    jobs = [_job("a"), _job("b", "a"), _job("c", "b")]
    assert _edges(jobs, {"a": "pcd", "b": "pc", "c": "pcd"}) == {
        "a.p ended a.c",
        "b.p ended b.c",
        "c.p ended c.c",
        "a.c complete b.p",
        "b.c complete c.p",
        "a.c ended-well a.d",
        "b.c ended-well a.d",
        "c.c ended-well a.d",
        "c.c ended-well c.d",
    }


def test_deletes_of_a_job_that_only_deletes_wait_for_no_dependent_and_are_waited_for() -> None:
    jobs = [_job("a"), _job("b", "a", from_location=None), _job("c", "b")]
    assert _edges(jobs, {"a": "pcd", "b": "pd", "c": "pc"}) == {
        "a.p ended a.c",
        "b.p ended b.d",
        "c.p ended c.c",
        "a.c complete b.p",
        "b.d complete c.p",
        "a.c ended-well a.d",
        "b.d ended-well a.d",
        "c.c ended-well a.d",
    }


def test_what_a_job_moves_is_removed_batch_by_batch_and_what_depends_on_it_waits_for_that() -> None:
    assert _edges([_job("a"), _job("b", "a")], {"a": "pcr", "b": "pc"}) == {
        "a.p ended a.c",
        "a.c each-batch a.r",
        "a.r complete b.p",
        "b.p ended b.c",
    }


def test_a_job_without_writes_is_waited_for_as_far_as_it_goes() -> None:
    assert _edges([_job("a"), _job("b", "a")], {"a": "p", "b": "pc"}) == {"a.p complete b.p", "b.p ended b.c"}


@pytest.mark.parametrize(
    ("jobs", "phases", "message"),
    [
        (["x", "x"], {"x": "p"}, "one name"),
        (["x"], {"y": "p"}, "is of job 'y', which does not exist"),
        (["x"], {"x": "pcc"}, "has two copy phases"),
        (["x"], {"x": "c"}, "has no prepare phase"),
        (["x"], {"x": "pr"}, "removes what it does not copy"),
    ],
)
def test_phases_that_no_jobs_have_are_refused(jobs: list[str], phases: dict[str, str], message: str) -> None:
    with pytest.raises(RowInvalid, match=message):
        _edges([_job(name) for name in jobs], phases)


def test_a_job_comes_after_those_that_it_depends_on() -> None:
    with pytest.raises(RowInvalid, match="depends on 'b', which is no job before it"):
        _edges([_job("a", "b"), _job("b")], {"a": "p", "b": "p"})


def test_mermaid_shows_each_phase_with_its_counts() -> None:
    assert mermaid(PhaseGraph(PHASES, EDGES), _BATCHES) == (
        "flowchart TD\n"
        '    phase1["images: prepare<br/>no actions"]\n'
        '    phase2["images: copy<br/>1,204 actions in 2 batches, 3.0 KiB"]\n'
        '    phase3["images: delete<br/>7 actions in 1 batch, 0 B"]\n'
        '    phase4["images: aside<br/>no actions"]\n'
        "    phase1 --> phase2\n"
        "    phase2 -->|all done| phase3\n"
    )


def test_dot_shows_each_phase_with_its_counts() -> None:
    text = dot(PhaseGraph(PHASES, EDGES), _BATCHES)
    assert text.startswith("digraph plan {\n")
    assert '    phase2 [label="images: copy\\n1,204 actions in 2 batches, 3.0 KiB"];\n' in text
    assert text.endswith('    phase1 -> phase2;\n    phase2 -> phase3 [label="all done"];\n}\n')


def test_a_job_name_cannot_leave_its_label() -> None:
    graph = PhaseGraph([Phase(1, _ODD, PhaseName.COPY)], [])
    assert mermaid(graph, []) == (
        "flowchart TD\n"
        '    phase1["a#34;#93;#59; click #60;b#62; #35;x#59; #92; #92;n #92;x1b #92;u202e é: copy<br/>no actions"]\n'
    )
    (label,) = [line for line in dot(graph, []).splitlines() if "label" in line]
    assert label == '    phase1 [label="a\\"]; click <b> #x; \\\\ \\\\n \\\\x1b \\\\u202e é: copy\\nno actions"];'
