"""A manifest file -> a Manifest, or everything that is wrong with it at once."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError
from s3plan.planner.manifest.between_jobs import findings_between_jobs
from s3plan.planner.manifest.data import Data, DataReader, Placed, locate
from s3plan.planner.manifest.defaults import DEFAULTS, JOBS, home_of, is_of_jobs, with_defaults
from s3plan.planner.manifest.diagnostics import render_diagnostics
from s3plan.planner.manifest.hidden_text import ShownText, hide_by_indentation, hide_values
from s3plan.planner.manifest.local_places import MovedFolder, make_folders_absolute
from s3plan.planner.manifest.problems import findings_of, refused_defaults
from s3plan.planner.manifest.resolved_text import resolved_text
from s3plan.planner.manifest.rule_findings import judge_rules
from s3plan.planner.manifest.yaml_document import (
    MAX_FILE_BYTES,
    MappingNode,
    Mark,
    ScalarNode,
    YamlRefused,
    decode_yaml,
    parse_yaml,
    split_lines,
)
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity
from s3plan.schemas.manifest.documents import JobsManifest, OneJobManifest
from s3plan.schemas.manifest.resolved import Manifest, resolved_many, resolved_one
from s3plan.schemas.manifest.rules import Finding, KeyPath
from s3plan.schemas.manifest.unused_connections import unused_connections
from s3plan.schemas.plan.header import ManifestRecord

MAX_FINDINGS = 100

_WAYS_IN = {
    errno.ENOENT: "name a manifest, the YAML file that says what to copy",
    errno.EISDIR: "name the manifest in it, such as s3plan.yaml",
    errno.EACCES: "its owner has to let you read it",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A manifest that may be planned, with the bytes it was read from and their SHA-256 in hex.

    `resolved` is YAML that reads the same with nothing left to fill in.
    """

    path: Path
    text: bytes
    sha256: str
    manifest: Manifest
    warnings: tuple[Diagnostic, ...]
    resolved: str


