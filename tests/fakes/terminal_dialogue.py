"""A command on a terminal of its own, with somebody who answers its questions."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fakes.command import Ended

_PATIENCE_S = 60.0


def talk(
    *words: str | Path,
    folder: Path,
    environment: Mapping[str, str],
    answers: Sequence[tuple[str, str]],
) -> Ended:
    """Run s3plan there; each answer is typed once its question has been seen, in their order. All output is one."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "s3plan", *map(str, words)],
        cwd=folder,
        env={**environment, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            said = _answer(ours, list(answers))
            code = process.wait(_PATIENCE_S)
        finally:
            process.kill()
            os.close(ours)
    assert "Traceback" not in said, said
    return Ended(code, said, "")


def _answer(terminal: int, answers: list[tuple[str, str]]) -> str:
    said, seen, until_s = "", 0, time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        if answers and (place := said.find(answers[0][0], seen)) >= 0:
            seen = place + len(answers[0][0])
            os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # nobody holds the other end any more
            break
        if not piece:
            break
        said += piece.decode().replace("\r\n", "\n")
    assert not answers, f"never asked {answers[0][0]!r}: {said}"
    return said
