"""Questions that are asked before anybody waits for their answers."""

from __future__ import annotations

import threading

from s3plan.schemas.requests.objects import BucketFound, HeadBucket, Reply, Request
from s3plan.storage.s3.asking_ahead import AskingAhead
from s3plan.storage.waiting import OnReply

FOUND = BucketFound(region="eu-south-2")


class LateEngine:
    """Answers when it is told to."""

    clock_offset_ms = 7

    def __init__(self) -> None:
        self.sent: list[tuple[Request, OnReply]] = []
        self.is_closed = False

    def submit(self, request: Request, on_reply: OnReply) -> None:
        self.sent.append((request, on_reply))

    def call(self, request: Request) -> Reply:
        raise AssertionError("not used")

    def close(self) -> None:
        self.is_closed = True

    def answer(self, number: int) -> None:
        self.sent[number][1](FOUND)


def test_a_question_that_was_asked_ahead_is_not_sent_again() -> None:
    engine = LateEngine()
    ahead = AskingAhead(engine)
    ahead.ask_ahead([HeadBucket("one"), HeadBucket("two")])
    assert [request for request, _ in engine.sent] == [HeadBucket("one"), HeadBucket("two")]
    engine.answer(1)
    assert ahead.call(HeadBucket("two")) == FOUND
    assert len(engine.sent) == 2


def test_who_comes_before_the_answer_gets_it_when_it_comes() -> None:
    engine = LateEngine()
    ahead = AskingAhead(engine)
    ahead.ask_ahead([HeadBucket("one")])
    replies: list[Reply] = []
    ahead.submit(HeadBucket("one"), replies.append)
    assert replies == []
    engine.answer(0)
    assert replies == [FOUND]


def test_an_answer_is_given_once_and_the_next_time_the_store_is_asked() -> None:
    engine = LateEngine()
    ahead = AskingAhead(engine)
    ahead.ask_ahead([HeadBucket("one")])
    engine.answer(0)
    assert ahead.call(HeadBucket("one")) == FOUND
    ahead.submit(HeadBucket("one"), lambda _: None)
    assert len(engine.sent) == 2


def test_another_question_is_sent_as_it_is() -> None:
    engine = LateEngine()
    ahead = AskingAhead(engine)
    ahead.ask_ahead([HeadBucket("one")])
    ahead.submit(HeadBucket("one", owner="111122223333"), lambda _: None)
    assert [request for request, _ in engine.sent] == [HeadBucket("one"), HeadBucket("one", owner="111122223333")]


def test_an_answer_reaches_its_asker_once_whoever_is_first() -> None:
    for _ in range(200):
        engine = LateEngine()
        ahead = AskingAhead(engine)
        ahead.ask_ahead([HeadBucket("one")])
        replies: list[Reply] = []
        answering = threading.Thread(target=engine.answer, args=(0,))
        answering.start()
        ahead.submit(HeadBucket("one"), replies.append)
        answering.join()
        assert replies == [FOUND]


def test_it_closes_and_tells_the_time_as_the_engine_behind_it() -> None:
    engine = LateEngine()
    ahead = AskingAhead(engine)
    assert ahead.clock_offset_ms == 7
    ahead.close()
    assert engine.is_closed
