"""A few objects that are relayed between two servers; see small_stage.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from campaign.repeated_plan import SERIAL
from campaign.small_stage import SmallStage
from fakes.relay_place import ORIGIN, STORE, RelayPlace
from fakes.s3server import ServerProcess
from fakes.workplace import PROBE

SIDES = (ORIGIN, STORE)


class RelayStage(SmallStage[RelayPlace]):
    """Both servers are disturbed, each by itself."""

    def __init__(self, place: RelayPlace) -> None:
        super().__init__(place, seed=5)

    @property
    def sides(self) -> Mapping[str, ServerProcess]:
        return {ORIGIN: self.place.origin, STORE: self.place.server}

    def fill_source(self) -> None:
        self.place.origin.wipe()
        self.place.buckets("source")
        for key, body in self.wanted.items():
            self.place.s3.put_object(Bucket="source", Key=key, Body=body, ChecksumAlgorithm="CRC64NVME")
        self._source = self.place.listed("source")

    def set_up(self) -> None:
        self.seed_old()
        for server in self.servers:
            server.reset_stats()

    def write_manifest(self) -> None:
        self.place.manifest(mode="mirror", delete={"extraneous": True}, guards={"max_delete": "100%"}, run=dict(SERIAL))

    def found(self) -> Mapping[str, bytes]:
        keys = [key for key in self.place.keys("destination") if PROBE not in key]
        return {key: self.place.body("destination", key) for key in keys}

    def losses(self) -> Iterator[str]:
        if self.place.listed("source") != self._source:
            yield "the source has changed"
        yield from super().losses()
