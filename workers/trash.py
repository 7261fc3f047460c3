"""Empty the trash: what has lain there for ``TRASH_DAYS`` is erased for good (docs/revisions.md)."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, Table, select

from domain.commands import trash
from domain.notebook import notebooks
from domain.page import pages
from domain.unit_of_work import Cause, perform
from infra.clock import new_id
from infra.database import BACKGROUND_SECONDS
from infra.settings import Settings

BATCH = 50


def empty_trash(engine: Engine, settings: Settings, at: datetime) -> int:
    """One batch of each step; each step of each batch is a transaction of its own."""
    before = at - timedelta(days=settings.trash_days)
    cause = Cause(None, new_id())
    # Notebooks first: their pages go with them.
    old_notebooks = _long_in_trash(engine, notebooks, before)
    for notebook_id in old_notebooks:
        _do(engine, cause, trash.purge_notebook, trash.PurgeNotebook(notebook_id, before))
    old_pages = _long_in_trash(engine, pages, before)
    for page_id in old_pages:
        _do(engine, cause, trash.purge_page, trash.PurgePage(page_id, before))
    return len(old_notebooks) + len(old_pages) + int(_do(engine, cause, trash.erase_some, trash.EraseSome()) or 0)


def _do(engine: Engine, cause: Cause, handler: Any, command: object) -> Any:
    return perform(engine, cause, partial(handler, command), BACKGROUND_SECONDS)


def _long_in_trash(engine: Engine, kind: Table, before: datetime) -> list[str]:
    query = select(kind.c.id).where(kind.c.trashed_at <= before).order_by(kind.c.trashed_at).limit(BATCH)
    with engine.begin() as connection:
        return list(connection.scalars(query))
