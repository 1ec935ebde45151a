"""Which phases may begin, and which never can: asked of graphs of every shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from s3plan.executors.run.readiness import Readiness
from s3plan.planfile.graph import PhaseGraph
from s3plan.schemas.plan.rows import Edge, EdgeNeed, Phase, PhaseName

_WELL, _ENDED = EdgeNeed.ENDED_WELL, EdgeNeed.ENDED


def phases(*jobs: str) -> list[Phase]:
    return [Phase(number, job, PhaseName.COPY) for number, job in enumerate(jobs, start=1)]


def begun(readiness: Readiness) -> list[tuple[int, str | None, str | None]]:
    return [(turn.phase.id, turn.withheld, turn.because) for turn in readiness.turns()]


def test_a_phase_begins_once_all_that_it_waits_for_has_ended() -> None:
    graph = PhaseGraph(phases("a", "a", "a"), [Edge(1, 3, _ENDED), Edge(2, 3, _ENDED)])
    readiness = Readiness(graph, why_held=lambda edge: None, held_jobs={})
    assert begun(readiness) == [(1, None, None), (2, None, None)]
    readiness.end(1)
    assert begun(readiness) == []
    assert [phase.id for phase in readiness.under_way] == [2]
    readiness.end(2)
    assert begun(readiness) == [(3, None, None)]


def test_what_is_set_aside_takes_no_part() -> None:
    readiness = Readiness(PhaseGraph([Phase(1, "a", PhaseName.ASIDE)], []), why_held=lambda edge: None, held_jobs={})
    assert begun(readiness) == []


def test_a_withheld_phase_withholds_what_waits_for_it_whatever_the_edge_needs() -> None:
    graph = PhaseGraph(phases("a", "b", "b", "c"), [Edge(1, 2, _WELL), Edge(2, 3, _ENDED), Edge(3, 4, _ENDED)])
    readiness = Readiness(graph, why_held=lambda edge: "x failed" if edge.before == 1 else None, held_jobs={})
    assert begun(readiness) == [(1, None, None)]
    readiness.end(1)
    assert begun(readiness) == [
        (2, "job a", "job a: x failed"),
        (3, "job a", "job a: x failed"),
        (4, "job b", "job b was withheld"),
    ]
    assert readiness.under_way == ()


def test_a_reason_within_one_job_is_the_job_s_own() -> None:
    readiness = Readiness(
        PhaseGraph(phases("a", "a"), [Edge(1, 2, _WELL)]), why_held=lambda edge: "x failed", held_jobs={}
    )
    begun(readiness)
    readiness.end(1)
    assert begun(readiness) == [(2, "x failed", "x failed")]


def test_a_job_that_cannot_begin_in_this_run_is_withheld_with_all_that_depends_on_it() -> None:
    graph = PhaseGraph(phases("a", "a", "b", "c"), [Edge(1, 2, _ENDED), Edge(2, 3, _ENDED)])
    readiness = Readiness(graph, why_held=lambda edge: None, held_jobs={"a": "no answer"})
    assert begun(readiness) == [
        (1, "no answer", "no answer"),
        (2, "no answer", "no answer"),
        (3, "job a", "job a was withheld"),
        (4, None, None),
    ]


def test_a_phase_that_follows_batch_by_batch_begins_right_after_the_other_and_is_withheld_with_it() -> None:
    edges = [Edge(1, 2, EdgeNeed.EACH_BATCH), Edge(2, 3, _WELL)]
    readiness = Readiness(PhaseGraph(phases("a", "a", "b"), edges), why_held=lambda edge: None, held_jobs={})
    assert begun(readiness) == [(1, None, None), (2, None, None)]
    readiness.end(1)
    assert begun(readiness) == []
    readiness.end(2)
    assert begun(readiness) == [(3, None, None)]
    held = Readiness(PhaseGraph(phases("a", "a", "b"), edges), why_held=lambda edge: None, held_jobs={"a": "no answer"})
    assert [turn.withheld for turn in held.turns()] == ["no answer", "no answer", "job a"]


def test_a_chain_of_many_jobs_is_asked_in_a_moment() -> None:
    count = 3_000
    edges = [Edge(number, number + 1, _WELL) for number in range(1, count)]
    readiness = Readiness(PhaseGraph(phases(*map(str, range(count))), edges), why_held=lambda edge: None, held_jobs={})
    for number in range(1, count + 1):
        assert [turn.phase.id for turn in readiness.turns()] == [number]
        readiness.end(number)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[PhaseGraph, frozenset[Edge]]:
    count = draw(st.integers(1, 8))
    pairs = st.tuples(st.integers(1, count), st.integers(1, count)).filter(lambda pair: pair[0] < pair[1])
    needs = st.sampled_from([_WELL, EdgeNeed.EACH_BATCH])
    chosen = draw(st.lists(pairs, unique=True, max_size=12)) if count > 1 else []
    edges = [Edge(*pair, draw(needs)) for pair in chosen]
    held = frozenset(draw(st.lists(st.sampled_from(edges), unique=True))) if edges else frozenset()
    return PhaseGraph(phases(*(f"job{number}" for number in range(count))), edges), held


@given(graphs(), st.randoms())
def test_every_phase_has_one_turn_after_all_that_it_waits_for(
    case: tuple[PhaseGraph, frozenset[Edge]], order: object
) -> None:
    graph, held = case
    readiness = Readiness(graph, why_held=lambda edge: "no" if edge in held else None, held_jobs={})
    over: set[int] = set()
    running: list[int] = []
    left_out: set[int] = set()
    turned: list[int] = []
    while True:
        for turn in readiness.turns():
            number = turn.phase.id
            turned.append(number)
            edges = graph.before(number)
            assert {edge.before for edge in edges if edge.needs is not EdgeNeed.EACH_BATCH} <= over
            assert {edge.before for edge in edges} <= set(turned)
            is_held = any(edge in held or edge.before in left_out for edge in edges)
            assert (turn.withheld is not None) is is_held
            if is_held:
                left_out.add(number)
                over.add(number)
            else:
                running.append(number)
        if not running:
            break
        order.shuffle(running)  # type: ignore[attr-defined]
        ended = running.pop()
        over.add(ended)
        readiness.end(ended)
    assert sorted(turned) == [phase.id for phase in graph.in_order()]
