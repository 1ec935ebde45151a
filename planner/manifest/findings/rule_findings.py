"""What the rules find in each job of a manifest, at the places where the values were written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pydantic import ValidationError
from s3plan.planner.manifest.defaults import DEFAULTS, JOBS, home_of, written_of
from s3plan.planner.manifest.findings.pattern_problems import broken_patterns
from s3plan.planner.manifest.text.data import Data, Placed, locate, without
from s3plan.planner.manifest.text.yaml_document import MappingNode
from s3plan.schemas.manifest.diagnostics import Severity
from s3plan.schemas.manifest.documents import OneJobManifest
from s3plan.schemas.manifest.models import JobFields
from s3plan.schemas.manifest.resolved import Manifest
from s3plan.schemas.manifest.rules.attribute_rules import ATTRIBUTE_RULES
from s3plan.schemas.manifest.rules.customer_key_rules import CUSTOMER_KEY_RULES
from s3plan.schemas.manifest.rules.deletion_rules import DELETION_RULES
from s3plan.schemas.manifest.rules.findings import Broken, Finding, KeyPath, broken_rules
from s3plan.schemas.manifest.rules.folder_rules import FOLDER_RULES
from s3plan.schemas.manifest.rules.job_rules import JOB_RULES
from s3plan.schemas.manifest.rules.shared_rules import SHARED_RULES
from s3plan.schemas.manifest.values import Plain

_OF_JOBS = (*FOLDER_RULES, *CUSTOMER_KEY_RULES, *DELETION_RULES, *ATTRIBUTE_RULES, *JOB_RULES)
_SHARED = ("run", "connections")


def judge_rules(
    root: MappingNode, manifest: Manifest | None, data: Data, *, unsound: Sequence[KeyPath]
) -> list[Placed]:
    """Return what the rules say; of a manifest that is not sound (None) those that need no unsound field.

    `data` is what was read, with the defaults in each job; unsound paths are those of the text.
    """
    if JOBS not in data:
        judged = _judged(manifest, None, data, unsound=unsound)
        broken = broken_rules(judged, rules=(*_OF_JOBS, *SHARED_RULES), unsound=unsound)
        findings = [*(each.finding for each in broken), *broken_patterns(judged.filters)]
        return [locate(root, finding) for finding in findings]
    jobs = data[JOBS]
    placed: list[Placed] = []
    for position, name in enumerate(jobs if isinstance(jobs, dict) else ()):
        bad = list(_within(name, unsound))
        judged = _judged(manifest, name, _data_of(name, data), unsound=bad)
        for each in broken_rules(judged, rules=_OF_JOBS, unsound=bad):
            placed += _placed_in_job(root, name, each)
        placed += [_placed(root, name, finding) for finding in broken_patterns(judged.filters)]
        if not position:  # what all of them share is judged once
            shared = broken_rules(judged, rules=SHARED_RULES, unsound=bad)
            placed += [locate(root, each.finding) for each in shared]
    return placed


def _data_of(name: str, data: Data) -> Data:
    jobs = data[JOBS]
    job = jobs.get(name) if isinstance(jobs, dict) else None
    shared = {key: data[key] for key in _SHARED if key in data}
    own = {key: value for key, value in job.items() if key in JobFields.model_fields} if isinstance(job, dict) else {}
    return shared | own


def _within(name: str, unsound: Iterable[KeyPath]) -> Iterator[KeyPath]:
    """Yield unsound paths as a job sees them: its own, those of the defaults that it may take, and what is shared."""
    for path in unsound:
        if path[:2] == (JOBS, name):
            yield path[2:]
        elif path[:1] == (DEFAULTS,):
            yield path[1:]
        elif path[:1] != (JOBS,):
            yield path


def _judged(manifest: Manifest | None, name: str | None, data: Data, *, unsound: Iterable[KeyPath]) -> OneJobManifest:
    if manifest is None:
        return _sound_part(data, unsound)
    return manifest.as_one_job(manifest.name if name is None else name)


def _placed_in_job(root: MappingNode, name: str, broken: Broken) -> Iterator[Placed]:
    """Yield where a rule's finding stands; and where the job and its defaults clash, the other half of it, too."""
    here = _placed(root, name, broken.finding)
    yield here
    homes = written_of(root, name, broken.needs)
    if broken.finding.severity is not Severity.ERROR or len({home[0] for home in homes}) == 1:
        return
    for home in homes:
        if home[0] != here.finding.path[0]:
            told = f"does not go with {_dotted(here.path)} in line {here.mark.line}: {broken.finding.message}"
            yield locate(root, Finding(home, told))


def _placed(root: MappingNode, name: str, finding: Finding) -> Placed:
    return locate(root, replace(finding, path=home_of(root, (JOBS, name, *finding.path))))


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))


def _sound_part(data: Data, unsound: Iterable[KeyPath]) -> OneJobManifest:
    """Return a manifest of the fields that are sound, for the rules that need no others; stand-ins fill the rest."""
    kept = data
    pending = list(unsound)
    while True:
        for path in pending:
            kept = without(kept, path)
        try:
            return OneJobManifest.model_validate(_with_stand_ins(kept))
        except ValidationError as error:
            pending = [tuple(detail["loc"]) for detail in error.errors()]


def _with_stand_ins(data: Data) -> Data:
    filled: Data = {"version": Plain("1"), "name": "stand-in"} | data
    for role in ("location",) if "location" in filled else ("source", "destination"):
        location = filled.get(role, {})
        url = {"url": f"s3://stand-in-{role}/"}
        filled[role] = url | location if isinstance(location, dict) else location
    return filled
