"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> dict[str, str]:
    """Return the machine's description, by what is described."""
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores" if _is_linux() else _processor(),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _is_linux() -> bool:
    return hasattr(os, "sched_getaffinity")


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
