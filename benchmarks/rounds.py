"""Tools take turns: A B C, A B C, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Sample


def alternate(
    tools: Sequence[str], *, rounds: int, patience_s: float, run: Callable[[str, int], Sample | None]
) -> Iterator[Sample]:
    """Yield the samples of all rounds; `run` is given a tool and a round, counted from 1, and may return nothing.

    A tool that failed, that has no such work, or that took longer than `patience_s` is not asked again.
    """
    asked = list(tools)
    for number in range(1, rounds + 1):
        for tool in list(asked):
            sample = run(tool, number)
            if sample is None or sample.failure is not None or sample.wall_s > patience_s:
                asked.remove(tool)
            if sample is not None:
                yield sample
