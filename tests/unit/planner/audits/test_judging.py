"""What an audit says of every key of two listings, in order, however late its answers come."""

from __future__ import annotations

import random
from concurrent.futures import Future
from dataclasses import replace

import pytest
from s3plan.planner.audits.judging import AuditRules, Judging
from s3plan.planner.diff import Pair, pair_up
from s3plan.planner.filtering.filters import compile_attribute_filter
from s3plan.schemas.errors import StoreRefused
from s3plan.schemas.evidence.findings import AuditAnswer, AuditQuestion, Finding, FindingKind
from s3plan.schemas.evidence.ladder import Compared
from s3plan.schemas.manifest.models import Filters
from s3plan.schemas.objects import ObjectRow, Oddity, odd_row

BUCKETS = AuditRules(objection=None, copies_archived=False, from_folder=False, to_folder=False)
UP, DOWN = replace(BUCKETS, from_folder=True), replace(BUCKETS, to_folder=True)
SAME = AuditAnswer(Compared(is_same=True, by="CRC32"))
DIFFERENT = AuditAnswer(Compared(is_same=False, by="CRC32", of_one="AAAA", of_other="BBBB"))


class Slow:
    """Evidence that answers when it is told to, or at once by key."""

    def __init__(self, answers: dict[bytes, AuditAnswer] | None = None, *, settled: bool = False) -> None:
        self.answers = {} if answers is None else answers
        self.settled = settled
        self.asked: list[tuple[AuditQuestion, Future[AuditAnswer]]] = []
        self.most_open = 0

    def settles(self, question: AuditQuestion) -> Compared | None:
        return Compared(is_same=True, by="MD5") if self.settled else None

    def ask(self, question: AuditQuestion) -> Future[AuditAnswer]:
        future: Future[AuditAnswer] = Future()
        self.asked.append((question, future))
        if question.source.key in self.answers:
            future.set_result(self.answers[question.source.key])
        return future


def row(key: str, size: int = 10, **what: str) -> ObjectRow:
    return ObjectRow(key.encode(), size, "e", 0, **what)


def found(rules: AuditRules, pairs: list[Pair], **answers: AuditAnswer) -> list[tuple[str, FindingKind, str]]:
    evidence = Slow({name.encode(): answer for name, answer in answers.items()})
    told = Judging(rules, evidence, explain=lambda hint: hint or "nothing to compare").findings(pairs)
    return [(each.key.decode(errors="replace"), each.kind, each.reason) for each in told]


def test_keys_of_one_side_sizes_and_answers() -> None:
    source = [row("a"), row("b"), row("c", 5), row("d"), row("e")]
    destination = [row("a"), row("c", 6), row("d"), row("e"), row("f")]
    told = found(
        BUCKETS,
        list(pair_up(iter(source), iter(destination))),
        a=SAME,
        d=DIFFERENT,
        e=AuditAnswer(trouble="it changed"),
    )
    assert told == [
        ("a", FindingKind.SAME, ""),
        ("b", FindingKind.MISSING, ""),
        ("c", FindingKind.DIFFERENT, "size 5 at the source, 6 at the destination"),
        ("d", FindingKind.DIFFERENT, "CRC32 AAAA at the source, BBBB at the destination"),
        ("e", FindingKind.UNREADABLE, "it changed"),
        ("f", FindingKind.EXTRA, ""),
    ]


def test_nothing_to_compare_is_no_difference_and_attributes_are_one() -> None:
    pairs: list[Pair] = [(row("a"), row("a")), (row("b"), row("b")), (row("c"), row("c")), (row("d"), row("d"))]
    told = found(
        BUCKETS,
        pairs,
        a=AuditAnswer(),
        b=AuditAnswer(hint="refused"),
        c=AuditAnswer(SAME.compared, other_attributes=("tags differ: x", "metadata differ: y")),
        d=AuditAnswer(other_attributes=("tags differ: x",)),
    )
    assert told == [
        ("a", FindingKind.NOT_COMPARABLE, "nothing to compare"),
        ("b", FindingKind.NOT_COMPARABLE, "refused"),
        ("c", FindingKind.DIFFERENT, "tags differ: x; metadata differ: y"),
        ("d", FindingKind.DIFFERENT, "tags differ: x"),
    ]


def test_filters_by_attributes_leave_out_on_both_sides() -> None:
    rules = replace(
        BUCKETS, objection=compile_attribute_filter(Filters.model_validate({"size": {"max": "10B"}}), now_ms=0)
    )
    told = found(rules, [(row("a", 11), None), (row("b", 11), row("b", 1)), (None, row("c", 11)), (None, row("d"))])
    assert [kind for _, kind, _ in told] == [*[FindingKind.LEFT_OUT] * 3, FindingKind.EXTRA]


