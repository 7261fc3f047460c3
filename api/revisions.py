"""The history of a page, for its author alone."""

from functools import partial
from typing import Any, NamedTuple

from apiflask import APIBlueprint
from flask import Response

from api import presenters, replies
from api.auth import actor
from api.door import carry_out
from api.http import answered, expected_version, takes_query
from api.openapi_rules import refusals
from api.schemas import revisions as schemas
from api.schemas.fields import ListQuery
from api.schemas.pages import Page as PageSchema
from api.schemas.pages import PageNow
from api.services import reads
from domain.commands import revisions as commands
from domain.errors import VersionConflict
from domain.page import Page
from domain.unit_of_work import UnitOfWork
from queries import revisions

blueprint = APIBlueprint("revisions", __name__)


@blueprint.get("/pages/<page_id>/revisions")
@takes_query(blueprint, ListQuery)
@blueprint.output(schemas.RevisionList)
@blueprint.doc(responses=[404])
def list_revisions(page_id: str, query_data: dict[str, Any]) -> Response:
    """The revisions of a page without their texts, newest first"""
    place = query_data["page"], query_data["per_page"]
    return answered(revisions.list_revisions(reads(), actor().user_id, page_id, *place, presenters.REVISION))


@blueprint.get("/pages/<page_id>/revisions/<revision_id>")
@blueprint.output(schemas.RevisionWithText)
@blueprint.doc(responses=[404])
def get_revision(page_id: str, revision_id: str) -> Response:
    """One revision with its text"""
    shape = presenters.REVISION_WITH_TEXT
    return answered(revisions.read_revision(reads(), actor().user_id, page_id, revision_id, shape))


@blueprint.get("/pages/<page_id>/revisions/<revision_id>/diff")
@takes_query(blueprint, schemas.DiffQuery)
@blueprint.output(schemas.Diff)
@blueprint.doc(responses=[404])
def diff_revision(page_id: str, revision_id: str, query_data: dict[str, Any]) -> Response:
    """What leads from this revision to another one, or to the current text, word by word"""
    wanted = page_id, revision_id, query_data["against"]
    return answered(revisions.read_difference(reads(), actor().user_id, *wanted, presenters.DIFFERENCE))


@blueprint.post("/pages/<page_id>/revisions/<revision_id>/restore")
@blueprint.output(PageSchema)
@blueprint.doc(responses=refusals(stale=PageNow))
def restore_revision(page_id: str, revision_id: str) -> Response:
    """Make the text of a revision the page's text again, as a new version"""
    command = _Restore(page_id, revision_id, expected_version())
    try:
        return carry_out(_restored, command, replies.page)
    except VersionConflict as conflict:
        raise replies.page_not_restored(conflict) from None


class _Restore(NamedTuple):
    page_id: str
    revision_id: str
    expected: int | None


def _restored(wanted: _Restore, uow: UnitOfWork) -> Page:
    _, row = revisions.find_within(uow.connection, actor().user_id, wanted.page_id, wanted.revision_id)
    command = commands.RestoreRevision(wanted.page_id, row["title"], row["content"], wanted.expected)
    return commands.restore_revision(command, uow)


@blueprint.put("/pages/<page_id>/revisions/<revision_id>")
@blueprint.input(schemas.Label)
@blueprint.output(schemas.Revision)
@blueprint.doc(responses=[404])
def label_revision(page_id: str, revision_id: str, json_data: dict[str, Any]) -> Response:
    """Name a revision, which keeps it, or take its name off"""
    command = commands.LabelRevision(page_id, revision_id, json_data["label"])
    owner = reads().current.profile(actor().user_id)
    return carry_out(_labelled, command, partial(replies.revision, owner=owner))


def _labelled(command: commands.LabelRevision, uow: UnitOfWork) -> dict[str, Any]:
    revisions.find_within(uow.connection, actor().user_id, command.page_id, command.revision_id)
    labelled = commands.label_revision(command, uow)
    # Checked again under the page's lock, which thinning takes too: a revision found now will stay.
    row = revisions.existing(uow.connection, command.page_id, command.revision_id, labelled.owner_id)
    return {**row, "label": labelled.label or None}
