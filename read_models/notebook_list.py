"""Lists of notebooks: one's own, one's trash, and all that are published."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, func, not_, select

from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.published import published_notebooks


@dataclass(frozen=True)
class Slice:
    """One page of a list: its rows, and how many there are in all."""

    rows: list[dict[str, Any]]
    total: int


def own(connection: Connection, owner_id: str, trashed: bool, page: int, per_page: int) -> Slice:
    """The owner's notebooks, newest change first."""
    columns = notebook_views.c
    in_trash = columns.trashed_at.is_not(None) if trashed else columns.trashed_at.is_(None)
    query = select(notebook_views).where(columns.owner_id == owner_id, columns.version > 0, in_trash)
    return slice_of(connection, query, (columns.changed_at.desc(), columns.notebook_id.desc()), page, per_page)


def public(connection: Connection, withdrawn: Mapping[str, int], page: int, per_page: int) -> Slice:
    """All that is published, newest publication first, less what was withdrawn a moment ago.

    ``withdrawn``: at which version; what is shown of a later one was published again.
    """
    columns = published_notebooks.c
    query = select(published_notebooks).where(columns.published_at.is_not(None))
    query = query.where(
        *(not_(and_(columns.notebook_id == each, columns.version < version)) for each, version in withdrawn.items())
    )
    return slice_of(connection, query, (columns.published_at.desc(), columns.notebook_id.desc()), page, per_page)


def trashed_pages(connection: Connection, view: dict[str, Any], page: int, per_page: int) -> Slice:
    """The pages that can be restored, newest change first, without their texts."""
    columns = page_views.c
    chosen = [column for column in page_views.columns if column.name != "content"]
    gone = (columns.notebook_id == view["notebook_id"], columns.page_id.not_in(view["page_ids"]))
    return slice_of(
        connection, select(*chosen).where(*gone), (columns.updated_at.desc(), columns.page_id), page, per_page
    )


def slice_of(
    connection: Connection,
    query: Select[Any],
    order: tuple[Any, ...],
    page: int,
    per_page: int,
    counted: Select[Any] | None = None,
) -> Slice:
    """One page of any query, with the exact total; ``counted`` has as many rows, and an index tells all of them."""
    rows = query if counted is None else counted
    total = connection.scalar(select(func.count()).select_from(rows.subquery()))
    chosen = query.order_by(*order).limit(per_page).offset((page - 1) * per_page)
    return Slice([dict(row) for row in connection.execute(chosen).mappings()], total or 0)
