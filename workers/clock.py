"""The clock: chores that are due by time. A row lock in MySQL sees to it that two clocks never run one chore twice."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Engine, String, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import DBAPIError

from domain import receipts, session
from events import log
from infra import leftovers
from infra.clock import now
from infra.database import BACKGROUND_SECONDS, UtcDateTime, retrying, table, write_engine
from infra.database_errors import is_unreachable
from infra.settings import Settings
from infra.stopping import Stop
from read_models.rebuilding import progress
from read_models.rebuilding.rebuild import introduce, wanted
from read_models.search import index, refresh
from workers import page_lists, recounting, sweep, thinning, trash
from workers.reaction_table import MODELS

logger = logging.getLogger(__name__)

REBUILD = "renew-read-models"
REBUILD_SECONDS = 10.0
# Each thousand costs a full-text query 0.08 ms, and a search asks two to four.
COMPACT_CHANGES = 5_000
TICK_SECONDS = 5.0
BATCH = 1000
# A chore that failed is tried again after this, or its own pause when that is shorter.
TRY_AGAIN = timedelta(minutes=1)

chores = table(
    "chores",
    Column("name", String(40, collation="ascii_bin"), primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Chore:
    """``work`` does one small batch in a transaction of its own and answers how much it did; it is called until that
    is 0."""

    name: str
    every: timedelta
    work: Callable[[Engine, Settings, datetime], int]


def purge_receipts(engine: Engine, settings: Settings, at: datetime) -> int:
    with engine.begin() as connection:
        return receipts.purge(connection, at - receipts.KEEP, BATCH)


def purge_sessions(engine: Engine, settings: Settings, at: datetime) -> int:
    with engine.begin() as connection:
        return session.purge(connection, at, BATCH)


def renew_read_models(engine: Engine, settings: Settings, at: datetime) -> int:
    """Rebuild the models that older code built, and finish interrupted rebuilds: REBUILD_SECONDS at a time, since this
    runs in the background. Always 0: the rest waits for the next run."""
    until = time.monotonic() + REBUILD_SECONDS
    for model in MODELS.values():
        introduce(engine, model)
    for rebuild in wanted(engine, MODELS.values()):
        for _ in rebuild.run():
            if time.monotonic() > until:
                return 0
    return 0


def compact_search(engine: Engine, settings: Settings, at: datetime) -> int:
    """Have the search index made anew when much of it has changed since it was last: InnoDB keeps the id of each row
    that was changed, and every full-text query reads all of them, so 20,000 double what a search takes. A large index
    costs much to make, so a twentieth of it must have changed. OPTIMIZE TABLE would do too, and keep writers waiting.
    """
    with engine.begin() as connection:
        most = max(COMPACT_CHANGES, index.size(connection) // 20)
        made_until = progress.read_until(connection, refresh.MODEL.name)
        if log.count(connection, refresh.MODEL.event_names, most, after=made_until) >= most:
            progress.request(connection, refresh.MODEL.name)
    return 0


def clear_leftovers(engine: Engine, settings: Settings, at: datetime) -> int:
    """On the clock's own machine; on others, what starts there does it."""
    leftovers.clear()
    return 0


CHORES = (
    Chore("clear-leftovers", timedelta(hours=1), clear_leftovers),
    Chore("compact-search", timedelta(minutes=5), compact_search),
    Chore(REBUILD, timedelta(seconds=30), renew_read_models),
    Chore("empty-trash", timedelta(minutes=10), trash.empty_trash),
    Chore("thin-revisions", timedelta(hours=1), thinning.thin_revisions),
    Chore("recount-texts", timedelta(minutes=1), recounting.recount_texts),
    Chore("thin-page-lists", timedelta(hours=1), page_lists.thin_page_lists),
    Chore("purge-receipts", timedelta(hours=1), purge_receipts),
    Chore("purge-sessions", timedelta(hours=1), purge_sessions),
)


def all_chores(settings: Settings) -> tuple[Chore, ...]:
    """Also those whose pace is the operator's choice."""
    return (*CHORES, Chore("sweep-pictures", sweep.every(settings), sweep.sweep_pictures))


class Held:
    """A chore's row, locked."""

    def __init__(self, holding: Connection, due_at: datetime) -> None:
        self._holding = holding
        self.due_at = due_at

    def keep(self) -> None:
        """Run a statement, so that the server does not close an idle connection and release the lock."""
        self._holding.execute(select(1))

    def put_off(self, name: str, pause: timedelta) -> None:
        self._holding.execute(update(chores).where(chores.c.name == name).values(due_at=now() + pause))


@contextmanager
def hold(engine: Engine, name: str) -> Iterator[Held | None]:
    """Hold a chore until the end of the block, so that no clock does it meanwhile; None when someone else holds it."""
    retrying(lambda: _introduce(engine, name), BACKGROUND_SECONDS)
    # The lock is held while the batches, with transactions of their own, are done: a second clock skips the row.
    with engine.begin() as holding:
        query = select(chores.c.due_at).where(chores.c.name == name).with_for_update(skip_locked=True)
        due_at = holding.scalar(query)
        yield None if due_at is None else Held(holding, due_at)


def _introduce(engine: Engine, name: str) -> None:
    """A new chore is due at once."""
    with engine.begin() as connection:
        # Looked up first: even INSERT IGNORE waits for the row that a working clock holds.
        if connection.scalar(select(chores.c.due_at).where(chores.c.name == name)) is None:
            connection.execute(insert(chores).prefix_with("IGNORE").values(name=name, due_at=now()))


class Clock:
    """Runs chores when they are due; ``stop`` ends it between two batches."""

    def __init__(self, engine: Engine, settings: Settings, chores_to_run: tuple[Chore, ...] = CHORES) -> None:
        self._engine = engine
        self._settings = settings
        self._chores = chores_to_run
        self.stop = Stop()

    def run_due(self) -> list[str]:
        """Run each chore that is due and not being run by another clock; the names of those that ran."""
        return [chore.name for chore in self._chores if not self.stop.is_set() and self._run_if_due(chore)]

    def _run_if_due(self, chore: Chore) -> bool:
        with hold(self._engine, chore.name) as taken:
            if taken is None or taken.due_at > now():
                return False
            taken.put_off(chore.name, self._pause_after(chore))
            return True

    def _batch(self, chore: Chore) -> int:
        return retrying(lambda: chore.work(self._engine, self._settings, now()), BACKGROUND_SECONDS)

    def _pause_after(self, chore: Chore) -> timedelta:
        """Run batches of the chore until one finds nothing to do; returns the time until its next run."""
        try:
            while not self.stop.is_set() and self._batch(chore):
                pass
        except Exception as error:
            if isinstance(error, DBAPIError) and is_unreachable(error):
                raise
            # A chore that fails must not stop the others.
            logger.exception("a chore failed", extra={"chore": chore.name})
            return min(TRY_AGAIN, chore.every)
        return timedelta() if self.stop.is_set() else chore.every


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. What was missed while no clock ran is due at once."""
    clock = Clock(write_engine(settings, pool_size=3), settings, all_chores(settings))
    clock.stop.on_signals()
    while not clock.stop.is_set():
        try:
            clock.run_due()
        except DBAPIError as error:
            logger.warning("the clock waits for the database: %s", error)
        clock.stop.wait(TICK_SECONDS)
