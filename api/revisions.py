"""The history of a page, for its author alone."""

from functools import partial
from typing import Any, NamedTuple

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import Connection

from api import presenters, replies
from api.auth import actor
from api.door import carry_out
from api.http import PRIVATE, conditional, encode, etag_of, expected_version, page_of
from api.openapi_rules import refusals
from api.schemas import revisions as schemas
from api.schemas.fields import ListQuery
from api.schemas.pages import Page as PageSchema
from api.schemas.pages import PageNow
from api.services import services
from domain.commands import revisions as commands
from domain.diff import compare
from domain.errors import NotFound, VersionConflict
from domain.page import Page
from domain.unit_of_work import UnitOfWork
from events import log
from events.notebooks import NotebookFact
from events.pages import PageFact, history_of
from infra.database import retrying
from read_models import revisions
from read_models.freshness import catch_up_revisions, cut_revisions_within

blueprint = APIBlueprint("revisions", __name__)

CURRENT = "current"
REVISION = schemas.Revision()
REVISION_WITH_TEXT = schemas.RevisionWithText()
DIFF = schemas.Diff()


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
        page_now = _own_live_page(connection, page_id, user_id)
        # Who saved a moment ago sees it in the list, workers or no workers.
        catch_up_revisions(connection, services().writing, user_id, _streams(page_now))
        found = revisions.of_page(connection, page_id, user_id, page, per_page)
    return page_of([REVISION.dump(_shown(row)) for row in found.rows], found.total, page, per_page)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "author": presenters.author(presenters.profile_of(row["owner_id"]))}


@blueprint.get("/pages/<page_id>/revisions/<revision_id>")
@blueprint.output(schemas.RevisionWithText)
@blueprint.doc(responses=[404])
def get_revision(page_id: str, revision_id: str) -> Response:
    """One revision with its text"""
    _, row = retrying(lambda: _read(page_id, revision_id))
    body = encode(REVISION_WITH_TEXT.dump(_shown(row)))
    return conditional(body, etag_of(body), PRIVATE)


@blueprint.get("/pages/<page_id>/revisions/<revision_id>/diff")
@blueprint.input(schemas.DiffQuery, location="query")
@blueprint.output(schemas.Diff)
@blueprint.doc(responses=[404])
def diff_revision(page_id: str, revision_id: str, query_data: dict[str, Any]) -> Response:
    """What leads from this revision to another one, or to the current text, word by word"""
    against = query_data["against"]
    before, after = retrying(lambda: _texts(page_id, revision_id, against))
    found = compare(before, after)
    stats = {"inserted_words": found.inserted_words, "deleted_words": found.deleted_words}
    hunks = [hunk._asdict() for hunk in found.hunks]
    body = encode(DIFF.dump({"from_": revision_id, "to": against, "stats": stats, "hunks": hunks}))
    return conditional(body, etag_of(body), PRIVATE)


def _texts(page_id: str, revision_id: str, against: str) -> tuple[str, str]:
    page, row = _read(page_id, revision_id)
    after = page.content if against == CURRENT else _read(page_id, against).revision["content"]
    return row["content"], after


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
    _, row = _found(uow, wanted.page_id, wanted.revision_id)
    command = commands.RestoreRevision(wanted.page_id, row["title"], row["content"], wanted.expected)
    return commands.restore_revision(command, uow)


@blueprint.put("/pages/<page_id>/revisions/<revision_id>")
@blueprint.input(schemas.Label)
@blueprint.output(schemas.Revision)
@blueprint.doc(responses=[404])
def label_revision(page_id: str, revision_id: str, json_data: dict[str, Any]) -> Response:
    """Name a revision, and keep it for ever"""
    command = commands.LabelRevision(page_id, revision_id, json_data["label"])
    owner = presenters.profile_of(actor().user_id)
    return carry_out(_labelled, command, partial(replies.revision, owner=owner))


def _labelled(command: commands.LabelRevision, uow: UnitOfWork) -> dict[str, Any]:
    _found(uow, command.page_id, command.revision_id)
    labelled = commands.label_revision(command, uow)
    # Again, behind the page's lock, which the thinning takes as well: what is here now will stay.
    row = _existing(uow.connection, command.page_id, command.revision_id, labelled.owner_id)
    return {**row, "label": labelled.label}


class _Found(NamedTuple):
    page: PageFact
    revision: dict[str, Any]


def _read(page_id: str, revision_id: str) -> _Found:
    """The caller's own live page as it is now, and one of its revisions with its text."""
    user_id = actor().user_id
    with services().reading.connect() as connection:
        page = _own_live_page(connection, page_id, user_id)
        catch_up_revisions(connection, services().writing, user_id, _streams(page))
        return _Found(page, _existing(connection, page_id, revision_id, user_id))


def _found(uow: UnitOfWork, page_id: str, revision_id: str) -> _Found:
    """The same in a command's transaction: a second connection for it could wait for ever for one to be free."""
    page = _own_live_page(uow.connection, page_id, uow.actor_id)
    cut_revisions_within(uow.connection, uow.actor_id, _streams(page))
    return _Found(page, _existing(uow.connection, page_id, revision_id, uow.actor_id))


def _existing(connection: Connection, page_id: str, revision_id: str, user_id: str) -> dict[str, Any]:
    row = revisions.load(connection, page_id, revision_id, user_id)
    if row is None:
        raise NotFound("This page has no such revision.")
    return row


def _own_live_page(connection: Connection, page_id: str, user_id: str) -> PageFact:
    """
    Raises:
        NotFound: the page is absent, someone else's, or in the trash.
    """
    event = log.newest(connection, page_id)
    page = event.fact if event else None
    if isinstance(page, PageFact) and page.owner_id == user_id:
        notebook = log.newest(connection, page.notebook_id)
        if notebook and _holds(notebook.fact, page_id):
            return page
    raise NotFound("There is no such page.")


def _holds(notebook: object, page_id: str) -> bool:
    return isinstance(notebook, NotebookFact) and notebook.trashed_at is None and page_id in notebook.page_ids


def _streams(page: PageFact) -> tuple[str, ...]:
    """Whose events may still have to cut a revision of the page."""
    return page.page_id, history_of(page.page_id), page.notebook_id
