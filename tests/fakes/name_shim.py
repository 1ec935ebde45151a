"""A domain whose hosts are all on this machine: name_shim.c, compiled, and what a process needs to load it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


def why_not() -> str | None:
    """Return why there can be no such hosts here; None if there can."""
    if sys.platform != "linux":
        return "needs LD_PRELOAD: Linux"
    return None if shutil.which("cc") else "needs a C compiler (cc)"


def leading_here(folder: Path, *, domain: str, port: int) -> Mapping[str, str]:
    """Return the variables of a process whose connections to port 443 of the domain's hosts come to that port here."""
    library = folder / "name_shim.so"
    if not library.exists():
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
    return {"LD_PRELOAD": str(library), "NAME_SHIM_DOMAIN": f".{domain}", "NAME_SHIM_PORT": str(port)}
