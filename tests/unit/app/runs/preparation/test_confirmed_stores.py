"""What an apply asks a store that is known, before it relies on what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.picky_store import PickyStore
from s3plan.app.runs.preparation.confirmation import Wanted, confirmed
from s3plan.app.runs.preparation.one_place import needed_conditions
from s3plan.app.stores import Stores
from s3plan.planfile.reader import open_plan
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.events import Warned
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.actions import Action
from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import CopyObject, DeleteObjects, PutObject
from s3plan.schemas.stores.names import StoreName
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from unit.planfile.plan_samples import DESTINATION, copies, deletes, write_plan

ENFORCED: Capabilities = dict.fromkeys(Condition, Enforcement.ENFORCED)
ELSEWHERE = DESTINATION
ON_AWS = replace(ELSEWHERE, connection="", endpoint=None, store=StoreName.AWS)
CREATES, OVERWRITES, DELETES = copies(b"a"), copies(b"a", b"b"), deletes(b"old")


class OneStore(Stores):
    """Every location is in this one."""

    def __init__(self, store: PickyStore) -> None:
        super().__init__({"backup": ConnectionSettings()}, max_in_flight=1)
        self._store = store

    def engine_of(self, location: PlanLocation) -> Engine:
        return self._store

    def keyless_engine_of(self, location: PlanLocation) -> Engine:
        return self._store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PickyStore:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    picky = PickyStore("from", "to")
    picky.store.owner = "111122223333"
    for bucket, key in (("from", "images/a"), ("from", "images/b"), ("to", "dr/old")):
        picky.engine.call(PutObject(bucket, key, b"bytes"))
    return picky


def ask(
    store: PickyStore,
    folder: Path,
    destination: PlanLocation,
    *,
    copied: Sequence[Action] = (),
    deleted: Sequence[Action] = (),
    found: Capabilities = ENFORCED,
) -> tuple[Capabilities, list[str]]:
    """Return what is held to be enforced in the end, and what was warned of; the destination is left as it was."""
    path = folder / "job.s3plan"
    path.unlink(missing_ok=True)
    write_plan(path, copied=copied, deleted=deleted)
    told: list[str] = []
    before = dict(store.store.bucket("to").objects)
    with open_plan(path) as plan:
        result = confirmed(
            Wanted(plan, OneStore(store), destination, plan.header.jobs),
            found,
            needed=needed_conditions(plan, destination, plan.header.jobs),
            now=datetime.now(UTC),
            on_event=lambda event: told.append(event.message) if isinstance(event, Warned) else None,
        )
    assert store.store.bucket("to").objects == before
    return result, told


def test_aws_is_not_asked_for_what_only_makes_new_objects(store: PickyStore, tmp_path: Path) -> None:
    assert ask(store, tmp_path, ON_AWS, copied=CREATES) == (ENFORCED, [])
    assert store.asked == []


@pytest.mark.parametrize(("copied", "deleted"), [(OVERWRITES, ()), (CREATES, DELETES), ((), DELETES)])
def test_aws_is_asked_by_copies_that_it_refuses_and_that_make_nothing(
    store: PickyStore, tmp_path: Path, copied: Sequence[Action], deleted: Sequence[Action]
) -> None:
    assert ask(store, tmp_path, ON_AWS, copied=copied, deleted=deleted) == (ENFORCED, [])
    assert 1 <= len(store.asked) <= 2
    assert set(store.kinds_asked) == {"CopyObject"}


@pytest.mark.parametrize("destination", [ON_AWS, ELSEWHERE], ids=["aws", "other"])
def test_a_store_that_is_not_what_it_was_is_probed_anew(
    store: PickyStore, tmp_path: Path, destination: PlanLocation
) -> None:
    store.ignore_conditions()
    result, _ = ask(store, tmp_path, destination, copied=OVERWRITES, deleted=DELETES)
    assert set(result.values()) == {Enforcement.CHECKED}


def test_a_store_that_is_not_what_it_was_and_cannot_be_probed_is_refused(store: PickyStore, tmp_path: Path) -> None:
    store.ignore_conditions()
    ignoring = store.answer
    denied = Failure(FailureKind.DENIED, "PutObject", "AccessDenied", "", 403)
    store.answer = lambda request: denied if isinstance(request, PutObject) else ignoring(request)
    with pytest.raises(PlanRefused, match="whose conditions do not hold"):
        ask(store, tmp_path, ON_AWS, copied=OVERWRITES)


def test_another_store_is_asked_at_each_apply_and_about_deletes_too(store: PickyStore, tmp_path: Path) -> None:
    assert ask(store, tmp_path, ELSEWHERE, copied=CREATES) == (ENFORCED, [])
    assert set(store.kinds_asked) == {"CopyObject"}
    store.ignore_conditions(DeleteObjects)
    result, _ = ask(store, tmp_path, ELSEWHERE, copied=CREATES, deleted=DELETES)
    assert result[Condition.BATCH_DELETE_MATCH] is Enforcement.CHECKED
    assert result[Condition.COPY_ABSENT] is Enforcement.ENFORCED


def test_aws_that_does_not_let_us_ask_is_believed_with_a_word(store: PickyStore, tmp_path: Path) -> None:
    store.refuse(FailureKind.DENIED, CopyObject)
    result, told = ask(store, tmp_path, ON_AWS, deleted=DELETES)
    assert result == ENFORCED
    (warning,) = told
    assert "could not be found out" in warning


def test_a_store_that_enforces_nothing_is_not_asked(store: PickyStore, tmp_path: Path) -> None:
    checked = dict.fromkeys(Condition, Enforcement.CHECKED)
    assert ask(store, tmp_path, ELSEWHERE, copied=OVERWRITES, deleted=DELETES, found=checked) == (checked, [])
    assert store.asked == []
