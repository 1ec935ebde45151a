"""How a key of SSE-C is named: by a variable of the environment or by a file. A plan holds this, and never a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,254}$"
FINGERPRINT_PATTERN = r"^[0-9a-f]{16}$"
_VARIABLE, _FILE = "env:", "file:"


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Exactly one of the two; the path is absolute."""

    variable: str | None = None
    path: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what `text` names; None if it is no reference."""
        if text.startswith(_VARIABLE) and re.fullmatch(VARIABLE_PATTERN, text[len(_VARIABLE) :], re.ASCII):
            return cls(variable=text[len(_VARIABLE) :])
        if text.startswith(f"{_FILE}/") and "\0" not in text:
            return cls(path=text[len(_FILE) :])
        return None

    @property
    def text(self) -> str:
        """How a plan has it: `env:NAME` or `file:/path`."""
        return f"{_FILE}{self.path}" if self.variable is None else f"{_VARIABLE}{self.variable}"

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return f"the file {self.path}" if self.variable is None else f"the environment variable {self.variable}"
