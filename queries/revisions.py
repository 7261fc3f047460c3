"""The history of a page, for its author alone."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from events import log
from events.notebooks import NotebookFact
from events.pages import PageFact, history_of
from infra.database import retried
from queries.answer import Answer, Shape, answer, listing
from queries.reads import Reads
from queries.viewer import NotVisible
from read_models import revisions
from read_models.freshness import cut_revisions_within

CURRENT = "current"


class Found(NamedTuple):
    """A page as it is now, and one of its revisions with its text."""

    page: PageFact
    revision: dict[str, Any]


@retried
def list_revisions(reads: Reads, user_id: str, page_id: str, page: int, per_page: int, shape: Shape) -> Answer:
    """The revisions of one's own page without their texts, newest first."""
    author = reads.current.profile(user_id)
    with reads.current.connection() as connection:
        page_now = _own_live_page(connection, page_id, user_id)
        # Who saved a moment ago sees it in the list, workers or no workers.
        reads.current.catch_up_revisions(connection, user_id, _streams(page_now))
        found = revisions.of_page(connection, page_id, user_id, page, per_page)
    return listing([shape.present(row, author) for row in found.rows], found.total, page, per_page, is_public=False)


def read_revision(reads: Reads, user_id: str, page_id: str, revision_id: str, shape: Shape) -> Answer:
    """One revision with its text."""
    _, row = _read(reads, user_id, page_id, revision_id)
    return answer(shape.present(row, reads.current.profile(user_id)), is_public=False)


def read_difference(reads: Reads, user_id: str, page_id: str, revision_id: str, against: str, shape: Shape) -> Answer:
    """What leads from a revision to another one, or to the page's text now."""
    page, before = _read(reads, user_id, page_id, revision_id)
    after = page.content if against == CURRENT else _read(reads, user_id, page_id, against).revision["content"]
    return answer(shape.present(revision_id, against, before["content"], after), is_public=False)


@retried
def _read(reads: Reads, user_id: str, page_id: str, revision_id: str) -> Found:
    with reads.current.connection() as connection:
        page = _own_live_page(connection, page_id, user_id)
        reads.current.catch_up_revisions(connection, user_id, _streams(page))
        return Found(page, existing(connection, page_id, revision_id, user_id))


def find_within(connection: Connection, user_id: str, page_id: str, revision_id: str) -> Found:
    """The same in a command's transaction: a second connection for it could wait for ever for one to be free."""
    page = _own_live_page(connection, page_id, user_id)
    cut_revisions_within(connection, user_id, _streams(page))
    return Found(page, existing(connection, page_id, revision_id, user_id))


def existing(connection: Connection, page_id: str, revision_id: str, user_id: str) -> dict[str, Any]:
    """
    Raises:
        NotVisible: the page has no such revision, or it is someone else's.
    """
    row = revisions.load(connection, page_id, revision_id, user_id)
    if row is None:
        raise NotVisible("This page has no such revision.")
    return row


def _own_live_page(connection: Connection, page_id: str, user_id: str) -> PageFact:
    """
    Raises:
        NotVisible: the page is absent, someone else's, or in the trash.
    """
    event = log.newest(connection, page_id)
    page = event.fact if event else None
    if isinstance(page, PageFact) and page.owner_id == user_id:
        notebook = log.newest(connection, page.notebook_id)
        if notebook and _holds(notebook.fact, page_id):
            return page
    raise NotVisible("There is no such page.")


def _holds(notebook: object, page_id: str) -> bool:
    return isinstance(notebook, NotebookFact) and notebook.trashed_at is None and page_id in notebook.page_ids


def _streams(page: PageFact) -> tuple[str, ...]:
    """Whose events may still have to cut a revision of the page."""
    return page.page_id, history_of(page.page_id), page.notebook_id
