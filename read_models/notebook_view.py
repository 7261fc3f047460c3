"""A notebook as its author sees it: its fields, its live pages, and what has changed since it was published.

Counts are made anew from the page views whenever one of them changes, under a lock on the notebook's row: two workers
that each saw only their own page would otherwise both be wrong.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Integer, String, bindparam, delete, select, update
from sqlalchemy.dialects.mysql import insert

from events.notebooks import NotebookFact, Publication, PublishedPage
from infra.database import Id, IdList, Json, LongText, UtcDateTime, table
from read_models.page_view import page_views
from read_models.projection import newest_wins

BUILDER = 1

notebook_views = table(
    "notebook_views",
    Column("notebook_id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", String(200), nullable=False, server_default=""),
    Column("description", LongText),
    Column("metadata", Json()),
    Column("page_ids", IdList),
    Column("publication", Json(Publication)),
    Column("trashed_at", UtcDateTime),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Column("builder_version", Integer, nullable=False, server_default="0"),
    # Recounted, not projected.
    Column("page_count", Integer, nullable=False, server_default="0"),
    Column("word_count", Integer, nullable=False, server_default="0"),
    Column("has_unpublished_changes", Boolean, nullable=False, server_default="0"),
    Column("changed_at", UtcDateTime),
    Index("ix_notebook_views_owner", "owner_id", "changed_at"),
)
_COUNTED = ("page_count", "word_count", "has_unpublished_changes", "changed_at")
_PROJECTED = [column.name for column in notebook_views.columns if column.name not in (*_COUNTED, "builder_version")]


def lock(connection: Connection, owners: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Lock the rows of these notebooks (``{notebook id: owner id}``), making empty ones where there are none yet;
    answers the version that each row is made from and its builder's, zeros for an empty one."""
    if not owners:
        return {}
    stubs = [{"notebook_id": each, "owner_id": owners[each], "version": 0} for each in sorted(owners)]
    # On an existing row INSERT IGNORE takes a shared lock: two workers would both hold it and deadlock upgrading.
    connection.execute(insert(notebook_views).on_duplicate_key_update(version=notebook_views.c.version), stubs)
    columns = notebook_views.c
    query = select(columns.notebook_id, columns.version, columns.builder_version)
    locked = connection.execute(query.where(columns.notebook_id.in_(sorted(owners))))
    return {row.notebook_id: (row.version, row.builder_version) for row in locked}


def project(connection: Connection, facts: Iterable[NotebookFact]) -> None:
    rows = [{name: getattr(fact, name) for name in _PROJECTED} | {"builder_version": BUILDER} for fact in facts]
    newest_wins(connection, notebook_views, rows, leave=_COUNTED)


def recount(connection: Connection, notebook_ids: Iterable[str]) -> None:
    """Make the counts of these notebooks anew; their rows are locked by the caller."""
    chosen = sorted(notebook_ids)
    if not chosen:
        return
    pages = _pages_by_notebook(connection, chosen)
    views = connection.execute(select(notebook_views).where(notebook_views.c.notebook_id.in_(chosen))).mappings()
    counted = [_counts(dict(view), pages.get(view["notebook_id"], {})) for view in views if view["version"]]
    if counted:
        key = notebook_views.c.notebook_id == bindparam("key")
        connection.execute(update(notebook_views).where(key), counted)


def _pages_by_notebook(connection: Connection, notebook_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    columns = page_views.c
    query = select(columns.notebook_id, columns.page_id, columns.version, columns.word_count, columns.updated_at)
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query.where(columns.notebook_id.in_(notebook_ids))):
        found.setdefault(row.notebook_id, {})[row.page_id] = row
    return found


def _counts(view: dict[str, Any], pages: dict[str, Any]) -> dict[str, Any]:
    live = [pages[page_id] for page_id in view["page_ids"] if page_id in pages]
    return {
        "key": view["notebook_id"],
        "page_count": len(view["page_ids"]),
        "word_count": sum(page.word_count for page in live),
        "has_unpublished_changes": _differs(view, live),
        "changed_at": max([view["updated_at"], *(page.updated_at for page in live)]),
    }


def _differs(view: dict[str, Any], live: Sequence[Any]) -> bool:
    """Whether readers see something else than the author. What was never published differs in nothing."""
    shown: Publication | None = view["publication"]
    drafts = tuple(PublishedPage(id=page.page_id, version=page.version) for page in live)
    return shown is not None and not shown.shows(view["title"], view["description"], view["metadata"], drafts)


def forget(connection: Connection, notebook_ids: Sequence[str]) -> None:
    for notebook_id in notebook_ids:
        connection.execute(delete(notebook_views).where(notebook_views.c.notebook_id == notebook_id))


def load(connection: Connection, notebook_id: str) -> dict[str, Any] | None:
    """The row, None when there is none or it is still empty."""
    query = select(notebook_views).where(notebook_views.c.notebook_id == notebook_id, notebook_views.c.version > 0)
    row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def load_pages(connection: Connection, view: dict[str, Any]) -> list[dict[str, Any]]:
    """``{id, title, order, version, word_count, updated_at}`` of the live pages, in order."""
    columns = page_views.c
    query = select(
        columns.page_id.label("id"), columns.title, columns.version, columns.word_count, columns.updated_at
    ).where(columns.notebook_id == view["notebook_id"])
    found = {row["id"]: row for row in connection.execute(query).mappings()}
    live = [page_id for page_id in view["page_ids"] if page_id in found]
    return [{**found[page_id], "order": place} for place, page_id in enumerate(live, start=1)]
