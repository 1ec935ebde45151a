"""The messages that docs/troubleshooting.md explains are those that the code says."""

from __future__ import annotations

import ast
import re
from functools import cache

from fakes.checkout import ROOT, code_folders

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@cache
def _said() -> tuple[str, ...]:
    """Every text of the code; where a value is put in, a text ends."""
    trees = [
        ast.parse(file.read_text(encoding="utf-8"))
        for folder in code_folders().values()
        for file in folder.glob("*.py")
    ]
    return tuple(
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_every_message_that_is_explained_is_said_somewhere() -> None:
    quoted = re.findall(r'"([^"]+)"', PAGE.replace("\n", " "))
    pieces = [piece.strip() for text in quoted for piece in re.sub(r" +", " ", text).split("...") if piece.strip()]
    assert len(pieces) > 20
    assert [piece for piece in pieces if not any(piece in text for text in _said())] == []
