"""The door to MySQL or MariaDB: engines, column types, and trying again.

Tables live beside the code that owns them and all hang on ``metadata`` here, so that a migration can see them.
"""

import random
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError

from infra import packets, together
from infra.columns import Id, IdList, Json, LongText, UtcDateTime
from infra.database_errors import is_retryable
from infra.database_watch import mark_failed_over, refuse_if_down, tell, watched_pool
from infra.settings import Settings
from infra.watch import Watch

metadata = MetaData()

# Where three transactions in ten fail, five retries would still let one request in 1,400 fail; seven, one in 15,000.
MOST_TRIES = 8
LONGEST_PAUSE_SECONDS = 0.3
# A request must be refused within five seconds when the server hangs: half of them for tries that fail, after which
# none is begun, and half for the last one to find that out. A batch or a chore may take its time.
REQUEST_SECONDS = 2.5
BACKGROUND_SECONDS = 60.0
CONNECT_SECONDS = 2.0
PROBE_SECONDS = 1.0
# Below the time that a request may wait for one answer, on MySQL too, which looks only once a second.
LOCK_WAIT_SECONDS = 1
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def table(name: str, *parts: Any) -> Table:
    """A table with the options that all of ours share, the same on MariaDB and MySQL."""
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
    )


def write_engine(
    settings: Settings,
    pool_size: int | None = None,
    patience: float = BACKGROUND_SECONDS,
    watch: Watch | None = None,
    lock_wait: int = LOCK_WAIT_SECONDS,
) -> Engine:
    """Transactions on the primary, READ COMMITTED; a statement fails that takes longer than ``patience`` seconds, or
    waits ``lock_wait`` seconds for a row."""
    # Every transaction of ours ends in a commit or a rollback of its own, so the pool's extra rollback is only a
    # round trip: a tenth of the cost of a save.
    return _engine(settings, settings.database_url, pool_size, "READ COMMITTED", patience, watch, lock_wait)


def read_engine(
    settings: Settings,
    pool_size: int | None = None,
    patience: float = BACKGROUND_SECONDS,
    watch: Watch | None = None,
) -> Engine:
    """Single statements on the primary, each its own transaction: what read-your-writes and revocation ask."""
    return _engine(settings, settings.database_url, pool_size, "AUTOCOMMIT", patience, watch)


def replica_engine(settings: Settings, patience: float) -> Engine | None:
    """Single statements on a replica, which may lag; None when there is none."""
    if settings.database_read_url == settings.database_url:
        return None
    url = settings.database_read_url
    return _engine(settings, url, None, "AUTOCOMMIT", patience, Watch("the replica", partial(_probe, settings, url)))


def watch(settings: Settings) -> Watch:
    """For the engines of a process that answers requests; all of them share one."""
    return Watch("MySQL", partial(_probe, settings, settings.database_url))


def _probe(settings: Settings, url: str) -> None:
    # Each time a new connection, and none is left open.
    engine = _engine(settings, url, 1, "AUTOCOMMIT", PROBE_SECONDS)
    try:
        with engine.connect() as connection:
            ping(connection)
    finally:
        engine.dispose()


def ping(connection: Connection) -> None:
    """Raises what the driver does when the server does not answer."""
    connection.execute(text("SELECT 1"))


def _engine(
    settings: Settings,
    url: str,
    pool_size: int | None,
    isolation: Any,
    patience: float,
    watch: Watch | None = None,
    lock_wait: int = LOCK_WAIT_SECONDS,
) -> Engine:
    size = pool_size or settings.api_threads
    engine = create_engine(
        url,
        isolation_level=isolation,
        poolclass=watched_pool(watch) if watch else None,
        pool_size=size,
        max_overflow=2,
        pool_timeout=REQUEST_SECONDS,
        pool_recycle=1800,
        pool_reset_on_return=None,
        # An error would repeat them, and they are people's texts, in logs and in what is said of a parked delivery.
        hide_parameters=True,
        # In AUTOCOMMIT there is nothing to roll back, yet SQLAlchemy would ask the server to after each read.
        skip_autocommit_rollback=True,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": min(CONNECT_SECONDS, patience),
            "read_timeout": patience,
            "write_timeout": patience,
            **({} if isolation == "AUTOCOMMIT" else together.CONNECT_ARGS),
            "init_command": f"SET time_zone = '+00:00', innodb_lock_wait_timeout = {lock_wait}",
            **({"ssl_disabled": True} if _is_plain_loopback(url) else {}),
        },
    )
    event.listen(engine, "handle_error", mark_failed_over)
    packets.watch(engine)
    if watch:
        event.listen(engine, "handle_error", partial(tell, watch))
        # Also refuse threads that waited in the pool's queue meanwhile and would now open a connection.
        event.listen(engine, "do_connect", partial(refuse_if_down, watch))
    return engine


def _is_plain_loopback(database_url: str) -> bool:
    """Whether the server is on this machine and nothing is said of TLS.

    PyMySQL would then use TLS if the server has it, without asking for a certificate, and reads all of the system's
    first: 30 ms for each connection, more than most jobs take. Who wants TLS to a router or tunnel on this machine
    says so in the URL (``?ssl_verify_cert=true``).
    """
    url = make_url(database_url)
    return url.host in LOOPBACK and not any(name.startswith("ssl") for name in url.query)


Result = TypeVar("Result")
Wanted = ParamSpec("Wanted")


def retrying(work: Callable[[], Result], seconds: float = REQUEST_SECONDS) -> Result:
    """Run a read or a whole transaction, and again, after growing pauses, when it failed for a passing reason: the
    server rolled it back, or a pooled connection turned out to have died before anything was done on it. After
    ``seconds`` no new try is begun."""
    began = time.monotonic()
    for attempt in range(1, MOST_TRIES):
        try:
            return work()
        except DBAPIError as error:
            is_passing = is_retryable(error) or _died_in_the_pool(error, began)
            if not is_passing or time.monotonic() > began + seconds:
                raise
            time.sleep(random.uniform(0, min(0.02 * 2**attempt, LONGEST_PAUSE_SECONDS)))
    return work()


def retried(work: Callable[Wanted, Result]) -> Callable[Wanted, Result]:
    """A decorator: ``retrying`` around each call."""

    @wraps(work)
    def tried(*wanted: Wanted.args, **more: Wanted.kwargs) -> Result:
        return retrying(partial(work, *wanted, **more))

    return tried


def _died_in_the_pool(error: DBAPIError, began: float) -> bool:
    # A slow failure means a server that hangs, not a dead connection: the next try would hang too.
    return error.connection_invalidated and time.monotonic() - began < 1


__all__ = ["Engine", "Id", "IdList", "Json", "LongText", "UtcDateTime", "metadata", "table"]
