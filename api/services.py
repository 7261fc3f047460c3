"""What the routes use, built once in ``create_app`` and handed to them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import current_app
from redis import Redis
from sqlalchemy import Engine

from api.limiter import Limiter
from domain.picture import Picture
from events import log
from events.notebooks import NotebookFact
from infra import database
from infra.breaker import Breaker
from infra.coalesce import Coalesced
from infra.database import REQUEST_SECONDS, read_engine, replica_engine, write_engine
from infra.lease import Leases, Lru
from infra.linguistics import Linguistics
from infra.nudge import Nudge
from infra.objects import REQUEST_SECONDS as STORE_SECONDS
from infra.objects import Store
from infra.settings import Settings
from infra.watch import Watch
from read_models.cache import SharedCache, connect
from read_models.profiles import Profile

# The primary has to be asked after a replica that hangs, within the time that a request may take.
REPLICA_SECONDS = 1.0


@dataclass(frozen=True)
class Actor:
    """Who asks."""

    user_id: str
    session_id: str
    role: str
    expires_at: datetime
    token_id: str


@dataclass(frozen=True)
class Rendered:
    """A finished answer: the bytes that go out, and for whom they were made."""

    body: bytes
    etag: str
    owner_id: str


@dataclass
class Services:
    settings: Settings
    writing: Engine
    reading: Engine
    # Of DATABASE_READ_URL, for what never changes; None when that is the primary.
    replica: Engine | None
    shared: SharedCache
    sessions: Leases[str, Actor]
    publications: Leases[str, NotebookFact]
    profiles: Leases[str, Profile]
    limiter: Limiter | None
    pictures: Leases[str, Picture | None]
    store: Store
    linguistics: Linguistics
    # Wakes the relay once something is committed.
    nudge: Nudge
    # For looking at the queues; nothing of the API enqueues.
    queues: Redis
    # The newest versions of pages and notebooks, 0 for what is not there.
    versions: Coalesced[str, int]
    replica_breaker: Breaker = field(default_factory=Breaker)
    rendered: Lru[Any, Rendered] = field(default_factory=lambda: Lru(2048))
    # Where each page of a publication stands, and at which version: ``{page id: (order, version)}``.
    places: Lru[Any, dict[str, tuple[int, int]]] = field(default_factory=lambda: Lru(256))
    # The bytes of small pictures by their hash: the answer while the object store is away.
    small_pictures: Lru[str, bytes] = field(default_factory=lambda: Lru(128))


def build(settings: Settings) -> Services:
    mysql = database.watch(settings)
    reading = read_engine(settings, patience=REQUEST_SECONDS, watch=mysql)
    # One for all that requests ask of Redis: who has waited for it once waits no more.
    redis = Watch("Redis", connect(settings).ping)

    def newest_versions(aggregate_ids: Collection[str]) -> dict[str, int]:
        with reading.connect() as connection:
            return log.newest_versions(connection, aggregate_ids)

    return Services(
        settings=settings,
        writing=write_engine(settings, patience=REQUEST_SECONDS, watch=mysql),
        reading=reading,
        replica=replica_engine(settings, patience=REPLICA_SECONDS),
        versions=Coalesced(newest_versions),
        shared=SharedCache(connect(settings), redis),
        sessions=Leases(settings.lease_seconds),
        publications=Leases(settings.lease_seconds),
        profiles=Leases(settings.lease_seconds),
        limiter=Limiter(connect(settings), redis) if settings.ratelimit_enabled else None,
        pictures=Leases(settings.lease_seconds),
        store=Store(settings, read_seconds=STORE_SECONDS),
        linguistics=Linguistics(settings),
        nudge=Nudge(connect(settings), redis),
        queues=connect(settings),
    )


def services() -> Services:
    """The running application's."""
    found: Services = current_app.extensions["sinpluma"]
    return found
