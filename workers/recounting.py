"""Count a user's texts anew, when something of theirs has gone (docs/adr/0031)."""

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, select

from domain.notebook import notebooks
from domain.page import pages
from events import outstanding, usage
from events.accounts import ProfileEdited
from events.log import events
from events.pages import RevisionLabelled, history_of
from events.subscriptions import CUT_REVISIONS, UPDATE_VIEWS
from infra.database import BACKGROUND_SECONDS, retrying
from infra.settings import Settings
from read_models.published import published_pages
from read_models.revisions import revisions
from workers.page_lists import KINDS as PAGE_LISTS

BATCH = 20
# A user may have a gigabyte, which is read for this. However many ask for it, it takes no more of the machine: the rest
# waits for the next run.
SECONDS = 5.0


def recount_texts(engine: Engine, settings: Settings, at: datetime) -> int:
    """Count those who are due; always 0, since who could not be counted now is tried in the next run."""
    until = time.monotonic() + SECONDS
    with engine.begin() as connection:
        due = usage.due(connection, at, BATCH)
    for owner_id, changes in due:
        if time.monotonic() > until:
            break
        retrying(partial(_recount, engine, owner_id, changes), BACKGROUND_SECONDS)
    return 0


def _recount(engine: Engine, owner_id: str, changes: int) -> None:
    # Nothing is locked, and each statement sees what is committed when it begins. Who saves meanwhile is either counted
    # on top of this later, or has overtaken it.
    with engine.begin() as connection:
        owed = any(outstanding.not_seen_by(connection, each, owner_id) for each in (CUT_REVISIONS, UPDATE_VIEWS))
        total = 0 if owed else bytes_kept(connection, owner_id)
    with engine.begin() as connection:
        if owed or not usage.recounted(connection, owner_id, total, changes):
            usage.put_off(connection, owner_id)


def bytes_kept(connection: Connection, owner_id: str) -> int:
    """Of drafts, published texts and revisions; and of what the log tells of notebooks, labels and the profile."""
    mine = list(connection.scalars(select(notebooks.c.id).where(notebooks.c.owner_id == owner_id)))
    told = _told(connection, [owner_id], events.c.type == ProfileEdited.name)
    return told + sum(_of_notebook(connection, notebook_id) for notebook_id in mine)


def _of_notebook(connection: Connection, notebook_id: str) -> int:
    page_ids = list(connection.scalars(select(pages.c.id).where(pages.c.notebook_id == notebook_id)))
    histories = [history_of(page_id) for page_id in page_ids]
    return (
        _sum(connection, _texts(pages).where(pages.c.notebook_id == notebook_id))
        + _sum(connection, _texts(published_pages).where(published_pages.c.notebook_id == notebook_id))
        + _sum(connection, _texts(revisions).where(revisions.c.page_id.in_(page_ids)))
        + _told(connection, [notebook_id], events.c.type.not_in(PAGE_LISTS))
        + _told(connection, histories, events.c.type == RevisionLabelled.name)
    )


def _texts(kept: Table) -> Select[Any]:
    return select(func.sum(func.octet_length(kept.c.title) + func.octet_length(kept.c.content)))


def _told(connection: Connection, streams: Sequence[str], chosen: ColumnElement[bool]) -> int:
    query = select(func.sum(func.octet_length(events.c.payload))).where(events.c.aggregate_id.in_(streams), chosen)
    return _sum(connection, query)


def _sum(connection: Connection, query: Select[Any]) -> int:
    return int(connection.scalar(query) or 0)
