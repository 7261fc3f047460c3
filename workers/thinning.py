"""Thin out old revisions, window by window: each hour once a day has passed since, each day once a month has."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Column, Connection, Engine, String, func, select
from sqlalchemy.dialects.mysql import insert

from domain.page import pages
from infra.database import BACKGROUND_SECONDS, Id, UtcDateTime, retrying, table
from infra.settings import Settings
from read_models.rebuilding import progress
from read_models.revisions import revisions
from read_models.thinning import Window, pages_in, thin_page

logger = logging.getLogger(__name__)

BATCH = 50

# How far each stage has come: ``page_id`` is the last page done in the window that begins at ``since``; of the lists of
# pages, the last event looked at.
thinning_marks = table(
    "thinning_marks",
    Column("stage", String(8, collation="ascii_bin"), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("page_id", Id, nullable=False),
)


@dataclass(frozen=True)
class Stage:
    """Revisions older than ``after`` are thinned to one in each window of this ``size``."""

    name: str
    after: timedelta
    size: timedelta

    def window(self, moment: datetime) -> Window:
        """The one that holds this moment; windows are aligned to the hour, or the day, in UTC."""
        begin = moment - (moment - datetime.min.replace(tzinfo=UTC)) % self.size
        return Window(begin, begin + self.size)


STAGES = (
    Stage("hours", after=timedelta(days=1), size=timedelta(hours=1)),
    Stage("days", after=timedelta(days=30), size=timedelta(days=1)),
)


def thin_revisions(engine: Engine, settings: Settings, at: datetime) -> int:
    """One batch of pages of each stage; 0 when all windows that have passed are done, and while a read model is being
    made anew: it may have read already what would leave the log here."""
    try:
        return sum(_batch(engine, stage, at) for stage in STAGES)
    except RebuildUnderWay:
        logger.info("nothing is thinned while a read model is being made anew")
        return 0


class RebuildUnderWay(Exception):
    pass


def _batch(engine: Engine, stage: Stage, at: datetime) -> int:
    with engine.begin() as connection:
        since, last = _mark(connection, stage)
        window = _next_window(connection, stage, since)
        page_ids = pages_in(connection, window, last, BATCH) if window else []
    if window is None or window.end > at - stage.after:
        return 0
    for page_id in page_ids:
        retrying(partial(_thin, engine, page_id, window), BACKGROUND_SECONDS)
    is_done = len(page_ids) < BATCH
    with engine.begin() as connection:
        _remember(connection, stage, window.end if is_done else window.begin, "" if is_done else page_ids[-1])
    return len(page_ids) + 1


def _thin(engine: Engine, page_id: str, window: Window) -> None:
    with engine.begin() as connection:
        if progress.are_under_way(connection):
            raise RebuildUnderWay
        query = select(pages.c.owner_id, pages.c.notebook_id).where(pages.c.id == page_id)
        page = connection.execute(query.with_for_update()).one_or_none()
        # Erased meanwhile, its revisions go with it.
        if page:
            thin_page(connection, page_id, page.owner_id, page.notebook_id, window)


def _mark(connection: Connection, stage: Stage) -> tuple[datetime, str]:
    query = select(thinning_marks.c.since, thinning_marks.c.page_id).where(thinning_marks.c.stage == stage.name)
    row = connection.execute(query).one_or_none()
    return (row.since, row.page_id) if row else (datetime(1970, 1, 1, tzinfo=UTC), "")


def _next_window(connection: Connection, stage: Stage, since: datetime) -> Window | None:
    """The first window from there on that holds a revision."""
    oldest = connection.scalar(select(func.min(revisions.c.created_at)).where(revisions.c.created_at >= since))
    return stage.window(oldest) if oldest else None


def _remember(connection: Connection, stage: Stage, since: datetime, page_id: str) -> None:
    row = {"since": since, "page_id": page_id}
    statement = insert(thinning_marks).values(stage=stage.name, **row)
    connection.execute(statement.on_duplicate_key_update(**row))
