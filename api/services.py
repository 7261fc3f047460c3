"""What the routes use, built once in ``create_app`` and handed to them."""

from dataclasses import dataclass
from datetime import datetime

from apiflask import APIFlask
from flask import Request, current_app, request
from redis import Redis

from api.permits import Limiter
from infra import database
from infra.database import REQUEST_SECONDS, Engine, read_engine, replica_engine, write_engine
from infra.linguistics import Linguistics
from infra.nudge import Nudge
from infra.objects import REQUEST_SECONDS as STORE_SECONDS
from infra.objects import Store
from infra.settings import Settings
from infra.shared_cache import SharedCache, connect
from infra.turns import Turns
from infra.watch import Watch
from queries import reads as queries
from queries.reads import Reads
from queries.viewer import Viewer

# A hanging replica must time out soon enough to ask the primary within the request's own time.
REPLICA_SECONDS = 1.0
# A decoding child takes a processor; a waiting request takes a thread.
PICTURES_AT_ONCE = 2
PICTURE_PATIENCE = 2.0
PICTURES_WAITING = 1


@dataclass(frozen=True)
class Actor:
    """Who asks. ``viewer`` is what queries know of them."""

    user_id: str
    session_id: str
    role: str
    expires_at: datetime
    token_id: str
    viewer: Viewer


@dataclass(frozen=True)
class Services:
    settings: Settings
    writing: Engine
    reads: Reads
    shared: SharedCache
    limiter: Limiter | None
    store: Store
    # Of each user's pictures so many are decoded at a time.
    picture_turns: Turns
    linguistics: Linguistics
    # Wakes the relay once something is committed.
    nudge: Nudge
    # For looking at the queues; nothing of the API enqueues.
    queues: Redis


def build(settings: Settings) -> Services:
    mysql = database.watch(settings)
    reading = read_engine(settings, patience=REQUEST_SECONDS, watch=mysql)
    writing = write_engine(settings, patience=REQUEST_SECONDS, watch=mysql)
    # Shared by all uses of Redis: after one request waited in vain, the others skip it at once.
    redis = Watch("Redis", connect(settings).ping)
    shared = SharedCache(connect(settings), redis)
    store = Store(settings, read_seconds=STORE_SECONDS)
    return Services(
        settings=settings,
        writing=writing,
        reads=queries.build(settings, reading, writing, replica_engine(settings, REPLICA_SECONDS), shared, store),
        shared=shared,
        limiter=Limiter(connect(settings), redis) if settings.ratelimit_enabled else None,
        store=store,
        picture_turns=Turns(settings.var / "picture-turns", PICTURES_AT_ONCE, PICTURE_PATIENCE, PICTURES_WAITING),
        linguistics=Linguistics(settings),
        nudge=Nudge(connect(settings), redis),
        queues=connect(settings),
    )


def application() -> APIFlask:
    """The one that answers this request. Flask's own look-up, and the only place that uses it."""
    return current_app  # type: ignore[return-value]


def asked() -> Request:
    """The request under way itself: ``flask.request`` looks it up anew for each attribute, which shows in a cached
    read."""
    return request._get_current_object()  # type: ignore[attr-defined,no-any-return]


def services() -> Services:
    """The running application's."""
    found: Services = application().extensions["sinpluma"]
    return found


def reads() -> Reads:
    """What queries begin with."""
    return services().reads
