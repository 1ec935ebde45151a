"""The words of the command line that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ListedKind(StrEnum):
    """Kinds of plan lines."""

    COPY = "copy"
    OVERWRITE = "overwrite"
    DELETE = "delete"
    SKIP = "skip"
    CONFLICT = "conflict"


class GraphFormat(StrEnum):
    """Languages of pictures."""

    MERMAID = "mermaid"
    DOT = "dot"


PlanArgument = Annotated[
    Path | None,
    typer.Argument(metavar="PLAN", help="A plan file, or a plan's id; without it the only unfinished plan here."),
]
JournalOption = Annotated[
    Path | None, typer.Option("--journal", metavar="FILE.s3run", help="The journal; by default next to the plan.")
]
JsonEventsOption = Annotated[bool, typer.Option("--json", help="Print events as JSON lines instead of the screen.")]
JsonIntoOption = Annotated[
    Path | None, typer.Option("--json-into", metavar="FILE", help="Write the same JSON lines to a file, too.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the last line, warnings and errors.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Print a line for each action as it ends.")]
LogOption = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Append such lines to a file, with their times; -v prints them here."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="The scheduler of --executor dask; without it workers here."),
]
RateOption = Annotated[
    str | None, typer.Option("--rate", metavar="3000/s", help="Most requests a second; as in the manifest's run.")
]
BandwidthOption = Annotated[
    str | None, typer.Option("--bandwidth", metavar="100MiB/s", help="Most bytes a second; as in the manifest's run.")
]
InFlightOption = Annotated[
    str | None, typer.Option("--in-flight", metavar="N", help="Most requests under way; as in the manifest's run.")
]
RetriesOption = Annotated[
    str | None, typer.Option("--retries", metavar="N", help="Tries after the first; as in the manifest's run.")
]
MaxFailuresOption = Annotated[
    str | None, typer.Option("--max-failures", metavar="N", help="Stop above this many; as in the manifest's run.")
]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE.s3plan", help="Where to save the plan; by default in .s3plan/."),
]
ExpiresOption = Annotated[
    str | None, typer.Option("--expires", metavar="48h", help="After this time the plan is not applied any more.")
]
SelectOption = Annotated[
    str | None, typer.Option("--select", metavar="JOB,JOB", help="Only these jobs, and those that they depend on.")
]
NoDependenciesOption = Annotated[
    bool, typer.Option("--no-dependencies", help="With --select: without those that they depend on.")
]
