"""Take superseded lists of pages out of the log (docs/adr/0025).

Each event of a notebook carries the whole list of its pages, as an after-image must, so a notebook of n pages that came
one by one leaves n lists. Only the views hear of these kinds, and they are made from the newest event alone.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.mysql import insert

from events import log, outstanding
from events.notebooks import PageAdded, PagesReordered
from infra.settings import Settings
from read_models.rebuilding import progress
from workers.thinning import thinning_marks

KINDS = (PageAdded.name, PagesReordered.name)
# By then the views have seen them, and late commits are visible.
AFTER = timedelta(hours=1)
# Events looked at in one transaction, of whatever kind.
BATCH = 2000
STAGE = "lists"


def thin_page_lists(engine: Engine, settings: Settings, at: datetime) -> int:
    """One stretch of the log; the number of events looked at: 0 at its end, and while a read model is made anew."""
    with engine.begin() as connection:
        if progress.are_under_way(connection):
            return 0
        seen = log.ids_between(connection, _mark(connection), at - AFTER, BATCH)
        if seen:
            log.erase(connection, _superseded(connection, seen[0], seen[-1]))
            _remember(connection, seen[-1], at)
        return len(seen)


def _superseded(connection: Connection, first: str, last: str) -> list[str]:
    lists = log.of_kinds(connection, KINDS, first, last)
    newest = log.newest_versions(connection, {each.aggregate_id for each in lists}) if lists else {}
    old = [each.id for each in lists if each.version < newest[each.aggregate_id]]
    # Parked events stay, for an operator to look at.
    owed = outstanding.owed_among(connection, old)
    return [event_id for event_id in old if event_id not in owed]


def _mark(connection: Connection) -> str:
    """The last event that was looked at."""
    return connection.scalar(select(thinning_marks.c.page_id).where(thinning_marks.c.stage == STAGE)) or ""


def _remember(connection: Connection, event_id: str, at: datetime) -> None:
    row = {"since": at, "page_id": event_id}
    connection.execute(insert(thinning_marks).values(stage=STAGE, **row).on_duplicate_key_update(**row))
