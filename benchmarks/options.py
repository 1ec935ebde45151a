"""The command's arguments."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

from benchmarks.works import Sizes

_RESULTS = Path(__file__).with_name("results")
_QUICK = 10_000


def parsed(arguments: Sequence[str]) -> Namespace:
    """Return what was asked for; ends the process where that cannot be understood."""
    defaults = Sizes()
    parser = ArgumentParser(prog="benchmarks", description="Runs s3plan and its peers on the same work, in turns.")
    parser.add_argument("--works", type=_names, default=(), metavar="A,B", help="only these; `growth` means all such")
    parser.add_argument("--tools", type=_names, default=(), metavar="A,B", help="only these; default: all found")
    parser.add_argument("--peer-path", action="append", default=[], metavar="DIR", help="look for peers here first")
    parser.add_argument("--rounds", type=_positive, default=5, metavar="N")
    parser.add_argument("--endpoint", metavar="URL", help="a store on this machine, instead of benchmarks/server")
    for name in ("plan", "copy", "mirror", "delete", "resume"):
        parser.add_argument(f"--{name}-objects", type=_positive, default=getattr(defaults, name), metavar="N")
    parser.add_argument("--growth-objects", type=_numbers, default=defaults.growth, metavar="N,N")
    parser.add_argument("--latency-ms", type=_positive, default=defaults.latency_ms, metavar="N")
    parser.add_argument("--list-latency-ms", type=_positive, default=defaults.list_latency_ms, metavar="N")
    parser.add_argument("--quick", action="store_true", help=f"one round of {_QUICK:,} objects: does it work at all?")
    parser.add_argument(
        "--patience-s", type=_positive, default=200, metavar="S", help="a tool that took longer is not run again"
    )
    parser.add_argument("--timeout-s", type=_positive, default=900, metavar="S", help="then a run is stopped")
    parser.add_argument("--out", type=Path, default=_RESULTS, metavar="DIR", help="default: benchmarks/results")
    parser.add_argument("--add", action="store_true", help="keep the works of an earlier report that are not run now")
    parser.add_argument("--render", action="store_true", help="run nothing, write the report in --out anew")
    parser.add_argument("--write-readme", action="store_true", help="put the results into benchmarks/README.md")
    parser.add_argument("--list", action="store_true", help="print the works and the tools that are found")
    return parser.parse_args(arguments)


def sizes_of(options: Namespace) -> Sizes:
    """Return the sizes that were asked for."""
    if options.quick:
        slow = {"latency_ms": options.latency_ms, "list_latency_ms": options.list_latency_ms}
        return Sizes(_QUICK, _QUICK, _QUICK, _QUICK, _QUICK, (_QUICK // 10, _QUICK), **slow)
    return Sizes(
        plan=options.plan_objects,
        copy=options.copy_objects,
        mirror=options.mirror_objects,
        delete=options.delete_objects,
        resume=options.resume_objects,
        growth=options.growth_objects,
        latency_ms=options.latency_ms,
        list_latency_ms=options.list_latency_ms,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _positive(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise ArgumentTypeError("must be a number from 1")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_positive(each) for each in _names(text))
