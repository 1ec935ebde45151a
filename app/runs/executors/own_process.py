"""What apply may do to a process that does nothing else: the command's own, a worker's; never a library caller's."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from s3plan.executors.workers.core_pin import CorePin
from s3plan.schemas.events import Advanced, Event, OnEvent
from s3plan.storage.s3.open_files import raise_most_open_files, restore_most_open_files

# Each request, and each listed object, makes objects that die at once: the usual thresholds walk the heap on and on.
_GC_THRESHOLDS = (50_000, 20, 50)


@contextmanager
def calm_collector() -> Iterator[None]:
    """Let the garbage collector run less often, and not over what is there already, until the end."""
    thresholds = gc.get_threshold()
    collect_garbage_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def tuned_process(*, pins_core: bool, on_event: OnEvent) -> Iterator[OnEvent]:
    """Keep the process on one core, if `pins_core`, and the garbage collector calm, until the end.

    Gives what is to be told of events in place of `on_event`: it looks now and then whether the core is still quiet.
    """
    pin = CorePin()
    if pins_core:
        pin.pin()
    try:
        with calm_collector():
            yield _looking(pin, on_event)
    finally:
        pin.lift()


@contextmanager
def many_open_files() -> Iterator[None]:
    """Let the process have as many connections as it can use, as far as the system lets it, until the end."""
    before = raise_most_open_files()
    try:
        yield
    finally:
        if before is not None:
            restore_most_open_files(before)


def collect_garbage_seldom() -> None:
    """Let the garbage collector run less often, and not over what is there already, for good: as a worker does.

    What is garbage by now stays until the end: walking over all to find that little takes longer than opening a plan.
    """
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _looking(pin: CorePin, on_event: OnEvent) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        if isinstance(event, Advanced):
            pin.look()
        on_event(event)

    return tell
