"""Whether a YAML file is meant to be one of ours at all: of another one nothing is quoted, as it may hold secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from s3plan.planner.manifest.text.yaml_document import MappingNode

_TELLING = ("source", "destination", "location", "jobs", "connections", "filters", "guards", "overwrite")
_NEARLY = 0.8  # as difflib counts likeness
_KEY_OF_A_LINE = re.compile(r"""["']?([A-Za-z_]+)["']?\s*:(?:\s|$)""")
_IS_WORD = re.compile(r"[a-z]{1,20}(?:[_-][a-z]{1,20})?").fullmatch
_MOST_SHOWN = 5


def is_meant(root: MappingNode, known: Collection[str]) -> bool:
    """Return whether a mapping may be meant for a document with these keys at its top."""
    return _are_meant([key.text for key, _ in root.entries], known)


def is_text_meant(lines: Sequence[str], known: Collection[str]) -> bool:
    """Return that of text which is no YAML, by the lines that are not indented."""
    return _are_meant([match[1] for match in map(_KEY_OF_A_LINE.match, lines) if match is not None], known)


def shown_keys(root: MappingNode) -> str:
    """Return the first keys that are plainly words, for a message: nothing that could be a secret, or be long."""
    words = list(dict.fromkeys(key.text for key, _ in root.entries if _IS_WORD(key.text)))
    more = ", ..." if len(words) > _MOST_SHOWN or len(words) < len(root.entries) else ""
    return ", ".join(words[:_MOST_SHOWN]) + more if words else ""


def _are_meant(keys: Iterable[str], known: Collection[str]) -> bool:
    """Return whether a key tells it, spelt right or nearly so, or two do together, or there is nothing else."""
    found = dict.fromkeys(keys)
    telling = [name for name in _TELLING if name in known]
    if any(get_close_matches(key, telling, n=1, cutoff=_NEARLY) for key in found):
        return True
    right = [key for key in found if key in known]
    return len(right) > 1 or 0 < len(right) == len(found)