def load_manifest(path: Path) -> LoadedManifest:
    """Read and judge a manifest file; raise ManifestInvalid with every finding."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise _refused((_unplaced(path, reason, hint=_WAYS_IN.get(error.errno or 0)),)) from error
    return parse_manifest(text, path=path)


def parse_manifest(text: bytes, *, path: Path, moved: MovedFolder | None = None) -> LoadedManifest:
    """Judge the text of a manifest; raise ManifestInvalid with every finding.

    `path` is not read; folders that the text names are relative to where it lies. A `moved` one lies elsewhere.
    """
    root, shown = _read_document(text, path=path)
    reader = DataReader()
    data = reader.mapping(root)
    make_folders_absolute(data, base=path.parent.absolute(), moved=moved)
    manifest, placed = _judge(root, data, reader.placed)
    if text.startswith(_BYTE_ORDER_MARK):
        finding = Finding((), "the file starts with a byte order mark, which is ignored", None, Severity.WARNING)
        placed.append(Placed(finding, Mark(1, 1), ()))
    ordered = _in_order(placed)
    diagnostics = tuple(_diagnostic(path, item, shown=shown) for item in ordered[:MAX_FINDINGS])
    if len(ordered) > MAX_FINDINGS:
        raise _refused((*diagnostics, _unplaced(path, f"there is more; these are the first {MAX_FINDINGS} findings")))
    if manifest is None or any(item.severity is Severity.ERROR for item in diagnostics):
        raise _refused(diagnostics)
    resolved = resolved_text(data)
    if DEFAULTS in data:
        _check_readable(resolved, path=path)
    return LoadedManifest(path, text, hashlib.sha256(text).hexdigest(), manifest, diagnostics, resolved)


def _check_readable(resolved: str, *, path: Path) -> None:
    """Raise ManifestInvalid if defaults, put into each job, make a document that is too large to be read again."""
    try:
        parse_yaml(decode_yaml(resolved.encode()))
    except YamlRefused as error:
        message = f"with its defaults put into each job, {error.message}; say less in defaults, or in fewer jobs"
        raise _refused((_unplaced(path, message),)) from error


def retold_manifest(record: ManifestRecord, *, moved: MovedFolder | None = None) -> LoadedManifest:
    """Return the manifest that a plan keeps, as it was read then: nothing of this moment but `moved` changes it."""
    loaded = parse_manifest(record.resolved.encode(), path=Path(record.path), moved=moved)
    return replace(loaded, text=record.text.encode(), sha256=record.sha256, warnings=())


def diagnostic_of(loaded: LoadedManifest, finding: Finding, *, job: str | None = None) -> Diagnostic:
    """Return a finding that came up later, about a manifest that is sound, with its place in the text.

    With `job` its path is within that job.
    """
    root, shown = _read_document(loaded.text, path=loaded.path)
    if job is not None and root.get(JOBS) is not None:
        finding = replace(finding, path=(JOBS, job, *finding.path))
    return _diagnostic(loaded.path, locate(root, _at_home(root, finding)), shown=shown)


def refusal_of_findings(
    loaded: LoadedManifest, findings: Sequence[Finding], *, job: str | None = None
) -> ManifestInvalid:
    """Return the error for what was found about a manifest that is sound in itself, or about one of its jobs."""
    return _refused(tuple(diagnostic_of(loaded, finding, job=job) for finding in findings))


def _read_document(text: bytes, *, path: Path) -> tuple[MappingNode, ShownText]:
    """Return the mapping that the text is, and its lines as they may be shown."""
    lines = split_lines(text[:MAX_FILE_BYTES].decode("utf-8-sig", errors="replace"))
    try:
        root = parse_yaml(decode_yaml(text))
    except YamlRefused as error:
        raise _refused((_syntax_diagnostic(path, error, shown=hide_by_indentation(lines)),)) from error
    if root is None or (isinstance(root, ScalarNode) and root.is_null):
        message = "the file is empty; a manifest has at least version, name, source and destination"
        raise _refused((_unplaced(path, message),))
    shown = hide_values(lines, root)
    if not isinstance(root, MappingNode):
        finding = Finding((), "a manifest is a mapping of `key: value` lines")
        raise _refused((_diagnostic(path, Placed(finding, root.start, ()), shown=shown),))
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


def _in_order(placed: Iterable[Placed]) -> list[Placed]:
    """Return the findings in the order of the text; of several about one path only the first that was found."""
    chosen: dict[tuple[KeyPath, bool, Severity], Placed] = {}
    for item in placed:
        chosen.setdefault((item.path, item.is_repeat, item.finding.severity), item)
    return sorted(chosen.values(), key=lambda item: item.mark)


def _diagnostic(path: Path, placed: Placed, *, shown: ShownText) -> Diagnostic:
    source_line, caret = shown.shown(placed.mark)
    return Diagnostic(
        path=path,
        line=placed.mark.line,
        column=placed.mark.column,
        key=_dotted(placed.path),
        message=placed.finding.message,
        hint=placed.finding.hint,
        source_line=source_line,
        caret=caret,
        severity=placed.finding.severity,
    )


def _syntax_diagnostic(path: Path, error: YamlRefused, *, shown: ShownText) -> Diagnostic:
    if error.mark is None:
        return _unplaced(path, error.message, hint=error.hint)
    return _diagnostic(path, Placed(Finding((), error.message, error.hint), error.mark, ()), shown=shown)


def _unplaced(path: Path, message: str, *, hint: str | None = None) -> Diagnostic:
    return Diagnostic(path=path, line=0, column=0, key="", message=message, hint=hint, source_line="", caret=0)


def _refused(diagnostics: tuple[Diagnostic, ...]) -> ManifestInvalid:
    return ManifestInvalid(render_diagnostics(diagnostics), diagnostics=diagnostics)


def _dotted(path: KeyPath) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
