"""The admin endpoint: JSON under `/_/`, which no bucket can be named.

GET   stats faults mode log, snapshot?bucket= uploads?bucket=
POST  stats/reset seed faults (a list, added) faults/clear mode wipe reset
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from fakes.s3server.faults import Fault
from fakes.s3server.messages import Request, Response
from fakes.s3server.seeding import Seed, plant
from fakes.s3server.service import Service
from fakes.s3server.settings import Settings
from fakes.s3server.store import Bucket

ADMIN = "_"


@dataclass(slots=True)
class Control:
    """`initial` is what `reset` goes back to."""

    service: Service
    initial: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.initial = self.service.context.settings

    def answer(self, request: Request) -> Response:
        handler = _HANDLERS.get((request.method, request.key))
        if handler is None:
            return _json({"error": f"no {request.method} /_/{request.key}"}, status=404)
        try:
            return _json(handler(self, request))
        except (ValueError, TypeError, KeyError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, status=400)

    def wipe(self, bucket: str | None) -> None:
        store = self.service.context.store
        if bucket is None:
            store.buckets.clear()
        elif bucket in store.buckets:
            old = store.buckets[bucket]
            store.buckets[bucket] = Bucket(old.name, old.region, old.created_s)

    def reset(self) -> None:
        self.wipe(None)
        self.service.context.faults.clear()
        self.service.context.settings = self.initial
        self.service.records.clear()


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


def _mapping(request: Request) -> Mapping[str, object]:
    value = json.loads(request.body or b"{}")
    if not isinstance(value, dict):
        raise TypeError("a JSON object is needed")
    return value


def _stats(control: Control, _: Request) -> object:
    return control.service.records.report()


def _reset_stats(control: Control, _: Request) -> object:
    control.service.records.clear()
    return {}


def _seed(control: Control, request: Request) -> object:
    context = control.service.context
    planted = plant(context.store, Seed.of(_mapping(request)), now_s=context.now_s())
    gc.freeze()  # a million objects would be walked at each collection
    return {"planted": planted}


def _faults(control: Control, _: Request) -> object:
    return control.service.context.faults.report()


def _add_faults(control: Control, request: Request) -> object:
    values = json.loads(request.body)
    control.service.context.faults.add([Fault.of(value) for value in values])
    return {}


def _clear_faults(control: Control, _: Request) -> object:
    control.service.context.faults.clear()
    return {}


def _mode(control: Control, _: Request) -> object:
    return asdict(control.service.context.settings)


def _set_mode(control: Control, request: Request) -> object:
    context = control.service.context
    context.settings = context.settings.changed(_mapping(request))
    return asdict(context.settings)


def _wipe(control: Control, request: Request) -> object:
    bucket = _mapping(request).get("bucket")
    control.wipe(None if bucket is None else str(bucket))
    return {}


def _reset(control: Control, _: Request) -> object:
    control.reset()
    return {}


def _log(control: Control, _: Request) -> object:
    return list(control.service.records.log)


def _bucket(control: Control, request: Request) -> Bucket:
    return control.service.context.store.buckets[request.query["bucket"]]


def _snapshot(control: Control, request: Request) -> object:
    bucket = _bucket(control, request)
    return {
        "objects": [
            {
                "key": key,
                "etag": (stored := bucket.objects[key]).etag,
                "size_bytes": stored.size_bytes,
                "modified_s": stored.modified_s,
                "storage_class": stored.properties.storage_class,
                "headers": dict(stored.properties.headers),
                "tags": dict(stored.properties.tags),
                "acl": stored.properties.acl,
                "encryption": dict(stored.properties.encryption),
                "writes": bucket.writes.get(key, 0),
            }
            for key in bucket.ordered_keys()
        ],
        "writes": bucket.writes,
    }


def _uploads(control: Control, request: Request) -> object:
    return [
        {
            "upload_id": upload.upload_id,
            "key": upload.key,
            "initiated_s": upload.initiated_s,
            "parts": sorted(upload.parts),
        }
        for upload in _bucket(control, request).uploads.values()
    ]


_HANDLERS: Mapping[tuple[str, str], Callable[[Control, Request], object]] = {
    ("GET", "faults"): _faults,
    ("GET", "log"): _log,
    ("GET", "mode"): _mode,
    ("GET", "snapshot"): _snapshot,
    ("GET", "stats"): _stats,
    ("GET", "uploads"): _uploads,
    ("POST", "faults"): _add_faults,
    ("POST", "faults/clear"): _clear_faults,
    ("POST", "mode"): _set_mode,
    ("POST", "reset"): _reset,
    ("POST", "seed"): _seed,
    ("POST", "stats/reset"): _reset_stats,
    ("POST", "wipe"): _wipe,
}
