"""What XML 1.0 can carry."""

from __future__ import annotations

import re

# https://www.w3.org/TR/xml/#charsets, without lone surrogates: everything else is no Char, not even as a reference.
_NOT_A_CHAR = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def is_xml_safe(key: str) -> bool:
    """Whether a key can stand in an XML document; one that cannot must never be put into a DeleteObjects body."""
    return _NOT_A_CHAR.search(key) is None
