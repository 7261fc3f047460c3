"""Lists of notebooks: one's own, one's trash, and all that are published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Select, and_, bindparam, func, not_, select

from events import outstanding
from events.subscriptions import UPDATE_VIEWS
from infra.database import Id
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.published import published_notebooks

_TOTAL, _BEHIND = "rows_in_all", "is_behind"


@dataclass(frozen=True)
class Slice:
    """One page of a list: its rows, and how many there are in all. ``may_be_behind``: the owner may have changed
    something that it does not show."""

    rows: list[dict[str, Any]]
    total: int
    may_be_behind: bool = True


class Listing(NamedTuple):
    """``rows`` tell, beside themselves, how many there are in all; ``total`` tells that alone."""

    rows: Select[Any]
    total: Select[Any]


# All that is told of a notebook in a list is made of these and its owner's profile; the id comes first.
_MADE_OF = [
    notebook_views.c[name]
    for name in (
        *("notebook_id", "version", "builder_version", "page_count", "word_count"),
        *("has_unpublished_changes", "changed_at"),
    )
]
# As one column: a driver that is written in Python takes as long for each as for the rest of a short row.
_STATE = func.concat_ws("|", *(func.coalesce(column, "") for column in _MADE_OF)).label("state")


def _listing(query: Select[Any], order: tuple[Any, ...], counted: Select[Any] | None = None) -> Listing:
    count = select(func.count()).select_from((query if counted is None else counted).subquery())
    rows = query.add_columns(count.scalar_subquery().label(_TOTAL)).order_by(*order)
    return Listing(rows.limit(bindparam("most", type_=Integer)).offset(bindparam("first", type_=Integer)), count)


def _own(trashed: bool) -> Listing:
    columns = notebook_views.c
    in_trash = columns.trashed_at.is_not(None) if trashed else columns.trashed_at.is_(None)
    owner = bindparam("owner", type_=Id)
    # Asked in passing, where a question of its own would be a second round trip for each list.
    behind = outstanding.is_behind(UPDATE_VIEWS, owner).label(_BEHIND)
    query = select(_STATE).where(columns.owner_id == owner, columns.version > 0, in_trash)
    order = (columns.changed_at.desc(), columns.notebook_id.desc())
    return _listing(query.add_columns(behind), order, counted=query)


# Built once: that takes longer than to ask.
_OWN = {trashed: _own(trashed) for trashed in (False, True)}


def own(connection: Connection, owner_id: str, trashed: bool, page: int, per_page: int) -> Slice:
    """The owner's notebooks, newest change first: ``state`` of each, which names what it looks like in a list."""
    return _slice(connection, _OWN[trashed], {"owner": owner_id}, page, per_page)


def in_states(connection: Connection, states: Sequence[str]) -> list[dict[str, Any]]:
    """The notebooks that were in these states, each with its ``state`` now, which may be a later one."""
    if not states:
        return []
    ids = [state.partition("|")[0] for state in states]
    query = select(notebook_views, _STATE).where(notebook_views.c.notebook_id.in_(ids))
    return [dict(row) for row in connection.execute(query).mappings()]


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
    return _slice(connection, _listing(query, order, counted), {}, page, per_page)


def _slice(connection: Connection, listing: Listing, given: dict[str, Any], page: int, per_page: int) -> Slice:
    place = {"most": per_page, "first": (page - 1) * per_page}
    found = connection.execute(listing.rows, given | place)
    names = tuple(found.keys())
    rows = [dict(zip(names, row, strict=True)) for row in found]
    totals = [row.pop(_TOTAL) for row in rows]
    behind = [row.pop(_BEHIND, True) for row in rows]
    # Behind the last page no row tells it.
    total = totals[0] if totals else connection.scalar(listing.total, given) if page > 1 else 0
    return Slice(rows, total or 0, any(behind) or not rows)
