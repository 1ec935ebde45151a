"""What the SDK knows of services and regions, read once for all sessions of a process.

Each botocore session reads it anew, some 60 ms of each client. https://botocore.amazonaws.com/v1/documentation/api/latest/reference/loaders.html
"""

from __future__ import annotations

from functools import cache
from typing import Any


def share_data(session: Any) -> None:
    """Let a new botocore session take what is read already; what is read is never changed."""
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))


@cache
def _loader(search_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(search_path)
