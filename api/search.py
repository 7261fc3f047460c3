"""Search in what the caller may see."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import Connection

from api import presenters
from api.auth import maybe_actor
from api.http import page_of
from api.schemas import search as schemas
from api.services import services
from domain.errors import WrongCredentials
from events import deliveries
from events.subscriptions import INDEX_SEARCH
from infra.clock import now
from infra.database import retrying
from read_models import profiles
from read_models.search.hits import Audience, SearchResult
from read_models.search.hits import search as find_pages
from read_models.search.query import parse_query

blueprint = APIBlueprint("search", __name__)


@blueprint.get("/search")
@blueprint.input(schemas.SearchQuery, location="query")
@blueprint.output(schemas.HitList)
def search(query_data: dict[str, Any]) -> Response:
    """Find pages: what is published, and one's own drafts"""
    who = maybe_actor()
    if query_data["scope"] == "mine" and who is None:
        raise WrongCredentials("Sign in to search in your drafts.")
    return retrying(lambda: _found(query_data, who.user_id if who else None))


def _found(wanted: dict[str, Any], viewer_id: str | None) -> Response:
    with services().reading.connect() as connection:
        result = _search(connection, wanted, viewer_id)
        authors = profiles.load_many(connection, {item.author_id for item in result.items})
        freshness = _freshness(connection)
    items = [_hit(item, presenters.author(authors[item.author_id])) for item in result.items]
    more = {"freshness": freshness} | ({"total_capped": True} if result.total_capped else {})
    return page_of(items, result.total, wanted["page"], wanted["per_page"], **more)


def _search(connection: Connection, wanted: dict[str, Any], viewer_id: str | None) -> SearchResult:
    # Read before the search itself: what is withdrawn later was not yet acknowledged when the request came.
    withdrawn = deliveries.withdrawals(connection, INDEX_SEARCH)
    audience = Audience(
        viewer_id=viewer_id,
        scope=wanted["scope"],
        notebook_id=wanted["notebook_id"],
        author_id=wanted["author_id"],
        hidden_notebook_ids=withdrawn,
        hidden_page_ids=withdrawn,
    )
    return find_pages(connection, parse_query(wanted["q"]), audience, wanted["page"], wanted["per_page"])


def _freshness(connection: Connection) -> dict[str, Any]:
    pending, oldest = deliveries.backlog(connection, INDEX_SEARCH)
    lag = (now() - oldest).total_seconds() if oldest else 0.0
    return {"pending_events": pending, "lag_seconds": round(max(lag, 0.0), 3)}


def _hit(item: Any, author: dict[str, Any]) -> dict[str, Any]:
    return schemas.Hit().dump({**vars(item), "author": author})  # type: ignore[no-any-return]
