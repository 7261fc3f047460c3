"""What the clock does with the trash: what has lain there long enough is erased for good."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from domain import erasure
from domain.aggregate import Aggregate
from domain.erasure import Erasure
from domain.errors import NotFound
from domain.notebook import Notebook, notebooks
from domain.page import Page, pages
from domain.unit_of_work import UnitOfWork
from infra import crash

# Each is a row of the log with the whole state of a page or notebook.
BATCH = 200


@dataclass(frozen=True)
class PurgePage:
    page_id: str
    trashed_before: datetime


def purge_page(command: PurgePage, uow: UnitOfWork) -> None:
    """Begin to erase a page; restored or gone meanwhile, it is left alone."""
    page = _still_trashed(uow, Page, command.page_id, command.trashed_before)
    if page:
        erasure.request(uow.connection, _of_page(vars(page), uow.now))
        uow.connection.execute(delete(pages).where(pages.c.id == page.id))


@dataclass(frozen=True)
class PurgeNotebook:
    notebook_id: str
    trashed_before: datetime


def purge_notebook(command: PurgeNotebook, uow: UnitOfWork) -> None:
    """Begin to erase a notebook with all its pages, those in the trash included."""
    notebook = _still_trashed(uow, Notebook, command.notebook_id, command.trashed_before)
    if notebook is None:
        return
    mine = pages.c.notebook_id == notebook.id
    # Whoever saves a page at this moment has locked its row; what they save goes too.
    columns = (pages.c.id, pages.c.owner_id, pages.c.notebook_id, pages.c.version)
    found = uow.connection.execute(select(*columns).where(mine).order_by(pages.c.id).with_for_update()).mappings()
    own = {"id": notebook.id, "notebook_id": notebook.id, "owner_id": notebook.owner_id, "version": notebook.version}
    erasure.request(
        uow.connection,
        *(_of_page(row, uow.now) for row in found),
        Erasure(kind=erasure.NOTEBOOK, requested_at=uow.now, **own),
    )
    uow.connection.execute(delete(pages).where(mine))
    uow.connection.execute(delete(notebooks).where(notebooks.c.id == notebook.id))


def _still_trashed(uow: UnitOfWork, kind: type[Any], aggregate_id: str, before: datetime) -> Any:
    try:
        found: Aggregate = uow.get(kind, aggregate_id)
    except NotFound:
        return None
    trashed_at = getattr(found, "trashed_at", None)
    return found if trashed_at and trashed_at <= before else None


def _of_page(row: Any, at: datetime) -> Erasure:
    same = {name: row[name] for name in ("id", "owner_id", "notebook_id", "version")}
    return Erasure(kind=erasure.PAGE, requested_at=at, **same)


@dataclass(frozen=True)
class EraseSome:
    """Go on with the oldest erasure."""


def erase_some(command: EraseSome, uow: UnitOfWork) -> int:
    """The number of events erased, plus one for the final event once nothing is left; 0 when there is no erasure to
    do."""
    wanted = erasure.next_one(uow.connection)
    if wanted is None:
        return 0
    taken = erasure.erase_some(uow.connection, wanted, BATCH)
    crash.point("erasure begun")
    if taken == BATCH:
        return taken
    erasure.finish(uow.connection, wanted)
    fact = wanted.fact()
    uow.record(wanted.id, wanted.version + 1, fact)
    return taken + 1
