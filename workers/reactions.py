"""Which function carries out which reaction."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from events.event import Event
from events.subscriptions import CUT_REVISIONS, INDEX_SEARCH, UPDATE_VIEWS
from workers.projections import update_views
from workers.revisions import cut_revisions
from workers.search import index_search

REACTIONS: dict[str, Callable[[Connection, Sequence[Event]], None]] = {
    UPDATE_VIEWS: update_views,
    CUT_REVISIONS: cut_revisions,
    INDEX_SEARCH: index_search,
}
