"""Servers from PyPI, each in a venv of its own below `.venv/servers`: they need other versions than s3plan does.

Made once and kept until the pins, the Python or `.venv` change. `make clean` removes them with `.venv`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from fakes.checkout import ROOT

_PINS = Path(__file__).parent
_FOLDER = ROOT / ".venv" / "servers"
_INSTALL_TIMEOUT_S = 240
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())


class ServerUnavailable(Exception):
    """Says why a server cannot be had here."""


def installed(name: str) -> Path:
    """Return the Python of the venv that holds what NAME.txt pins; makes it if need be, which takes half a minute.

    Two processes that ask at once get the same one. Raises ServerUnavailable, for instance without a network; that is
    found out once in a test run, which may be of several processes.
    """
    pins = _PINS / f"{name}.txt"
    wanted = sha256(b"\0".join([pins.read_bytes(), sys.version.encode(), sys.base_prefix.encode()])).hexdigest()
    folder = _FOLDER / name
    stamp, failed = folder / "installed", _FOLDER / f"{name}.failed"
    python = folder / "bin" / "python"
    with _locked(_FOLDER / f"{name}.lock"):
        if _text_of(stamp) == wanted and python.exists():
            return python
        run, _, reason = _text_of(failed).partition(" ")
        if run == _RUN:
            raise ServerUnavailable(reason)
        try:
            _install(folder, pins)
        except ServerUnavailable as error:
            failed.write_text(f"{_RUN} {error}", encoding="utf-8")
            raise
        failed.unlink(missing_ok=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise ServerUnavailable(f"{path.parent} cannot be written: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _install(folder: Path, pins: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    # Only wheels: nothing is compiled here, and a Python that a server has none for is told at once.
    how = ["--no-deps", "--only-binary=:all:", "--no-compile", "--retries=1", "--timeout=20"]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    _run(*pip, "install", *quiet, *how, "-r", str(pins))


def _run(*command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if "CONSTRAINT" not in name}
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnavailable(f"it cannot be installed: {error}") from error
    if ended.returncode != 0:
        lines = [line for line in ended.stderr.splitlines() if line.strip()] or ["no reason was given"]
        told = next((line for line in lines if line.startswith("ERROR:")), lines[-1])
        raise ServerUnavailable(f"it cannot be installed: {told[:300]}")
