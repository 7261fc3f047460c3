"""Search in what the viewer may see."""

from typing import Any

from sqlalchemy import Connection

from events import outstanding
from events.notebooks import NotebookUnpublished
from events.subscriptions import INDEX_SEARCH
from infra.clock import now
from infra.database import retried
from queries.answer import Answer, Shape, listing
from queries.reads import Reads
from queries.viewer import Viewer
from read_models import profiles
from read_models.search import hits
from read_models.search.query import parse_query
from read_models.search.rights import Audience


@retried
def search(reads: Reads, viewer: Viewer, wanted: dict[str, Any], shape: Shape) -> Answer:
    """``wanted``: ``q``, ``scope``, ``notebook_id``, ``author_id``, ``page``, ``per_page``."""
    with reads.current.connection() as connection:
        result = _find(connection, viewer, wanted)
        authors = profiles.load_many(connection, {item.author_id for item in result.items})
        freshness = _freshness(connection)
    items = [shape.present(item, authors[item.author_id]) for item in result.items]
    more = {"freshness": freshness} | ({"total_capped": True} if result.total_capped else {})
    is_public = viewer.user_id is None
    return listing(items, result.total, wanted["page"], wanted["per_page"], is_public, **more)


def _find(connection: Connection, viewer: Viewer, wanted: dict[str, Any]) -> hits.SearchResult:
    # Read before the search itself: what is withdrawn later was not yet acknowledged when the request came.
    withdrawn = outstanding.withdrawals(connection, INDEX_SEARCH)
    # Unpublished, a notebook is still there for its author.
    trashed = outstanding.withdrawals(connection, INDEX_SEARCH, but=(NotebookUnpublished.name,)) if withdrawn else {}
    audience = Audience(
        viewer_id=viewer.user_id,
        scope=wanted["scope"],
        notebook_id=wanted["notebook_id"],
        author_id=wanted["author_id"],
        withdrawn=withdrawn,
        trashed=trashed,
    )
    return hits.search(connection, parse_query(wanted["q"]), audience, wanted["page"], wanted["per_page"])


def _freshness(connection: Connection) -> dict[str, Any]:
    pending, oldest = outstanding.backlog(connection, INDEX_SEARCH)
    lag = (now() - oldest).total_seconds() if oldest else 0.0
    return {"pending_events": pending, "lag_seconds": round(max(lag, 0.0), 3)}
