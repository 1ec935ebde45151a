"""Runs OpenStack Swift with its S3 gateway on free ports of loopback; started with the Python of Swift's own venv.

`python -I run_swift.py FOLDER ACCOUNTS SECRET SMALLEST_PART`: one disk (FOLDER must hold extended attributes), one
replica, and four processes as in production: proxy, object, container, account. User `tester` of each account `test0`
to `testN` has the same secret; buckets of different accounts do not see each other. Prints `endpoint URL`, and runs
until its standard input ends or one of the four has gone.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from copy import deepcopy
from pathlib import Path
from typing import Any

from swift.common.utils import monkey_patch  # type: ignore[import-not-found]  # of Swift's venv

monkey_patch()  # as Swift's own commands do, before anything else is imported

import eventlet  # type: ignore[import-not-found]  # noqa: E402
from eventlet import hubs  # noqa: E402
from swift.common.ring import RingBuilder  # type: ignore[import-not-found]  # noqa: E402
from swift.common.wsgi import init_request_processor, run_server  # type: ignore[import-not-found]  # noqa: E402

HOST = "127.0.0.1"
STORES = ("account", "container", "object")
Settings = dict[str, object]
PROXY_FILTERS: dict[str, Settings] = {
    "catch_errors": {},
    "gatekeeper": {},
    "healthcheck": {},
    "cache": {"paste.filter_factory": "__main__:memory_cache"},
    "listing_formats": {},
    "bulk": {},
    # A page holds fewer rows than are asked for, which S3 leaves to the server.
    "s3api": {"s3_acl": "no", "location": "us-east-1", "check_bucket_owner": "no", "max_bucket_listing": 200},
    "tempauth": {},
    "copy": {},
    "slo": {},
    "dlo": {},
    "versioned_writes": {"allow_object_versioning": "true"},
    "symlink": {},
}
# A store that a busy machine keeps waiting is not gone: the proxy would answer 503 for a minute, and what nobody told
# the container of stood in no listing.
PATIENCE: Settings = {
    "conn_timeout": 10,
    "node_timeout": 60,
    "recoverable_node_timeout": 60,
    "error_suppression_limit": 1_000_000,
}


class Memory:
    """What Swift asks of memcached, for a proxy of one process: without it each request looks everything up again."""

    def __init__(self) -> None:
        self._held: dict[str, object] = {}

    def get(self, key: str, raise_on_error: bool = False) -> object:
        return deepcopy(self._held.get(key))

    def set(self, key: str, value: object, **_: object) -> None:
        self._held[key] = deepcopy(value)

    def delete(self, key: str, server_key: str | None = None) -> None:
        self._held.pop(key, None)


def memory_cache(_: object, **__: object) -> Any:
    """Return the filter that stands in for Swift's `memcache`."""
    memory = Memory()

    def cache_filter(app: Any) -> Any:
        def serve(environ: dict[str, object], start_response: object) -> Any:
            environ["swift.cache"] = memory
            return app(environ, start_response)

        return serve

    return cache_filter


def log_to_stderr(*said: Any) -> None:
    """Take Swift's log away from the machine's syslog; called by Swift for each logger."""
    said[5].handlers[:] = [logging.StreamHandler(sys.__stderr__)]


def write_settings(path: Path, sections: dict[str, Settings]) -> None:
    lines: list[str] = []
    for section, settings in sections.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in settings.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def settings_of_all(folder: Path) -> Settings:
    return {
        "swift_dir": folder,
        "bind_ip": HOST,
        "log_level": "WARNING",
        "log_address": folder / "no-syslog",
        "log_custom_handlers": "__main__.log_to_stderr",
    }


def configure_stores(folder: Path, ports: dict[str, int]) -> None:
    """Write the rings, with one place each, and the settings of what stands on the disk."""
    write_settings(
        folder / "swift.conf",
        {
            "swift-hash": {"swift_hash_path_suffix": "s3plan", "swift_hash_path_prefix": "s3plan"},
            "storage-policy:0": {"name": "default", "default": "yes"},
        },
    )
    disk = folder / "disks" / "d1"
    disk.mkdir(parents=True)
    on_disk: Settings = {"devices": disk.parent, "mount_check": "false", "disable_fallocate": "true"}
    for store in STORES:
        ring = RingBuilder(part_power=2, replicas=1, min_part_hours=1)
        ring.add_dev({"region": 1, "zone": 1, "ip": HOST, "port": ports[store], "device": disk.name, "weight": 1})
        ring.rebalance()
        ring.get_ring().save(str(folder / f"{store}.ring.gz"))
        sections: dict[str, Settings] = {
            "DEFAULT": settings_of_all(folder) | on_disk,
            "pipeline:main": {"pipeline": f"{store}-server"},
            f"app:{store}-server": {"use": f"egg:swift#{store}", "container_update_timeout": 60, **PATIENCE},
        }
        write_settings(folder / f"{store}-server.conf", sections)


def configure_proxy(folder: Path, *, accounts: int, secret: str, smallest_part: int) -> None:
    users = {f"user_test{number}_tester": f"{secret} .admin .reseller_admin" for number in range(accounts)}
    told: dict[str, Settings] = {"s3api": {"min_segment_size": smallest_part}, "tempauth": {**users}}
    sections: dict[str, Settings] = {
        "DEFAULT": settings_of_all(folder),
        "pipeline:main": {"pipeline": " ".join([*PROXY_FILTERS, "proxy-server"])},
        "app:proxy-server": {
            "use": "egg:swift#proxy",
            "account_autocreate": "true",
            "allow_account_management": "true",
            **PATIENCE,
        },
    }
    for name, settings in PROXY_FILTERS.items():
        origin: Settings = {} if "paste.filter_factory" in settings else {"use": f"egg:swift#{name}"}
        sections[f"filter:{name}"] = origin | settings | told.get(name, {})
    write_settings(folder / "proxy-server.conf", sections)


def leave_with_the_parent() -> None:
    hubs.trampoline(sys.stdin.fileno(), read=True)
    os._exit(0)


def serve(folder: Path, name: str, listener: Any) -> None:
    """Be one of the four servers, for good."""
    _, conf, logger, _ = init_request_processor(str(folder / f"{name}-server.conf"), f"{name}-server")
    run_server(conf, logger, listener, ready_callback=lambda: eventlet.spawn(leave_with_the_parent))


def main() -> None:
    folder, accounts, secret, smallest_part = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    listeners = {name: eventlet.listen((HOST, 0), backlog=1024) for name in (*STORES, "proxy")}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    configure_stores(folder, ports)
    configure_proxy(folder, accounts=accounts, secret=secret, smallest_part=smallest_part)
    processes: list[int] = []
    for name, listener in listeners.items():
        process = os.fork()
        if process == 0:
            try:
                serve(folder, name, listener)
            except BaseException:  # noqa: BLE001  only told: this process has no way out but the next line
                traceback.print_exc()
            os._exit(1)
        processes.append(process)
    for listener in listeners.values():
        listener.close()  # should a server go, its port must go with it
    print(f"endpoint http://{HOST}:{ports['proxy']}", flush=True)
    gone, _ = os.wait()
    for process in processes:
        if process != gone:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


if __name__ == "__main__":
    main()
