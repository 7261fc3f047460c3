"""The clock: chores that are due by time. A row lock in MySQL sees to it that two clocks never run one chore twice."""

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Engine, String, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import DBAPIError

from domain import receipts
from infra.clock import now
from infra.database import UtcDateTime, table, write_engine
from infra.settings import Settings

logger = logging.getLogger(__name__)

TICK_SECONDS = 5.0
BATCH = 1000

chores = table(
    "chores",
    Column("name", String(40, collation="ascii_bin"), primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Chore:
    """``work`` does one small batch and answers how much it did; it is called until that is 0."""

    name: str
    every: timedelta
    work: Callable[[Connection, datetime], int]


def purge_receipts(connection: Connection, at: datetime) -> int:
    return receipts.purge(connection, at - receipts.KEEP, BATCH)


CHORES = (Chore("purge-receipts", timedelta(hours=1), purge_receipts),)


def run_due(engine: Engine, chores_to_run: tuple[Chore, ...] = CHORES) -> list[str]:
    """Run each chore that is due and not being run by another clock; the names of those that ran."""
    return [chore.name for chore in chores_to_run if _run_if_due(engine, chore)]


def _run_if_due(engine: Engine, chore: Chore) -> bool:
    with engine.begin() as connection:
        connection.execute(insert(chores).prefix_with("IGNORE").values(name=chore.name, due_at=now()))
    # The lock is held while the batches, with transactions of their own, are done: a second clock skips the row.
    with engine.begin() as holding:
        query = select(chores.c.due_at).where(chores.c.name == chore.name).with_for_update(skip_locked=True)
        due_at = holding.scalar(query)
        if due_at is None or due_at > now():
            return False
        _work(engine, chore)
        holding.execute(update(chores).where(chores.c.name == chore.name).values(due_at=now() + chore.every))
        return True


def _work(engine: Engine, chore: Chore) -> None:
    done = -1
    while done:
        with engine.begin() as connection:
            done = chore.work(connection, now())


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. What was missed while no clock ran is due at once."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = write_engine(settings, pool_size=2)
    while not stop.is_set():
        try:
            run_due(engine)
        except DBAPIError as error:
            logger.warning("the clock waits for the database: %s", error)
        stop.wait(TICK_SECONDS)
