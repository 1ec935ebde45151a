"""Engines for the connections of a manifest or plan, opened once each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from s3plan.app.paths import capability_cache_path, known_files_path
from s3plan.schemas.endpoints import EndpointInvalid, parse_endpoint
from s3plan.schemas.errors import PlanRefused
from s3plan.schemas.manifest.locations import DeletedFrom, Destination, Source
from s3plan.schemas.plan.key_references import KeyReference
from s3plan.schemas.plan.rows import PlanLocation
from s3plan.schemas.ports import Engine
from s3plan.schemas.requests.attributes import Encryption
from s3plan.schemas.requests.customer_keys import CustomerKey
from s3plan.schemas.requests.objects import Request
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.quirks import StoreQuirks
from s3plan.storage.buffers import Buffers
from s3plan.storage.conditions.capabilities import CapabilityCache
from s3plan.storage.file_settings import USUAL_FILES, FileSettings
from s3plan.storage.folder.engine import FolderEngine
from s3plan.storage.folder.known_files import KnownFiles
from s3plan.storage.memory_budget import MemoryBudget
from s3plan.storage.places.bucket import OpenBucket
from s3plan.storage.places.finding import find_bucket, find_named_folder
from s3plan.storage.places.first_questions import first_questions
from s3plan.storage.places.folder import OpenFolder
from s3plan.storage.places.location import FoundLocation, OpenLocation
from s3plan.storage.places.same_place import may_be_one, shows_at
from s3plan.storage.places.under_keys import under_key
from s3plan.storage.s3.asking_ahead import AskingAhead
from s3plan.storage.s3.connections.customer_keys import CustomerKeys, FoundKey
from s3plan.storage.s3.connections.sessions import (
    ConnectionSettings,
    effective_endpoint,
    effective_region,
    named_region,
)
from s3plan.storage.s3.engines import EngineChoice, choose_engine, open_engine
from s3plan.storage.s3.guarded_engine import GuardedEngine
from s3plan.storage.s3.headed_engine import HeadedEngine
from s3plan.storage.s3.keyed_engine import KeyedEngine
from s3plan.storage.s3.open_files import most_open_files, room_for_connections
from s3plan.storage.s3.patience import Patience
from s3plan.storage.s3.store_quirks import quirks_of, store_at
from s3plan.storage.s3.tolerant_engine import TolerantEngine


class Stores:
    """Opens an engine for each connection and region, and closes them all at the end.

    Safe to use from any thread once `engine_of` has been called for each location. What `before_request` raises
    prevents a request; `turn` lets those of locations wait for their turn, on the thread that asks.
    """

    def __init__(
        self,
        connections: Mapping[str, ConnectionSettings],
        *,
        max_in_flight: int,
        before_request: Callable[[Request], None] | None = None,
        turn: Callable[[Request], None] | None = None,
        files: FileSettings = USUAL_FILES,
    ) -> None:
        self.files = files
        self.memory = MemoryBudget(files.memory_bytes)
        self.buffers = Buffers(self.memory, threads=files.threads)
        self._connections = connections
        self._max_in_flight = max_in_flight
        self._before_request = before_request
        self._turn = turn
        self._engines: dict[tuple[str, str], Engine] = {}
        self._folders: dict[tuple[str, bool, str | None], FolderEngine] = {}
        self._opened: dict[PlanLocation, OpenFolder] = {}
        self._known: dict[tuple[str, ...], KnownFiles] = {}
        self._close_before: list[Callable[[], None]] = []
        self._own_regions: dict[str, str] = {}
        self._capabilities = CapabilityCache(capability_cache_path())
        self._checked: set[tuple[str, str | None, StoreName]] = set()  # connections, and where they were seen to lead
        self._keys = CustomerKeys()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the engines."""
        for close in self._close_before:
            close()
        for engine in self._engines.values():
            engine.close()
        for known in self._known.values():
            known.close()
        for folder in self._opened.values():
            folder.close()
        self.buffers.close()
        for files in self._folders.values():
            files.close()

    def close_with(self, close: Callable[[], None]) -> None:
        """Have something closed with the engines that it asks, and before them."""
        self._close_before.append(close)

    def settings_of(self, connection: str) -> ConnectionSettings:
        """Return a connection's settings; "" is the default one, which needs no entry."""
        found = self._connections.get(connection)
        if found is None and connection:
            raise PlanRefused(f"the connection {connection} is not in the plan's manifest; make a new plan")
        return found or ConnectionSettings()

    def endpoint_of(self, connection: str) -> str | None:
        """Return where a connection leads in this environment; None for AWS."""
        return effective_endpoint(self.settings_of(connection))

    def store_of(self, connection: str) -> StoreQuirks:
        """Return what is known of the kind of store that a connection leads to in this environment."""
        settings = self.settings_of(connection)
        return quirks_of(store_at(effective_endpoint(settings), named=settings.store))

    def open(self, connection: str, *, region: str | None) -> Engine:
        """Return the engine of a connection in a region (None: the connection's own)."""
        key = self._key(connection, region)
        if key not in self._engines:
            in_region = replace(self.settings_of(connection), region=key[1])
            engine = open_engine(in_region, max_in_flight=self._most_in_flight())
            before = self._before_request
            sender = engine if before is None else GuardedEngine(engine, before)
            self._engines[key] = TolerantEngine(sender, self.store_of(connection))
        return self._engines[key]

    def _most_in_flight(self) -> int:
        room = room_for_connections(most_open_files())
        return self._max_in_flight if room is None else max(1, min(self._max_in_flight, room))

    def _key(self, connection: str, region: str | None) -> tuple[str, str]:
        """Return what an engine is kept by: its connection's own region, however that is known, is no other region."""
        settings = self.settings_of(connection)
        if region is None and settings.region is None and connection not in self._own_regions:
            self._own_regions[connection] = effective_region(settings)
        return connection, region or settings.region or self._own_regions[connection]

    def find(self, place: Source | Destination | DeletedFrom) -> FoundLocation:
        """Ask where a manifest's place is; raises what find_bucket and find_folder raise."""
        if place.folder is not None:
            return find_named_folder(place, place.folder)
        connection = place.connection or ""
        settings = self.settings_of(connection)
        engine = self.open(connection, region=place.region or settings.region)
        found = find_bucket(engine, place, settings)
        if place.customer_key is None:
            return found
        key = self.find_key(place.customer_key)
        return under_key(found, place.customer_key, key, is_written=isinstance(place, Destination))

    def find_key(self, reference: KeyReference) -> FoundKey:
        """Look for a key of SSE-C, once; raise CredentialsUnusable if there is none."""
        return self._keys.find(reference)

    def key_of(self, location: PlanLocation) -> CustomerKey | None:
        """Return the key of SSE-C of a plan's location; raise PlanRefused if it is missing here, or another one."""
        return self._keys.of(location)

    def ask_ahead(
        self, place: Source | Destination | DeletedFrom, *, shared: bytes | None, compares_etags: bool
    ) -> None:
        """Send what a plan is going to ask a place, all at once; the answers wait at its engine. See first_questions.

        Answers of a store that turns out to be the wrong one (another region) are dropped: its engine is another one.
        """
        if place.folder is not None:
            return
        connection, region = place.connection or "", place.region
        engine = self.open(connection, region=region)
        if not isinstance(engine, AskingAhead):
            engine = self._engines[self._key(connection, region)] = AskingAhead(engine)
        questions = list(first_questions(place, shared=shared, compares_etags=compares_etags))
        engine.ask_ahead(questions[:1] if self._is_region_guessed(connection, region) else questions)

    def _is_region_guessed(self, connection: str, region: str | None) -> bool:
        """Whether nobody has named the region of a connection to AWS: a bucket may well be in another one."""
        settings = self.settings_of(connection)
        return region is None and named_region(settings) is None and effective_endpoint(settings) is None

    def at(self, location: PlanLocation) -> OpenLocation:
        """Return a location with the engine that reaches it; raise PlanRefused if that leads to another store."""
        if location.is_folder:
            return self.folder_at(location)
        return OpenBucket(
            self.engine_of(location), location, cache=self._capabilities, without_key=self.keyless_engine_of(location)
        )

    def are_one_place(
        self,
        destination: PlanLocation,
        source: PlanLocation,
        *,
        written_with: tuple[Encryption | None, str | None] = (None, None),
        patience: Patience,
    ) -> bool:
        """Return whether a destination is the source under another name; by writing, where names leave it open.

        `written_with` are the encryption and the ACL that the job's objects ask for.

        A source that is a bucket of which the destination is a mounted folder is not noticed.
        """
        if destination.is_folder or not may_be_one(destination, source):
            return False
        return shows_at(
            destination,
            HeadedEngine(self.keyless_engine_of(destination), encryption=written_with[0], acl=written_with[1]),
            source,
            other_engine=None if source.is_folder else self.keyless_engine_of(source),
            cache=self._capabilities,
            patience=patience,
        )

    def folder_at(self, location: PlanLocation) -> OpenFolder:
        """Return a folder with the engine that reads its files."""
        if location not in self._opened:
            self._opened[location] = OpenFolder(location, self.files_of(location))
        return self._opened[location]

    def files_of(self, location: PlanLocation) -> FolderEngine:
        """Return the engine of a folder."""
        way = location.path or "", location.follows, location.trash
        if way not in self._folders:
            self._folders[way] = FolderEngine(
                Path(way[0]),
                threads=self.files.threads,
                memory=self.memory,
                waits_for_disk=self.files.waits_for_disk,
                follows=location.follows,
                trash=None if location.trash is None else Path(location.trash),
            )
        return self._folders[way]

    def known_files(self, folder: PlanLocation, bucket: PlanLocation) -> KnownFiles:
        """Return what is known of the files of a folder and the objects of a bucket."""
        places = (folder.path or "", bucket.endpoint or "", bucket.bucket, bucket.prefix)
        if places not in self._known:
            self._known[places] = KnownFiles(known_files_path(*places))
        return self._known[places]

    def open_all(self, locations: Iterable[PlanLocation]) -> None:
        """Open the engines of locations: any thread may ask for them then. Raises what engine_of raises."""
        for location in locations:
            if location.is_folder:
                self.files_of(location)
            else:
                self.engine_of(location)

    def engine_of(self, location: PlanLocation) -> Engine:
        """Return the engine that reaches a location; raise PlanRefused if it would lead to another store.

        Every worker has its engines from here, for each of its batches: none asks a store that the plan does not name.
        What it sends has the location's key of SSE-C; PlanRefused, too, where that is not the plan's own.
        """
        engine, key = self.keyless_engine_of(location), self.key_of(location)
        if key is None:
            return engine
        if location.endpoint is not None and not _is_private(location.endpoint):
            raise EndpointInvalid(f"{location.url}: a key of SSE-C goes over https:// only, not to an http:// endpoint")
        return KeyedEngine(engine, own=key)

    def check_keys(self, locations: Iterable[PlanLocation]) -> None:
        """Raise PlanRefused if a key of SSE-C is missing here, or is another one than the plan's; nothing is asked."""
        for location in locations:
            self.key_of(location)

    def keyless_engine_of(self, location: PlanLocation) -> Engine:
        """Return the same, for objects that are not under the location's key: a probe's own."""
        way = (location.connection, location.endpoint, location.store)
        if way not in self._checked:
            self.check_endpoint(location)
            self._checked.add(way)
        engine = self.open(location.connection, region=location.region)
        return engine if self._turn is None else GuardedEngine(engine, self._turn)

    def count_engines(self, locations: Iterable[PlanLocation]) -> int:
        """Return how many engines reach these locations; each has connections of its own."""
        return len({self._key(place.connection, place.region) for place in locations if not place.is_folder})

    def take_many(self, locations: Iterable[PlanLocation]) -> bool:
        """Return whether an engine of one of these locations takes many requests under way."""
        return any(choice.takes_many for choice in self.engines_of(locations).values())

    def pays_for(self, source: PlanLocation) -> bool:
        """Return whether a source's connection pays for requests; a copy, which another one sends, must say so."""
        return not source.is_folder and self.settings_of(source.connection).requester_pays

    def engines_of(self, locations: Iterable[PlanLocation]) -> dict[str, EngineChoice]:
        """Return how the requests of each connection go, by its name."""
        ways = {
            place.connection: self._key(place.connection, place.region)[1] for place in locations if not place.is_folder
        }
        return {
            name: choose_engine(replace(self.settings_of(name), region=region)) for name, region in sorted(ways.items())
        }

    def fallbacks(self, locations: Iterable[PlanLocation]) -> list[str]:
        """Return a sentence for each connection whose requests cannot go by the fast engine."""
        return [
            f"{self.settings_of(name)}: requests are sent by boto3, the slower engine: {choice.reason}"
            for name, choice in self.engines_of(locations).items()
            if choice.reason is not None
        ]

    def check_endpoint(self, location: PlanLocation) -> None:
        """Raise PlanRefused if requests would go elsewhere than the plan says (say, by AWS_ENDPOINT_URL)."""
        if location.is_folder:
            return
        found = effective_endpoint(self.settings_of(location.connection))
        if found != location.endpoint:
            raise PlanRefused(
                f"{location.url}: the plan was made against {location.endpoint or 'AWS'}, but this environment leads "
                f"to {found or 'AWS'}; set the endpoint as it was, or make a new plan"
            )
        named = self.store_of(location.connection).name
        if named is not location.store:
            raise PlanRefused(
                f"{location.url}: the plan was made for a store of the kind {location.store}, but its connection is to "
                f"one of the kind {named}; make a new plan"
            )


def _is_private(url: str) -> bool:
    endpoint = parse_endpoint(url)
    return endpoint.scheme == "https" or endpoint.is_loopback
