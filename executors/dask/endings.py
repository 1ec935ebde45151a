"""What the end of a dask task means for its batch, and for the run."""

from __future__ import annotations

import pickle

from s3plan.executors.dask.messages import own_version
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.redaction import redact

CUT_OFF = (
    "the connection to the dask scheduler was lost; start the scheduler, then apply the same plan again: what has "
    "ended stays as it is, what was under way is looked at"
)


def unfit_cluster_error(error: BaseException | None) -> S3PlanError:
    if isinstance(error, S3PlanError):
        return error
    return S3PlanError(
        f"batches cannot be performed on this dask cluster ({in_a_line(error)}); "
        f"s3plan {own_version()} must be installed where the scheduler and the workers run, with the same Python "
        "and dask as here"
    )


def cannot_work(error: BaseException | None) -> bool:
    """Say whether a dask task ended by what no other worker, and no other try, would mend."""
    is_of_environment = isinstance(error, ImportError | AttributeError | TypeError | pickle.UnpicklingError)
    return isinstance(error, S3PlanError) or is_of_environment or "deserializ" in str(error)


def why_lost(worker: str | None, error: BaseException | None) -> str:
    where = f"its dask worker {worker}"
    if error is None or type(error).__name__ == "KilledWorker":  # by name: distributed is imported late
        return f"{where} was lost"
    return f"{where} gave it up: {in_a_line(error)}"


def in_a_line(error: BaseException | None) -> str:
    """Return an error's kind and the first line of its words; dask's have many."""
    return f"{type(error).__name__}: {first_line(error)}"


def first_line(error: BaseException | None) -> str:
    return redact(next(iter(str(error).strip().splitlines()), ""))
