"""A manifest file -> a Manifest, or everything that is wrong with it at once."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError
from s3plan.planner.manifest.connections.own_connections import OwnConnections, take_connections
from s3plan.planner.manifest.defaults import DEFAULTS, JOBS, home_of, is_of_jobs, with_defaults
from s3plan.planner.manifest.findings.between_jobs import findings_between_jobs
from s3plan.planner.manifest.findings.problems import findings_of, refused_defaults
from s3plan.planner.manifest.findings.rule_findings import judge_rules
from s3plan.planner.manifest.local_places import MovedFolder, make_bundles_absolute, make_folders_absolute
from s3plan.planner.manifest.resolved_text import resolved_text
from s3plan.planner.manifest.text.data import Data, DataReader, Placed, locate
from s3plan.planner.manifest.text.document_text import (
    MAX_FINDINGS,
    byte_order_mark,
    diagnostic_at,
    judged,
    read_document,
    refused,
    unplaced,
)
from s3plan.planner.manifest.text.hidden_text import ShownText
from s3plan.planner.manifest.text.yaml_document import (
    MAX_FILE_BYTES,
    MappingNode,
    YamlRefused,
    decode_yaml,
    parse_yaml,
)
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity
from s3plan.schemas.manifest.documents import JobsManifest, OneJobManifest
from s3plan.schemas.manifest.resolved import Manifest, resolved_many, resolved_one
from s3plan.schemas.manifest.rules.findings import Finding, KeyPath
from s3plan.schemas.manifest.rules.unused_connections import unused_connections
from s3plan.schemas.plan.header import ManifestRecord

_TOP_KEYS = tuple(dict.fromkeys((*OneJobManifest.model_fields, *JobsManifest.model_fields)))
_WAYS_IN = {
    errno.ENOENT: "name a manifest, the YAML file that says what to copy",
    errno.EISDIR: "name the manifest in it, such as s3plan.yaml",
    errno.EACCES: "its owner has to let you read it",
}


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A manifest that may be planned, with the bytes it was read from and their SHA-256 in hex.

    `resolved` is YAML that reads the same with nothing left to fill in: those of the user's own connections that it
    uses, the `taken` ones, stand in it.
    """

    path: Path
    text: bytes
    sha256: str
    manifest: Manifest
    warnings: tuple[Diagnostic, ...]
    resolved: str
    taken: tuple[str, ...] = ()


def load_manifest(path: Path, *, own: OwnConnections | None = None) -> LoadedManifest:
    """Read and judge a manifest file; raise ManifestInvalid with every finding. `own` as for parse_manifest."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise refused((unplaced(path, reason, hint=_WAYS_IN.get(error.errno or 0)),)) from error
    return parse_manifest(text, path=path, own=own)


def parse_manifest(
    text: bytes, *, path: Path, moved: MovedFolder | None = None, own: OwnConnections | None = None
) -> LoadedManifest:
    """Judge the text of a manifest; raise ManifestInvalid with every finding.

    `path` is not read; folders and files that the text names are relative to where it lies. A `moved` folder lies
    elsewhere. `own` are the user's connections, which its locations may name, too.
    """
    root, shown = _read_manifest(text, path=path)
    reader = DataReader()
    data = reader.mapping(root)
    make_folders_absolute(data, base=path.parent.absolute(), moved=moved)
    make_bundles_absolute(data, base=path.parent.absolute())
    taken, clashes = take_connections(data, own)
    manifest, placed = _judge(root, data, [*reader.placed, *(locate(root, clash) for clash in clashes)])
    warnings = judged(path, [*placed, *byte_order_mark(text)], shown=shown)
    if manifest is None:
        raise AssertionError("a manifest without findings can be read")
    resolved = resolved_text(data)
    if DEFAULTS in data:
        _check_readable(resolved, path=path)
    return LoadedManifest(path, text, hashlib.sha256(text).hexdigest(), manifest, warnings, resolved, taken)


def _check_readable(resolved: str, *, path: Path) -> None:
    """Raise ManifestInvalid if defaults, put into each job, make a document that is too large to be read again."""
    try:
        parse_yaml(decode_yaml(resolved.encode()))
    except YamlRefused as error:
        message = f"with its defaults put into each job, {error.message}; say less in defaults, or in fewer jobs"
        raise refused((unplaced(path, message),)) from error


def retold_manifest(record: ManifestRecord, *, moved: MovedFolder | None = None) -> LoadedManifest:
    """Return the manifest that a plan keeps, as it was read then: nothing of this moment but `moved` changes it."""
    loaded = parse_manifest(record.resolved.encode(), path=Path(record.path), moved=moved)
    return replace(loaded, text=record.text.encode(), sha256=record.sha256, warnings=())


def diagnostic_of(loaded: LoadedManifest, finding: Finding, *, job: str | None = None) -> Diagnostic:
    """Return a finding that came up later, about a manifest that is sound, with its place in the text.

    With `job` its path is within that job.
    """
    root, shown = _read_manifest(loaded.text, path=loaded.path)
    if job is not None and root.get(JOBS) is not None:
        finding = replace(finding, path=(JOBS, job, *finding.path))
    return diagnostic_at(loaded.path, locate(root, _at_home(root, finding)), shown=shown)


def refusal_of_findings(
    loaded: LoadedManifest, findings: Sequence[Finding], *, job: str | None = None
) -> ManifestInvalid:
    """Return the error for what was found about a manifest that is sound in itself, or about one of its jobs."""
    return refused(tuple(diagnostic_of(loaded, finding, job=job) for finding in findings))


def _read_manifest(text: bytes, *, path: Path) -> tuple[MappingNode, ShownText]:
    root, shown = read_document(text, path=path, kind="a manifest", keys=_TOP_KEYS)
    if root is None:
        message = "the file is empty; a manifest has at least version, name, source and destination"
        raise refused((unplaced(path, message),))
    return root, shown


def _judge(root: MappingNode, data: Data, texts: Sequence[Placed]) -> tuple[Manifest | None, list[Placed]]:
    """Return the manifest, if its fields are sound, and all findings: about the text, about fields, about rules."""
    document = JobsManifest if is_of_jobs(data) else OneJobManifest
    complete = with_defaults(data)
    findings: list[Finding] = []
    manifest: Manifest | None = None
    try:
        made = document.model_validate(complete)
        manifest = resolved_many(made) if isinstance(made, JobsManifest) else resolved_one(made)
    except ValidationError as error:
        findings = findings_of(error, document=document, most=MAX_FINDINGS + 1)
    if document is JobsManifest:
        findings += refused_defaults(data)
    placed = [locate(root, _at_home(root, finding)) for finding in findings]
    if len(findings) <= MAX_FINDINGS and len(texts) <= MAX_FINDINGS:
        unsound = [_whole_connection(item.path) for item in [*(text.finding for text in texts), *findings]]
        placed += judge_rules(root, manifest, complete, unsound=unsound)
        if manifest is not None and not any(item.finding.severity is Severity.ERROR for item in [*texts, *placed]):
            between = [*findings_between_jobs(manifest), *unused_connections(manifest)]
            placed += [locate(root, _at_home(root, finding)) for finding in between]
    return manifest, [*texts, *placed]


def _whole_connection(path: KeyPath) -> KeyPath:
    """Return the path of all connections for that of one: while one cannot be read, its name is not known for sure."""
    return path[:1] if path[:1] == ("connections",) and len(path) == 2 else path


def _at_home(root: MappingNode, finding: Finding) -> Finding:
    return replace(finding, path=home_of(root, finding.path))
