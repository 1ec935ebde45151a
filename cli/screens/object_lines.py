"""What a plan says of new objects: their storage class and encryption, what they keep, what they are given."""

from __future__ import annotations

from s3plan.cli.screens.columns import Cell
from s3plan.cli.screens.wording import count_text
from s3plan.schemas.plan.header import JobRecord
from s3plan.schemas.plan.objects import ChangesRecord, LossRecord, ObjectsRecord
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.printable import escape_unprintable

_KEPT = {"metadata": "metadata", "content": "content headers", "tags": "tags", "storage_class": "storage class"}


def object_rows(job: JobRecord, source: PlanLocation, destination: PlanLocation) -> list[list[Cell]]:
    """Return the rows about them; a file carries nothing that could be kept."""
    objects = job.settings.objects
    rows = [("new objects", _storage(job, source, destination))]
    rows += [] if source.is_folder else _kept(objects)
    rows += _given(objects, has_tags="tags" not in job.lost)
    rows += _dropped(objects)
    return [[Cell(label), Cell(escape_unprintable(text))] for label, text in rows]


def _storage(job: JobRecord, source: PlanLocation, destination: PlanLocation) -> str:
    settings = job.settings
    is_kept = not source.is_folder and "storage_class" in settings.objects.preserve
    kept = "as at the source, where the store has it" if "storage_class" in job.lost else "as at the source"
    storage = settings.storage_class or (kept if is_kept else "the store's default")
    if destination.customer_key is not None:
        encryption = "sse-c with a key of yours, so that ETags say nothing of the bytes"
    elif (asked := job.encryption) is None:
        encryption = "the bucket's default"
    else:
        encryption = f"{asked.type} with {asked.key_id}" if asked.key_id else asked.type
    acl = f"; ACL: {settings.acl}" if settings.acl else ""
    names_checksum = settings.checksum_algorithm and "checksum" not in job.lost
    checksum = f"; checksum: {settings.checksum_algorithm}" if names_checksum else ""
    return f"storage class: {storage}; encryption: {encryption}{acl}{checksum}"


def _kept(objects: ObjectsRecord) -> list[tuple[str, str]]:
    left_out = [text for word, text in _KEPT.items() if word not in objects.preserve]
    if not left_out:
        return []
    kept = [text for word, text in _KEPT.items() if word in objects.preserve]
    if not kept:
        return [("kept", "nothing of what the source objects carry")]
    return [("kept", f"{', '.join(kept)}; not {', '.join(left_out)}")]


def _given(objects: ObjectsRecord, *, has_tags: bool) -> list[tuple[str, str]]:
    texts = [f"{word}: {value}" for word, value in objects.headers.items()]
    texts += ["content_type: guessed by the end of the key"] if objects.guesses_type else []
    texts += [f"metadata {_entries(objects.metadata)}"] if objects.metadata.set else []
    texts += [f"tags {_entries(objects.tags)}"] if objects.tags.set and has_tags else []
    return [("given" if at == 0 else "", text) for at, text in enumerate(texts)]


def _entries(changes: ChangesRecord) -> str:
    return ", ".join(f"{name}={value}" for name, value in changes.set.items())


def _dropped(objects: ObjectsRecord) -> list[tuple[str, str]]:
    parts = [
        f"{what} {', '.join(changes.drop)}"
        for what, changes in (("metadata", objects.metadata), ("tags", objects.tags))
        if changes.drop
    ]
    return [("dropped", "; ".join(parts))] if parts else []


def loss_rows(job: JobRecord) -> list[list[Cell]]:
    """Return what objects lose, each with whether that is allowed."""
    return [
        [
            Cell(loss.what),
            Cell("allowed", "yellow") if loss.allowed else Cell("BLOCKED", "bold red"),
            Cell(escape_unprintable(loss_text(loss))),
        ]
        for loss in job.losses
    ]


def loss_text(loss: LossRecord) -> str:
    """Return why something is lost, and of how many objects where that is known."""
    return loss.reason if loss.objects is None else f"{loss.reason} ({count_text(loss.objects, 'object')})"
