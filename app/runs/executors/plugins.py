"""Executors that other distributions bring: found by name among the entry points, loaded only when they are asked for.

A plugin is code that runs with the user's rights. So the person who applies names one, never a plan or manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from s3plan.executors.executor_context import ENTRY_POINT_GROUP, ExecutorContext, ExecutorModule, OpenExecutor
from s3plan.executors.executor_traits import ExecutorTraits
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.ports import Executor
from s3plan.schemas.redaction import described

_PARTS_OF_AN_EXECUTOR = ("free_slots", "start", "wait", "stop")
_NO_OPENER = "it must be a callable that takes an ExecutorContext and returns a context manager that gives an Executor"
_NEITHER = f"{_NO_OPENER}, or a module with such an open_executor"


@dataclass(frozen=True, slots=True)
class _Plugin:
    """What an entry point names, as one of our own modules would say it."""

    TRAITS: ExecutorTraits
    open_executor: OpenExecutor


def plugin_names() -> list[str]:
    """Return the names of all executors that are installed in addition to s3plan's own."""
    return sorted(entry_points(group=ENTRY_POINT_GROUP).names)


def load_plugin(name: str) -> ExecutorModule | None:
    """Return the executor of that name, None if nothing of that name is installed.

    Raise S3PlanError, naming distribution and entry point, if it cannot be loaded, or if two distributions bring it.
    """
    found = list(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if not found:
        return None
    if len(found) > 1:
        origins = " and ".join(sorted(map(_origin, found)))
        raise S3PlanError(f"the executor {name} is installed twice, uninstall one: {origins}")
    (point,) = found
    what = f"the executor {name} ({_origin(point)})"
    try:
        loaded = point.load()
    except Exception as error:
        raise S3PlanError(f"{what} cannot be loaded: {described(error)}") from error
    opens = getattr(loaded, "open_executor", loaded)
    if not callable(opens):
        raise S3PlanError(f"{what} cannot be used: {_NEITHER}")
    traits = getattr(loaded, "TRAITS", ExecutorTraits())
    if not isinstance(traits, ExecutorTraits):
        raise S3PlanError(f"{what} cannot be used: its TRAITS are not an ExecutorTraits but {type(traits).__name__}")
    return _Plugin(traits, _checked(opens, what))


def _checked(opens: OpenExecutor, what: str) -> OpenExecutor:
    """Return what opens the same executor, or raises S3PlanError if what it gives is none."""

    @contextmanager
    def open_checked(context: ExecutorContext) -> Iterator[Executor]:
        try:
            opened = opens(context)
        except S3PlanError:
            raise
        except Exception as error:
            raise S3PlanError(f"{what} cannot be opened: {described(error)}") from error
        if not isinstance(opened, AbstractContextManager):
            raise S3PlanError(f"{what} gave {type(opened).__name__}: {_NO_OPENER}")
        with opened as executor:
            missing = [part for part in _PARTS_OF_AN_EXECUTOR if not hasattr(executor, part)]
            if missing:
                raise S3PlanError(
                    f"{what} gave {type(executor).__name__}, "
                    f"which is not an Executor: it has no {', no '.join(missing)}"
                )
            yield executor

    return open_checked


def _origin(point: EntryPoint) -> str:
    distribution = "an unknown distribution" if point.dist is None else f"{point.dist.name} {point.dist.version}"
    return f"{distribution}, entry point {point.group}: {point.name} = {point.value}"
