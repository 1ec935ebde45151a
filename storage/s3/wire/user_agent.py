"""What requests say of who sends them; stores' logs and their operators ask."""

from __future__ import annotations

import platform
from importlib.metadata import version


def user_agent() -> str:
    """Return the value of the header, without the engine's own words."""
    return f"s3plan/{version('s3plan')} python/{platform.python_version()}"
