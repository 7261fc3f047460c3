"""Notebooks: write, list, read, publish."""

from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import Connection

from api import presenters, replies
from api.auth import actor, maybe_actor
from api.door import carry_out
from api.http import PRIVATE, PUBLIC, conditional, encode, etag_of, expected_version, page_of
from api.openapi_rules import refusals
from api.publications import make_known, publication
from api.replica import read_settled
from api.schemas import notebooks as schemas
from api.services import Actor, Rendered, services
from domain.commands import notebooks
from domain.errors import NotFound, VersionConflict
from events import deliveries
from events.notebooks import NotebookFact
from events.subscriptions import UPDATE_VIEWS
from infra.database import retrying
from read_models import notebook_list, notebook_view, profiles, published
from read_models.freshness import catch_up

blueprint = APIBlueprint("notebooks", __name__)


@blueprint.get("/notebooks")
@blueprint.input(schemas.NotebookQuery, location="query")
@blueprint.output(schemas.NotebookList)
def list_notebooks(query_data: dict[str, Any]) -> Response:
    """One's own notebooks, the trash, or all that are published"""
    place = query_data["page"], query_data["per_page"]
    if query_data["public"]:
        return retrying(lambda: _public_list(*place))
    return retrying(lambda: _own_list(actor(), query_data["trashed"], *place))


def _own_list(who: Actor, trashed: bool, page: int, per_page: int) -> Response:
    owner = presenters.profile_of(who.user_id)
    with services().reading.connect() as connection:
        catch_up(connection, services().writing, who.user_id)
        found = notebook_list.own(connection, who.user_id, trashed, page, per_page)
    return page_of([presenters.notebook_row(row, owner) for row in found.rows], found.total, page, per_page)


def _public_list(page: int, per_page: int) -> Response:
    who = maybe_actor()
    with services().reading.connect() as connection:
        if who:
            catch_up(connection, services().writing, who.user_id)
        withdrawn = deliveries.withdrawals(connection, UPDATE_VIEWS)
        found = notebook_list.public(connection, withdrawn, page, per_page)
        owners = profiles.load_many(connection, {row["owner_id"] for row in found.rows})
    items = [presenters.published_row(row, owners[row["owner_id"]]) for row in found.rows]
    return page_of(items, found.total, page, per_page)


@blueprint.post("/notebooks")
@blueprint.input(schemas.NotebookIn)
@blueprint.output(schemas.NotebookWithPages, status_code=201)
def create_notebook(json_data: dict[str, Any]) -> Response:
    """Begin a notebook"""
    command = notebooks.CreateNotebook(**json_data)
    return carry_out(notebooks.create_notebook, command, partial(replies.notebook_created, owner=_writer()))


def _writer() -> profiles.Profile:
    """Who writes a notebook owns it. Looked up before the command, whose row locks must not wait for it."""
    return presenters.profile_of(actor().user_id)


@blueprint.get("/notebooks/<notebook_id>")
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[404])
def get_notebook(notebook_id: str) -> Response:
    """A notebook with its pages: the draft for its author, the publication for everyone else"""
    who = maybe_actor()
    draft = retrying(lambda: _draft(notebook_id, who.user_id)) if who else None
    if draft:
        return conditional(draft.body, draft.etag, PRIVATE)
    shown = _publication(notebook_id)
    return conditional(shown.body, shown.etag, PRIVATE if who else PUBLIC)


def _draft(notebook_id: str, user_id: str) -> Rendered | None:
    """The author's view, None when the notebook is someone else's."""
    with services().reading.connect() as connection:
        catch_up(connection, services().writing, user_id)
        view = notebook_view.load(connection, notebook_id)
        if view is None or view["owner_id"] != user_id:
            return None
        if view["trashed_at"]:
            raise NotFound("This notebook is in the trash; restore it first.")
        return _rendered_draft(connection, view)


def _rendered_draft(connection: Connection, view: dict[str, Any]) -> Rendered:
    owner = presenters.profile_of(view["owner_id"])
    pages = notebook_view.load_pages(connection, view)
    # All that the answer is made of. A time alone would not do: of two saves the one that ends last may have begun
    # first, and the newest time is then the other's.
    counts = (view["changed_at"], view["word_count"], view["has_unpublished_changes"])
    versions = tuple((page["id"], page["version"]) for page in pages)
    key = ("draft", view["notebook_id"], view["version"], *counts, versions, owner.version)

    def render() -> Rendered:
        body = encode(presenters.notebook_row(view, owner, pages))
        return Rendered(body, etag_of(body, view["version"]), view["owner_id"])

    return services().rendered.get(key, render)


def _publication(notebook_id: str) -> Rendered:
    fact, _ = publication(notebook_id)
    owner = presenters.profile_of(fact.owner_id)
    key = ("published", notebook_id, fact.version, owner.version)
    return services().rendered.get(key, lambda: _rendered_publication(fact, owner))


def _rendered_publication(fact: NotebookFact, owner: profiles.Profile) -> Rendered:
    name = f"notebook:{fact.notebook_id}:{fact.version}:{owner.version}"
    body = services().shared.answer(name)
    if body is None:
        body = retrying(lambda: _render_publication(fact, owner))
        services().shared.put_answer(name, body)
    return Rendered(body, etag_of(body), fact.owner_id)


def _render_publication(fact: NotebookFact, owner: profiles.Profile) -> bytes:
    shown = fact.publication
    assert shown is not None
    pages = read_settled(lambda connection: published.load_pages(connection, fact.notebook_id, shown))
    if pages is None:
        raise LookupError(f"not all pages of publication {shown.version} of {fact.notebook_id} are in the log")
    return encode(presenters.published_notebook(fact, owner, pages))


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
    make_known(notebook_id)
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
    make_known(notebook_id)
    return answer


@blueprint.post("/notebooks/<notebook_id>/unpublish")
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[403, 404])
def unpublish_notebook(notebook_id: str) -> Response:
    """Take a notebook from its readers"""
    command = notebooks.UnpublishNotebook(notebook_id)
    answer = carry_out(notebooks.unpublish_notebook, command, partial(replies.notebook, owner=_writer()))
    make_known(notebook_id)
    return answer


@blueprint.put("/notebooks/<notebook_id>/pages/order")
@blueprint.input(schemas.PageOrder)
@blueprint.output(schemas.NotebookWithPages)
@blueprint.doc(responses=[403, 404])
def reorder_pages(notebook_id: str, json_data: dict[str, Any]) -> Response:
    """Put all pages into this order"""
    command = notebooks.ReorderPages(notebook_id, tuple(json_data["page_ids"]))
    return carry_out(notebooks.reorder_pages, command, partial(replies.notebook, owner=_writer()))
