"""Notebooks: write, list, read, publish."""

from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api import presenters, replies
from api.auth import actor, viewer
from api.door import carry_out
from api.http import answered, expected_version, takes_query
from api.openapi_rules import refusals
from api.schemas import notebooks as schemas
from api.services import reads, services
from domain.commands import notebooks
from domain.errors import VersionConflict
from queries.answer import Profile
from queries.notebooks import own_list, public_list, read_notebook

blueprint = APIBlueprint("notebooks", __name__)


@blueprint.get("/notebooks")
@takes_query(blueprint, schemas.NotebookQuery)
@blueprint.output(schemas.NotebookList)
def list_notebooks(query_data: dict[str, Any]) -> Response:
    """One's own notebooks, the trash, or all that are published"""
    place = query_data["page"], query_data["per_page"]
    if query_data["public"]:
        return answered(public_list(reads(), viewer(), *place, presenters.PUBLISHED_IN_LIST))
    trashed = query_data["trashed"]
    return answered(own_list(reads(), actor().user_id, trashed, *place, presenters.NOTEBOOK_IN_LIST))


@blueprint.post("/notebooks")
@blueprint.input(schemas.NotebookIn)
@blueprint.output(schemas.NotebookWithPages, status_code=201)
@blueprint.doc(responses=[403])
def create_notebook(json_data: dict[str, Any]) -> Response:
    """Begin a notebook"""
    command = notebooks.CreateNotebook(**json_data, most=services().settings.quota_notebooks)
    return carry_out(notebooks.create_notebook, command, partial(replies.notebook_created, owner=_writer()))


def _writer() -> Profile:
    """Who writes a notebook owns it. Looked up before the command, whose row locks must not wait for it."""
    return reads().current.profile(actor().user_id)


@blueprint.get("/notebooks/<notebook_id>")
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[404])
def get_notebook(notebook_id: str) -> Response:
    """A notebook with its pages: the draft for its author, the publication for everyone else"""
    return answered(read_notebook(reads(), viewer(), notebook_id, presenters.NOTEBOOK, presenters.PUBLISHED))


@blueprint.put("/notebooks/<notebook_id>")
@blueprint.input(schemas.NotebookChanges)
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=refusals(403, stale=schemas.StaleNotebook))
def edit_notebook(notebook_id: str, json_data: dict[str, Any]) -> Response:
    """Change title, description or metadata"""
    command = notebooks.EditNotebook(notebook_id, json_data, expected_version())
    owner = _writer()
    try:
        return carry_out(notebooks.edit_notebook, command, partial(replies.notebook, owner=owner))
    except VersionConflict as conflict:
        raise replies.notebook_not_saved(conflict, owner) from None


@blueprint.delete("/notebooks/<notebook_id>")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=[403, 404])
def trash_notebook(notebook_id: str) -> Response:
    """Put a notebook with its pages into the trash"""
    command = notebooks.TrashNotebook(notebook_id)
    answer = carry_out(notebooks.trash_notebook, command, replies.nothing)
    reads().current.make_known(notebook_id)
    return answer


@blueprint.post("/notebooks/<notebook_id>/restore")
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[403, 404, 409])
def restore_notebook(notebook_id: str) -> Response:
    """Take a notebook out of the trash, as a draft"""
    command = notebooks.RestoreNotebook(notebook_id)
    return carry_out(notebooks.restore_notebook, command, partial(replies.notebook, owner=_writer()))


@blueprint.post("/notebooks/<notebook_id>/publish")
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[403, 404])
def publish_notebook(notebook_id: str) -> Response:
    """Show readers the notebook exactly as it is now"""
    command = notebooks.PublishNotebook(notebook_id)
    answer = carry_out(notebooks.publish_notebook, command, partial(replies.notebook, owner=_writer()))
    reads().current.make_known(notebook_id)
    return answer


@blueprint.post("/notebooks/<notebook_id>/unpublish")
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[403, 404])
def unpublish_notebook(notebook_id: str) -> Response:
    """Take a notebook from its readers"""
    command = notebooks.UnpublishNotebook(notebook_id)
    answer = carry_out(notebooks.unpublish_notebook, command, partial(replies.notebook, owner=_writer()))
    reads().current.make_known(notebook_id)
    return answer


@blueprint.put("/notebooks/<notebook_id>/pages/order")
@blueprint.input(schemas.PageOrder)
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[403, 404])
def reorder_pages(notebook_id: str, json_data: dict[str, Any]) -> Response:
    """Put all pages into this order"""
    command = notebooks.ReorderPages(notebook_id, tuple(json_data["page_ids"]))
    return carry_out(notebooks.reorder_pages, command, partial(replies.notebook, owner=_writer()))
