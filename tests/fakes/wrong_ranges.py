"""Answers to a ranged read that are not the range that was asked for."""

from __future__ import annotations

from fakes.quirky_store import Said


def of_another_range(said: Said, whole: bytes) -> Said:
    """As many bytes, from elsewhere, and it says so."""
    size = len(said.body)
    headers = {**said.headers, "content-range": f"bytes 1-{size}/{len(whole)}"}
    return Said(said.status, headers, whole[1 : size + 1])


def whole_instead(said: Said, whole: bytes) -> Said:
    """Everything, with 200, though a range was asked for."""
    headers = {name: value for name, value in said.headers.items() if name != "content-range"}
    return Said(200, headers, whole)
