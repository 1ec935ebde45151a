"""`python -m fakes.s3server`: serves until SIGTERM, SIGINT, or the end of the process that started it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
from collections import deque

from fakes.s3server.connection import Connection
from fakes.s3server.context import Context
from fakes.s3server.control import ADMIN, Control
from fakes.s3server.messages import Reply, Request
from fakes.s3server.records import Records
from fakes.s3server.service import Service
from fakes.s3server.settings import MIB, ConditionMode, ListOrder, Settings

_PARENT_CHECK_S = 0.2
_BACKLOG = 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fakes.s3server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
    parser.add_argument("--conditions", choices=list(ConditionMode), default=ConditionMode.ALL)
    parser.add_argument("--order", choices=list(ListOrder), default=ListOrder.SORTED)
    parser.add_argument("--owner", default=Settings().owner, help="the account that owns every bucket")
    parser.add_argument("--credential", help="the only access key id that is let in")
    parser.add_argument("--anonymous", action="store_true", help="let in requests without credentials")
    parser.add_argument("--min-part-size", type=int, default=5 * MIB, metavar="BYTES")
    parser.add_argument("--complete-again", action="store_true", help="answer a repeated complete with 200")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="added to every answer")
    parser.add_argument("--log", type=int, default=1000, metavar="N", help="how many requests to remember")
    parser.add_argument("--parent", type=int, default=os.getppid(), metavar="PID", help="leave with it; 0: stay")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    return Settings(
        conditions=ConditionMode(arguments.conditions),
        order=ListOrder(arguments.order),
        owner=arguments.owner,
        credential=arguments.credential,
        anonymous=arguments.anonymous,
        min_part_size_bytes=arguments.min_part_size,
        complete_again=arguments.complete_again,
        latency_s=arguments.latency,
    )


async def _serve(arguments: argparse.Namespace) -> None:
    service = Service(Context(_settings(arguments)), Records(log=deque(maxlen=arguments.log)))
    control = Control(service)

    def answer(request: Request) -> Reply:
        return control.answer(request) if request.bucket == ADMIN else service.answer(request)

    def now_s() -> float:
        return service.context.settings.now_s()

    def connect() -> Connection:
        return Connection(answer=answer, now_s=now_s)

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(connect, "127.0.0.1", arguments.port, backlog=_BACKLOG)
    port = server.sockets[0].getsockname()[1]
    print(f"endpoint http://127.0.0.1:{port}", flush=True)
    while not ended.is_set():
        if arguments.parent and os.getppid() != arguments.parent:
            break
        try:
            await asyncio.wait_for(ended.wait(), _PARENT_CHECK_S)
        except TimeoutError:
            continue
    server.close()


if __name__ == "__main__":
    logging.basicConfig(format="s3server: %(message)s")
    gc.set_threshold(50_000, 20, 100)
    asyncio.run(_serve(_arguments()))
