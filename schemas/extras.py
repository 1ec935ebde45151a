"""How to install what s3plan needs for some of its parts only."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME = "s3plan"


def install_command(extra: str) -> str:
    """Return the command that installs an extra into this environment, from where s3plan itself came."""
    noted = (found.read_text("direct_url.json") for found in distributions(name=NAME))
    return command_from(next(filter(None, noted), None), extra=extra)  # a checkout's egg-info has no such note


def command_from(direct_url: str | None, *, extra: str) -> str:
    """Return it for what pip noted at installation; None: it came from an index.

    A checkout is in no index. https://packaging.python.org/en/latest/specifications/direct-url-data-structure/
    """
    try:
        noted = json.loads(direct_url or "{}")
        url = urlsplit(noted.get("url", ""))
        is_editable = bool(noted.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        return f"pip install {shlex.quote(f'{NAME}[{extra}]')}"
    place = Path(unquote(url.path))
    if url.scheme != "file" or not place.exists():
        return f"pip install {shlex.quote(f'{NAME}[{extra}]')}"
    return f"pip install {'-e ' if is_editable else ''}{shlex.quote(f'{place}[{extra}]')}"
