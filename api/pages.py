"""Pages: write, read, trash; and their revisions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api import presenters, replies
from api.auth import actor, viewer
from api.door import carry_out
from api.http import answered, expected_version, takes_query
from api.openapi_rules import refusals
from api.schemas import pages as schemas
from api.services import reads, services
from domain.commands import pages
from queries.pages import read_page, trashed_pages

blueprint = APIBlueprint("pages", __name__)
# Of a stale edit. While the first is made the page may move on; more would let one request cost too much.
MERGES = 2


@blueprint.post("/notebooks/<notebook_id>/pages")
@blueprint.input(schemas.PageIn)
@blueprint.output(schemas.Page, status_code=201)
@blueprint.doc(responses=[403, 404])
def create_page(notebook_id: str, json_data: dict[str, Any]) -> Response:
    """Add a page"""
    command = pages.CreatePage(notebook_id, **json_data)
    return carry_out(pages.create_page, command, replies.page_created)


@blueprint.get("/notebooks/<notebook_id>/pages")
@takes_query(blueprint, schemas.TrashQuery)
@blueprint.output(schemas.TrashedPageList)
@blueprint.doc(responses=[404])
def list_trashed_pages(notebook_id: str, query_data: dict[str, Any]) -> Response:
    """The pages of one's own notebook that can be restored"""
    place = query_data["page"], query_data["per_page"]
    return answered(trashed_pages(reads(), actor().user_id, notebook_id, *place, presenters.TRASHED_PAGE))


@blueprint.put("/notebooks/<notebook_id>/pages/<page_id>")
@blueprint.input(schemas.PageChanges)
@blueprint.output(schemas.Page)
@blueprint.doc(responses=refusals(403, stale=schemas.StalePage))
def edit_page(notebook_id: str, page_id: str, json_data: dict[str, Any]) -> Response:
    """Save a page; the answer's version and hash are the receipt"""
    window = timedelta(seconds=services().settings.autosave_revision_seconds)
    kept = window if json_data.pop("autosave") else None
    command = pages.EditPage(
        notebook_id, page_id, expected_version=expected_version(), autosave_window=kept, **json_data
    )
    return _saved(command, MERGES)


def _saved(command: pages.EditPage, merges: int) -> Response:
    try:
        return carry_out(pages.edit_page, command, replies.page_edited)
    except pages.MergeNeeded:
        merge = pages.merge_of(services().writing, command)
        return _saved(replace(command, merge=merge, is_last=merges == 1), merges - 1)


@blueprint.delete("/notebooks/<notebook_id>/pages/<page_id>")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=[403, 404])
def trash_page(notebook_id: str, page_id: str) -> Response:
    """Put a page into the trash"""
    command = pages.TrashPage(notebook_id, page_id)
    answer = carry_out(pages.trash_page, command, replies.nothing)
    reads().current.make_known(notebook_id)
    return answer


@blueprint.post("/notebooks/<notebook_id>/pages/<page_id>/restore")
@blueprint.output(schemas.Page)
@blueprint.doc(responses=[403, 404, 409])
def restore_page(notebook_id: str, page_id: str) -> Response:
    """Take a page out of the trash, as the last one"""
    command = pages.RestorePage(notebook_id, page_id)
    return carry_out(pages.restore_page, command, replies.page)


@blueprint.get("/notebooks/<notebook_id>/pages/<page_id>")
@takes_query(blueprint, schemas.PageQuery)
@blueprint.output(schemas.Page)
@blueprint.doc(responses=[404])
def get_page(notebook_id: str, page_id: str, query_data: dict[str, Any]) -> Response:
    """A page: the draft for its author, the published version for everyone else"""
    wants_draft = query_data["view"] == "draft"
    return answered(read_page(reads(), viewer(), notebook_id, page_id, wants_draft, presenters.PAGE))
