"""Runs one command and writes what it cost to a file: `launcher.py RESULT OUTPUT COMMAND [ARGUMENT ...]`.

It is a process of its own, started without site packages, because the kernel counts the peak memory of the process
that starts another into that of the other: this one is about 10 MB, less than every tool that is measured.
"""

import json
import os
import sys
import time


def main(result_path: str, output_path: str, command: list[str]) -> None:
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    started_unix_s = time.time()
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=streams)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    measured = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "started_unix_s": started_unix_s,
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * unit_bytes,
    }
    with open(result_path, "w", encoding="utf-8") as file:  # noqa: PTH123 (pathlib would triple this process)
        json.dump(measured, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