@pytest.mark.parametrize("oddity", Oddity)
def test_what_is_odd_at_the_source_is_never_missing(oddity: Oddity) -> None:
    told = found(BUCKETS, [(odd_row(b"a", oddity), None), (odd_row(b"b", oddity), row("b"))])
    kind = FindingKind.LEFT_OUT if oddity.is_left_out else FindingKind.UNREADABLE
    assert [each for _, each, _ in told] == [kind, kind]


def test_what_a_folder_hides_is_neither_extra_nor_missing() -> None:
    hidden: list[Pair] = [(odd_row(b"d/", Oddity.UNREADABLE), None), (None, row("d/x")), (None, row("e"))]
    assert [kind for _, kind, _ in found(UP, hidden)] == [
        FindingKind.UNREADABLE,
        FindingKind.LEFT_OUT,
        FindingKind.EXTRA,
    ]
    hidden = [(None, odd_row(b"d/", Oddity.UNREADABLE)), (row("d/x"), None), (row("e"), None)]
    assert [kind for _, kind, _ in found(DOWN, hidden)] == [
        FindingKind.UNREADABLE,
        FindingKind.UNREADABLE,
        FindingKind.MISSING,
    ]
    linked: list[Pair] = [(row("d"), odd_row(b"d", Oddity.LINK)), (row("d/x"), None)]
    assert [kind for _, kind, _ in found(DOWN, linked)] == [FindingKind.UNREADABLE] * 2


@pytest.mark.parametrize(
    ("key", "size", "kind"),
    [
        ("../../etc/passwd", 1, FindingKind.UNREADABLE),
        ("a//b", 1, FindingKind.UNREADABLE),
        ("d/", 1, FindingKind.UNREADABLE),
        ("d/", 0, FindingKind.LEFT_OUT),
        (".s3plan-tmp/x", 1, FindingKind.LEFT_OUT),
        ("fine", 1, FindingKind.MISSING),
    ],
)
def test_keys_that_can_be_no_files_are_not_asked_for(key: str, size: int, kind: FindingKind) -> None:
    assert [each for _, each, _ in found(DOWN, [(row(key, size), None)])] == [kind]


def test_a_key_that_is_not_utf8_is_named_and_not_asked_for() -> None:
    odd = ObjectRow(b"\xff", 1, "e", 0)
    assert [kind for _, kind, _ in found(UP, [(odd, odd), (ObjectRow(b"\xff\xff", 1, "e", 0), None)])] == [
        FindingKind.UNREADABLE
    ] * 2


def test_archived_objects_that_the_job_does_not_copy_are_not_missing() -> None:
    pairs: list[Pair] = [(row("a", storage_class="GLACIER"), None)]
    assert [kind for _, kind, _ in found(BUCKETS, pairs)] == [FindingKind.LEFT_OUT]
    assert [kind for _, kind, _ in found(replace(BUCKETS, copies_archived=True), pairs)] == [FindingKind.MISSING]


def test_findings_stay_in_order_whichever_answer_comes_first_and_few_questions_are_open() -> None:
    evidence, chance = Slow(), random.Random(7)
    told: list[Finding] = []

    def pairs() -> list[Pair]:
        return [(row(f"{number:05}"), row(f"{number:05}") if number % 3 else None) for number in range(2000)]

    def flowing() -> object:
        for pair in pairs():
            waiting = [future for _, future in evidence.asked if not future.done()]
            evidence.most_open = max(evidence.most_open, len(waiting))
            if len(waiting) >= 200:
                for future in chance.sample(waiting, len(waiting)):
                    future.set_result(SAME)
            yield pair
        for _, future in evidence.asked:
            if not future.done():
                future.set_result(SAME)

    told.extend(Judging(BUCKETS, evidence).findings(flowing()))  # type: ignore[arg-type]
    assert [each.key for each in told] == [pair[0].key for pair in pairs() if pair[0] is not None]
    assert evidence.most_open <= 256


def test_what_the_listings_prove_is_not_asked_about() -> None:
    evidence = Slow(settled=True)
    told = list(Judging(BUCKETS, evidence).findings([(row("a"), row("a"))]))
    assert ([each.by for each in told], evidence.asked) == (["MD5"], [])


def test_a_store_that_ends_the_audit_ends_it() -> None:
    evidence = Slow()
    judging = Judging(BUCKETS, evidence)
    pairs: list[Pair] = [(row("a"), row("a"))]

    def flowing() -> object:
        yield pairs[0]
        evidence.asked[0][1].set_exception(StoreRefused("away"))

    with pytest.raises(StoreRefused, match="away"):
        list(judging.findings(flowing()))  # type: ignore[arg-type]
