"""Runs MiniStack on a free port of loopback; started with the Python of MiniStack's own venv.

`python -I run_ministack.py`: prints `endpoint URL` once it answers, and runs until its standard input ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

HOST = "127.0.0.1"


async def standard_input_ends() -> None:
    """Wait for whoever started this process to go."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    listener = socket.create_server((HOST, 0), backlog=1024)
    port = listener.getsockname()[1]
    # It opens more ports than its own, and looks for Docker, unless told not to; all of it is read on import.
    os.environ |= {"GATEWAY_PORT": str(port), "BIND_HOST": HOST, "SERVICES": "s3", "LOG_LEVEL": "WARNING"}
    os.environ |= {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent"}
    from hypercorn.asyncio import serve  # type: ignore[import-not-found]  # of MiniStack's venv
    from hypercorn.config import Config  # type: ignore[import-not-found]
    from ministack.app import app  # type: ignore[import-not-found]

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    print(f"endpoint http://{HOST}:{port}", flush=True)
    asyncio.run(serve(app, config, shutdown_trigger=standard_input_ends))


if __name__ == "__main__":
    main()
