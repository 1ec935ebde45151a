"""The three standard streams of a process that was started without one of them, as by `>&-`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def open_missing_streams() -> None:
    """Let each that is missing lead nowhere, here and in the processes that this one starts.

    Otherwise the next file that is opened would take its place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It gets the lowest descriptor that is free: its own.
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  stays open to the end
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
