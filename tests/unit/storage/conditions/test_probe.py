"""What a probe finds on stores that enforce everything, nothing, something, and not in one step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from fakes.s3fixtures import s3_server, server
from fakes.s3server import Fault, FaultKind, ServerProcess
from s3plan.schemas.errors import CredentialsUnusable, StoreRefused
from s3plan.schemas.failures import Failure, FailureKind
from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.objects import CopyObject, DeleteObjects, Reply, Request
from s3plan.storage.conditions.probe import probe
from s3plan.storage.memory.engine import MemoryEngine
from s3plan.storage.places.buckets import BucketMissing
from s3plan.storage.probe_keys import is_probe_key, new_probe_stem
from s3plan.storage.s3.botocore.engine import open_boto3_engine
from s3plan.storage.s3.connections.sessions import ConnectionSettings
from s3plan.storage.s3.patience import Patience

__all__ = ["s3_server", "server"]
ALL_ENFORCED = dict.fromkeys(Condition, Enforcement.ENFORCED)
QUICK = Patience(attempts=3, sleep=lambda _: None)


@pytest.fixture
def engine(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("T_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("T_SECRET_ACCESS_KEY", "secret")
    server.seed("bucket", keys=["p/kept"], body="kept")
    engine = open_boto3_engine(ConnectionSettings(endpoint=server.endpoint, env_prefix="T_"), max_in_flight=4)
    yield engine
    engine.close()


def assert_clean(server: ServerProcess) -> None:
    assert list(server.snapshot("bucket")) == ["p/kept"]
    assert server.uploads("bucket") == []


def test_a_store_that_enforces_everything_is_found_to(server: ServerProcess, engine: Engine) -> None:
    assert probe(engine, "bucket", "p/") == ALL_ENFORCED
    assert_clean(server)


def test_it_asks_few_times(server: ServerProcess, engine: Engine) -> None:
    probe(engine, "bucket", "p/")
    assert sum(server.stats().requests.values()) <= 50


def test_it_touches_keys_of_its_own_only(server: ServerProcess, engine: Engine) -> None:
    probe(engine, "bucket", "p/")
    touched = {key for key in server.writes("bucket") if key != "p/kept"}
    assert touched
    assert all(key.startswith("p/") and is_probe_key(key.removeprefix("p/").encode()) for key in touched)


def test_a_store_that_ignores_conditions_is_checked(server: ServerProcess, engine: Engine) -> None:
    server.set_mode(conditions="none")
    assert probe(engine, "bucket", "p/") == dict.fromkeys(Condition, Enforcement.CHECKED)
    assert_clean(server)


def test_a_store_that_knows_conditions_of_puts_only_is_checked_for_the_rest(
    server: ServerProcess, engine: Engine
) -> None:
    server.set_mode(conditions="put-only")
    of_puts = dict.fromkeys((Condition.PUT_ABSENT, Condition.PUT_MATCH), Enforcement.ENFORCED)
    assert probe(engine, "bucket", "p/") == dict.fromkeys(Condition, Enforcement.CHECKED) | of_puts
    assert_clean(server)


def test_a_store_that_checks_before_it_writes_is_not_atomic(server: ServerProcess, engine: Engine) -> None:
    server.set_mode(conditions="not-atomic")
    found = probe(engine, "bucket", "p/")
    of_sources = {Condition.COPY_SOURCE_MATCH, Condition.PART_SOURCE_MATCH}
    assert {found[condition] for condition in of_sources} == {Enforcement.ENFORCED}
    assert {found[condition] for condition in set(Condition) - of_sources} == {Enforcement.NOT_ATOMIC}
    assert_clean(server)


def test_the_memory_engine_enforces_everything() -> None:
    engine = MemoryEngine()
    engine.store.create_bucket("bucket")
    assert probe(engine, "bucket", "") == ALL_ENFORCED
    assert not engine.store.bucket("bucket").objects


class PickyEngine:
    """A store that answers some requests in its own way."""

    clock_offset_ms = 0

    def __init__(self, answer: Callable[[Request], Reply | None]) -> None:
        self.store = MemoryEngine()
        self.store.store.create_bucket("bucket")
        self._answer = answer

    def call(self, request: Request) -> Reply:
        return self._answer(request) or self.store.call(request)

    def submit(self, request: Request, on_reply: Callable[[Reply], None]) -> None:
        on_reply(self.call(request))

    def close(self) -> None:
        """Nothing is open."""

    def stumble(self, draw: random.Random, *, share: float) -> None:
        """Throttle this share of all requests, break as many before their work is done, and as many after it."""
        surely = self._answer

        def answer(request: Request) -> Reply | None:
            name, chance = type(request).__name__, draw.random() / share
            if chance < 1:
                return Failure(FailureKind.THROTTLED, name, "SlowDown", "", 503)
            if chance < 2:
                return Failure(FailureKind.TRANSIENT, name, "ConnectionReset", "")
            reply = surely(request) or self.store.call(request)
            return Failure(FailureKind.TRANSIENT, name, "InternalError", "", 500) if chance < 3 else reply

        self._answer = answer


def refuse_destination_conditions(kind: FailureKind) -> Callable[[Request], Reply | None]:
    def answer(request: Request) -> Reply | None:
        if isinstance(request, CopyObject) and (request.if_absent or request.if_match):
            return Failure(kind, "CopyObject", "Refused", "")
        return None

    return answer


@pytest.mark.parametrize("kind", [FailureKind.UNSUPPORTED, FailureKind.INVALID, FailureKind.PRECONDITION])
def test_a_store_that_refuses_even_the_right_condition_is_checked(kind: FailureKind) -> None:
    engine = PickyEngine(refuse_destination_conditions(kind))
    found = probe(engine, "bucket", "", patience=QUICK)
    assert found[Condition.COPY_ABSENT] is found[Condition.COPY_MATCH] is Enforcement.CHECKED
    assert found[Condition.COPY_SOURCE_MATCH] is Enforcement.ENFORCED
    assert found[Condition.DELETE_MATCH] is Enforcement.ENFORCED  # the puts were seen to be atomic
    assert not engine.store.store.bucket("bucket").objects


def test_a_store_that_has_one_winner_in_most_races_only_is_not_believed_to_be_atomic() -> None:
    def lose_a_race(request: Request) -> Reply | None:
        if isinstance(request, CopyObject) and request.key.endswith("-racedc"):
            return picky.store.call(replace(request, if_absent=False))
        return None

    picky = PickyEngine(lose_a_race)
    found = probe(picky, "bucket", "", patience=QUICK)
    assert found[Condition.COPY_ABSENT] is found[Condition.DELETE_MATCH] is Enforcement.NOT_ATOMIC


def test_a_reply_that_is_lost_makes_it_begin_anew(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.REPLY_LOST, operation="CopyObject", after=3)])
    assert probe(engine, "bucket", "p/", patience=QUICK) == ALL_ENFORCED
    assert_clean(server)


@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.SLOW_DOWN])
def test_an_upload_that_was_opened_whatever_the_store_said_is_aborted(
    server: ServerProcess, engine: Engine, kind: FaultKind
) -> None:
    server.faults([Fault(kind=kind, operation="CreateMultipartUpload", after_commit=True)])
    assert probe(engine, "bucket", "p/", patience=QUICK) == ALL_ENFORCED
    assert_clean(server)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("share", "attempts"), [(0.02, 12), (0.1, 60)])
def test_throttling_and_resets_decide_nothing(seed: int, share: float, attempts: int) -> None:
    draw = random.Random(f"{seed} {share}")
    engine = PickyEngine(lambda _: None)
    engine.stumble(draw, share=share)
    patience = Patience(attempts=attempts, sleep=lambda _: None)
    assert probe(engine, "bucket", "", patience=patience) == ALL_ENFORCED
    assert not engine.store.store.bucket("bucket").objects
    assert not engine.store.store.bucket("bucket").uploads


@pytest.mark.parametrize("seed", range(4))
def test_a_store_that_ignores_conditions_and_stumbles_is_checked_all_the_same(seed: int) -> None:
    picky: PickyEngine = PickyEngine(lambda request: picky.store.call(_unconditional(request)))
    picky.stumble(random.Random(seed), share=0.03)
    found = probe(picky, "bucket", "", patience=Patience(attempts=20, sleep=lambda _: None))
    assert found == dict.fromkeys(Condition, Enforcement.CHECKED)
    assert not picky.store.store.bucket("bucket").objects


def _unconditional(request: Request) -> Request:
    names = {field.name for field in fields(request)} & {"if_match", "if_absent", "source_if_match"}
    if isinstance(request, DeleteObjects):
        return replace(request, keys=[(key, None) for key, _ in request.keys])
    none: dict[str, Any] = {name: False if name == "if_absent" else None for name in names}
    return replace(request, **none)


def test_a_store_that_never_answers_clearly_is_refused_and_left_clean(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.INTERNAL_ERROR, operation="CopyObject", times=None)])
    with pytest.raises(StoreRefused, match="try again later"):
        probe(engine, "bucket", "p/", patience=QUICK)
    assert_clean(server)


def test_throttling_is_waited_out(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.SLOW_DOWN, operation="PutObject", times=2)])
    assert probe(engine, "bucket", "p/", patience=QUICK) == ALL_ENFORCED


def test_without_the_right_to_delete_nothing_is_made(server: ServerProcess, engine: Engine) -> None:
    server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation="DeleteObject", times=None)])
    with pytest.raises(StoreRefused, match="s3:DeleteObject"):
        probe(engine, "bucket", "p/", patience=QUICK)
    assert server.stats().requested("PutObject") == 0


@pytest.mark.parametrize(
    ("operation", "permission"),
    [("PutObject", "s3:PutObject"), ("CopyObject", "s3:GetObject"), ("CreateMultipartUpload", "s3:PutObject")],
)
def test_the_permission_that_may_lack_is_named_and_nothing_stays(
    server: ServerProcess, engine: Engine, operation: str, permission: str
) -> None:
    server.faults([Fault(kind=FaultKind.ACCESS_DENIED, operation=operation, times=None)])
    with pytest.raises(StoreRefused, match=permission):
        probe(engine, "bucket", "p/", patience=QUICK)
    assert_clean(server)


def test_a_missing_bucket_and_wrong_credentials_are_told_apart(server: ServerProcess, engine: Engine) -> None:
    with pytest.raises(BucketMissing):
        probe(engine, "missing-bucket", "p/", patience=QUICK)
    server.set_mode(credential="ANOTHER")
    with pytest.raises(CredentialsUnusable):
        probe(engine, "bucket", "p/", patience=QUICK)


def test_a_probe_key_is_told_from_keys_that_look_alike() -> None:
    stem = new_probe_stem("a/b")
    assert stem.startswith("a/b.s3plan-probe-")
    assert is_probe_key(stem.removeprefix("a/b").encode())
    assert is_probe_key(b"deep/below/" + new_probe_stem("").encode() + b"-source")
    assert not is_probe_key(b".s3plan-probe-notes.txt")
    assert not is_probe_key(new_probe_stem("").encode() + b"/x")
