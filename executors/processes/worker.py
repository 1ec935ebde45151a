"""A worker process: its own interpreter, engine and core. Batches come in over a pipe, news of them goes back.

It holds nothing that cannot be lost: killed at any moment it leaves what was under way unknown, which is looked at. It
leaves as soon as the pipe ends, which it does when the parent closes it and when the parent is gone, however it went.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from multiprocessing.connection import Connection
from threading import Event, Thread
from typing import NoReturn

from s3plan.executors.workers.batch_thread import BatchThread
from s3plan.executors.workers.core_pin import CorePin
from s3plan.executors.workers.messages import NotReady, Ready, Report, Setup, Share, pack, receive, send
from s3plan.executors.workers.share import SharedControl
from s3plan.executors.workers.terminal_signals import TERMINAL_SIGNALS
from s3plan.schemas.errors import PlanRefused, S3PlanError
from s3plan.schemas.ports import Performer
from s3plan.schemas.redaction import described
from s3plan.schemas.tasks import BatchTask

_REPORT_EVERY_S = 0.25
_RING_EVERY_ITEMS = 1000


def serve(connection: Connection) -> NoReturn:
    """Work for the process at the other end until it is gone. The main thread of a process made for this calls it."""
    for number in TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINAL_SIGNALS)
    faulthandler.enable()
    try:
        setup = receive(connection)
    except (EOFError, OSError):
        _leave()
    except BaseException as error:  # noqa: BLE001  the parent is told whatever it is
        _refuse(connection, error)
    if not isinstance(setup, Setup):
        raise TypeError(f"{type(setup).__name__} came before the setup")
    pin = CorePin()
    if setup.core is not None:
        pin.pin(setup.core)  # before the engine starts its threads: they inherit it
    try:
        performer = setup.open_performer()
    except BaseException as error:  # noqa: BLE001  the parent is told whatever it is
        _refuse(connection, error)
    _Worker(connection, performer, setup, pin).run()


def _refuse(connection: Connection, error: BaseException) -> NoReturn:
    if not isinstance(error, S3PlanError):
        error = S3PlanError(f"worker processes cannot start here ({described(error)}); choose executor: threads")
    try:
        send(connection, NotReady(error))
    except OSError:
        _leave()
    os._exit(1)


def _leave() -> NoReturn:
    os._exit(0)  # no clean-up that could hang: nobody waits for anything from here


class _Worker:
    """One thread listens, one reports, one performs each batch."""

    def __init__(self, connection: Connection, performer: Performer, setup: Setup, pin: CorePin) -> None:
        self._connection = connection
        self._performer = performer
        self._pin = pin
        self._shared = SharedControl(setup.share, most_in_flight=setup.most_in_flight)
        self._control = self._shared.control
        self._batches: dict[tuple[int, int], BatchThread] = {}
        self._bell = Event()

    def run(self) -> NoReturn:
        """Report until the parent is gone."""
        Thread(target=self._listen, name="s3plan-worker-listener", daemon=True).start()
        self._tell(Ready())
        while True:
            self._bell.wait(_REPORT_EVERY_S)
            self._bell.clear()
            self._report()
            self._pin.look()

    def _report(self) -> None:
        try:
            news = [found for batch in list(self._batches.values()) if (found := batch.collect()) is not None]
        except PlanRefused as refusal:
            _refuse(self._connection, refusal)
        requests = self._shared.take_requests()
        if not (news or requests):
            return
        for progress in news:
            if progress.final:
                del self._batches[progress.batch_id, progress.generation]
        self._tell(Report(pack(news), requests))

    def _tell(self, message: Ready | Report) -> None:
        try:
            send(self._connection, message)
        except OSError:
            _leave()

    def _listen(self) -> NoReturn:
        try:
            while True:
                message = receive(self._connection)
                if isinstance(message, BatchTask):
                    self._begin(message)
                elif isinstance(message, Share):
                    self._shared.keep_to(message)
        except (EOFError, OSError):
            _leave()
        except BaseException:  # noqa: BLE001  no orders would reach it: better to end, and be noticed
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    def _begin(self, task: BatchTask) -> None:
        batch = BatchThread(
            self._performer, task, self._control, ring=self._bell.set, ring_every_items=_RING_EVERY_ITEMS
        )
        self._batches[task.batch_id, task.generation] = batch
        batch.start()
