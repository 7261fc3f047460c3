"""Pages: write, read, trash; and their revisions."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api import presenters, replies
from api.auth import maybe_actor
from api.door import carry_out
from api.http import PRIVATE, PUBLIC, conditional, encode, expected_version
from api.openapi_rules import refusals
from api.publications import make_known, publication
from api.replica import read_settled
from api.schemas import pages as schemas
from api.services import Rendered, services
from domain.commands import pages
from domain.errors import NotFound
from events import log
from events.notebooks import NotebookFact
from infra.database import retrying
from read_models import page_view, published

blueprint = APIBlueprint("pages", __name__)


@blueprint.post("/notebooks/<notebook_id>/pages")
@blueprint.input(schemas.PageIn)
@blueprint.output(schemas.Page, status_code=201)
@blueprint.doc(responses=[403, 404])
def create_page(notebook_id: str, json_data: dict[str, Any]) -> Response:
    """Add a page"""
    command = pages.CreatePage(notebook_id, **json_data)
    return carry_out(pages.create_page, command, replies.page_created)


@blueprint.put("/notebooks/<notebook_id>/pages/<page_id>")
@blueprint.input(schemas.PageChanges)
@blueprint.output(schemas.Page)
@blueprint.doc(responses=refusals(403, stale=schemas.StalePage))
def edit_page(notebook_id: str, page_id: str, json_data: dict[str, Any]) -> Response:
    """Save a page; the answer's version and hash are the receipt"""
    window = timedelta(seconds=services().settings.autosave_revision_seconds)
    command = pages.EditPage(
        notebook_id,
        page_id,
        json_data.get("title"),
        json_data.get("content"),
        expected_version(),
        window if json_data["autosave"] else None,
    )
    return carry_out(pages.edit_page, command, replies.page_edited)


@blueprint.delete("/notebooks/<notebook_id>/pages/<page_id>")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=[403, 404])
def trash_page(notebook_id: str, page_id: str) -> Response:
    """Put a page into the trash"""
    command = pages.TrashPage(notebook_id, page_id)
    answer = carry_out(pages.trash_page, command, replies.nothing)
    make_known(notebook_id)
    return answer


@blueprint.post("/notebooks/<notebook_id>/pages/<page_id>/restore")
@blueprint.output(schemas.Page)
@blueprint.doc(responses=[403, 404, 409])
def restore_page(notebook_id: str, page_id: str) -> Response:
    """Take a page out of the trash, as the last one"""
    command = pages.RestorePage(notebook_id, page_id)
    return carry_out(pages.restore_page, command, replies.page)


@blueprint.get("/notebooks/<notebook_id>/pages/<page_id>")
@blueprint.input(schemas.PageQuery, location="query")
@blueprint.output(schemas.Page)
@blueprint.doc(responses=[404])
def get_page(notebook_id: str, page_id: str, query_data: dict[str, Any]) -> Response:
    """A page: the draft for its author, the published version for everyone else"""
    who = maybe_actor()
    if who and query_data["view"] == "draft":
        draft = retrying(lambda: _draft(notebook_id, page_id))
        if draft and draft.owner_id == who.user_id:
            return conditional(draft.body, draft.etag, PRIVATE)
    shown = _published(notebook_id, page_id)
    return conditional(shown.body, shown.etag, PRIVATE if who else PUBLIC)


def _draft(notebook_id: str, page_id: str) -> Rendered | None:
    """The draft at its newest version. What is cached under a version never changes, so one look at the log, for two
    versions, makes a cached answer the newest one."""
    here = services()
    versions = here.versions.get(page_id, notebook_id)
    if not all(versions):
        return None
    key = ("page", notebook_id, page_id, *versions)
    return here.rendered.get(key, lambda: _render_draft(notebook_id, page_id, versions[0]))


def _render_draft(notebook_id: str, page_id: str, version: int) -> Rendered:
    with services().reading.connect() as connection:
        event = log.newest(connection, notebook_id)
        row = page_view.load(connection, page_id, version)
    fact = event.fact if event else None
    if row is None or not isinstance(fact, NotebookFact) or row["notebook_id"] != notebook_id:
        raise NotFound("This notebook has no such page.")
    if fact.trashed_at or page_id not in fact.page_ids:
        # For its author; to anyone else the answer is the same, word for word.
        raise NotFound("This notebook has no such page.")
    order = fact.page_ids.index(page_id) + 1
    return Rendered(
        encode(presenters.page_row(row, order)), presenters.draft_etag(row["version"], order), row["owner_id"]
    )


def _published(notebook_id: str, page_id: str) -> Rendered:
    here = services()
    fact, shown = publication(notebook_id)
    places = here.places.get((notebook_id, fact.version), lambda: _places(shown.pages))
    if page_id not in places:
        raise NotFound("This notebook has no such page.")
    order, version = places[page_id]
    key = ("published page", notebook_id, page_id, version, order)
    return here.rendered.get(key, lambda: _rendered_published(notebook_id, page_id, version, order))


def _places(listed: Any) -> dict[str, tuple[int, int]]:
    return {page.id: (order, page.version) for order, page in enumerate(listed, start=1)}


def _rendered_published(notebook_id: str, page_id: str, version: int, order: int) -> Rendered:
    name = f"page:{notebook_id}:{page_id}:{version}:{order}"
    body = services().shared.answer(name)
    if body is None:
        body = retrying(lambda: _render_published(notebook_id, page_id, version, order))
        services().shared.put_answer(name, body)
    return Rendered(body, f'"p{version}-{order}"', "")


def _render_published(notebook_id: str, page_id: str, version: int, order: int) -> bytes:
    row = read_settled(lambda connection: published.load_page(connection, notebook_id, page_id, version))
    if row is None:
        raise LookupError(f"page {page_id} has no version {version} in the log")
    return encode(presenters.page_row(row, order))
