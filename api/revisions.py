"""The history of a page, for its author alone."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import Connection

from api import resources
from api.auth import actor
from api.http import PRIVATE, conditional, encode, etag_of, page_of
from api.schemas import pages as schemas
from api.schemas.fields import ListQuery
from api.services import services
from domain.errors import NotFound
from events import log
from events.notebooks import NotebookFact
from events.pages import PageFact
from infra.database import retrying
from read_models import revisions

blueprint = APIBlueprint("revisions", __name__)


@blueprint.get("/pages/<page_id>/revisions")
@blueprint.input(ListQuery, location="query")
@blueprint.output(schemas.RevisionList)
@blueprint.doc(responses=[404])
def list_revisions(page_id: str, query_data: dict[str, Any]) -> Response:
    """The revisions of a page without their texts, newest first"""
    place = query_data["page"], query_data["per_page"]
    return retrying(lambda: _listing(page_id, *place))


def _listing(page_id: str, page: int, per_page: int) -> Response:
    user_id = actor().user_id
    with services().reading.connect() as connection:
        require_own_live_page(connection, page_id, user_id)
        found = revisions.of_page(connection, page_id, user_id, page, per_page)
    author = resources.author(resources.profile_of(user_id))
    items = schemas.Revision(many=True).dump([{**row, "author": author} for row in found.rows])
    return page_of(items, found.total, page, per_page)


@blueprint.get("/pages/<page_id>/revisions/<revision_id>")
@blueprint.output(schemas.RevisionWithText)
@blueprint.doc(responses=[404])
def get_revision(page_id: str, revision_id: str) -> Response:
    """One revision with its text"""
    user_id = actor().user_id
    row = retrying(lambda: _load(page_id, revision_id, user_id))
    author = resources.author(resources.profile_of(user_id))
    body = encode(schemas.RevisionWithText().dump({**row, "author": author}))
    return conditional(body, etag_of(body), PRIVATE)


def _load(page_id: str, revision_id: str, user_id: str) -> dict[str, Any]:
    with services().reading.connect() as connection:
        require_own_live_page(connection, page_id, user_id)
        row = revisions.load(connection, page_id, revision_id, user_id)
    if row is None:
        raise NotFound("This page has no such revision.")
    return row


def require_own_live_page(connection: Connection, page_id: str, user_id: str) -> None:
    """
    Raises:
        NotFound: the page is absent, someone else's, or in the trash.
    """
    page = log.newest(connection, page_id)
    if page and isinstance(page.fact, PageFact) and page.fact.owner_id == user_id:
        notebook = log.newest(connection, page.fact.notebook_id)
        if notebook and isinstance(notebook.fact, NotebookFact) and _holds(notebook.fact, page_id):
            return
    raise NotFound("There is no such page.")


def _holds(notebook: NotebookFact, page_id: str) -> bool:
    return notebook.trashed_at is None and page_id in notebook.page_ids
