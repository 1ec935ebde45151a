"""`defaults:` put into each job, and the way back to where a value was written."""

from __future__ import annotations

from s3plan.planner.manifest.text.data import Data
from s3plan.planner.manifest.text.yaml_document import ListNode, MappingNode, Node, ScalarNode
from s3plan.schemas.manifest.rules.findings import KeyPath

JOBS, DEFAULTS = "jobs", "defaults"
_LOCATIONS = ("source", "destination", "location")
_OF_COPIES = ("source", "destination", "overwrite", "compare", "preserve", "allow_loss", "archived")
"""Of the defaults, what a job with one location has no use for."""


def is_of_jobs(data: Data) -> bool:
    """Return whether a manifest is written as a map of jobs."""
    return JOBS in data or DEFAULTS in data


def with_defaults(data: Data) -> Data:
    """Return a manifest of jobs without `defaults:`, which stand in each job instead: mappings merge, lists replace.

    Of a location, text is its URL. A job with a `location:` takes nothing that is about copies, and one with a source
    or destination no location.
    """
    rest = {key: value for key, value in data.items() if key != DEFAULTS}
    jobs, defaults = data.get(JOBS), data.get(DEFAULTS)
    if not isinstance(jobs, dict) or not isinstance(defaults, dict):
        return rest
    merged = {
        name: _merged(_fitting(defaults, job), job, is_job=True) if isinstance(job, dict) else job
        for name, job in jobs.items()
    }
    return rest | {JOBS: merged}


def _fitting(defaults: Data, job: Data) -> Data:
    if "location" in job:
        return {key: value for key, value in defaults.items() if key not in _OF_COPIES}
    if "source" in job or "destination" in job:
        return {key: value for key, value in defaults.items() if key != "location"}
    return defaults


def _merged(defaults: Data, own: Data, *, is_job: bool = False) -> Data:
    made = dict(own)
    for key, default in defaults.items():
        if key not in own:
            made[key] = default
            continue
        below, above = default, own[key]
        if is_job and key in _LOCATIONS:
            below, above = _as_mapping(below), _as_mapping(above)
        made[key] = _merged(below, above) if isinstance(below, dict) and isinstance(above, dict) else above
    return made


def _as_mapping(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


def home_of(root: MappingNode, path: KeyPath) -> KeyPath:
    """Return where the value at a path of a job was written: in the job, or in the defaults that it takes."""
    if path[:1] != (JOBS,) or len(path) <= 2 or _is_written(root, path):
        return path
    default = (DEFAULTS, *path[2:])
    return default if _is_written(root, default) else path


def written_of(root: MappingNode, name: str, needs: tuple[KeyPath, ...]) -> list[KeyPath]:
    """Return where those of a job's values were written that are written anywhere."""
    homes = [home_of(root, (JOBS, name, *need)) for need in needs]
    return [home for home in homes if _is_written(root, home)]


def _is_written(root: MappingNode, path: KeyPath) -> bool:
    node: Node = root
    for position, part in enumerate(path):
        match node:
            case MappingNode() if (entry := node.get(str(part))) is not None:
                node = entry[1]
            case ListNode() if isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            case ScalarNode() if part == "url" and path[position - 1] in _LOCATIONS:
                return True
            case _:
                return False
    return True
