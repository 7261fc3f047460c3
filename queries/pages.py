"""A page: the draft for its author, the published version for everyone else."""

from typing import Any

from sqlalchemy import Connection

from events import log
from events.notebooks import NotebookFact
from infra.database import retried
from queries.answer import Answer, Shape, listing
from queries.reads import Reads
from queries.settled import answer_of
from queries.viewer import NotVisible, Viewer
from read_models import notebook_list, notebook_view, page_view, published


def read_page(reads: Reads, viewer: Viewer, notebook_id: str, page_id: str, wants_draft: bool, shape: Shape) -> Answer:
    """
    Raises:
        NotVisible: there is no such page, or it is private to someone else.
    """
    draft = _draft(reads, viewer, notebook_id, page_id, shape) if viewer.user_id and wants_draft else None
    return draft or _published(reads, viewer, notebook_id, page_id, shape)


@retried
def trashed_pages(reads: Reads, user_id: str, notebook_id: str, page: int, per_page: int, shape: Shape) -> Answer:
    """The pages of one's own notebook that can be restored, newest change first.

    Raises:
        NotVisible: there is no such notebook, it is in the trash itself, or it is someone else's.
    """
    with reads.current.connection() as connection:
        reads.current.catch_up_views(connection, user_id)
        view = notebook_view.load(connection, notebook_id)
        if view is None or view["owner_id"] != user_id or view["trashed_at"]:
            raise NotVisible("You have no such notebook.")
        found = notebook_list.trashed_pages(connection, view, page, per_page)
    return listing([shape.present(row) for row in found.rows], found.total, page, per_page, is_public=False)


def _draft(reads: Reads, viewer: Viewer, notebook_id: str, page_id: str, shape: Shape) -> Answer | None:
    """The draft at its newest version, None when it is someone else's. What is cached under a version never changes,
    so one look at the log, for two versions, makes a cached answer the newest one."""
    versions = reads.current.versions(page_id, notebook_id)
    if not all(versions):
        return None
    key = ("draft page", shape.digest, notebook_id, page_id, *versions)
    kept = reads.settled.draft(key)
    if kept is None:
        row = reads.current.ask(_draft_row, notebook_id, page_id, versions[0])
        kept = reads.settled.keep_draft(key, row["owner_id"], shape, row)
    return answer_of(kept, is_public=False) if kept.owner_id == viewer.user_id else None


def _draft_row(connection: Connection, notebook_id: str, page_id: str, version: int) -> dict[str, Any]:
    event = log.newest(connection, notebook_id)
    row = page_view.load(connection, page_id, version)
    fact = event.fact if event else None
    if row is None or not isinstance(fact, NotebookFact) or row["notebook_id"] != notebook_id:
        raise NotVisible("This notebook has no such page.")
    if fact.trashed_at or page_id not in fact.page_ids:
        # For its author; to anyone else the answer is the same, word for word.
        raise NotVisible("This notebook has no such page.")
    return {**row, "order": fact.page_ids.index(page_id) + 1}


def _published(reads: Reads, viewer: Viewer, notebook_id: str, page_id: str, shape: Shape) -> Answer:
    found = reads.current.publication(notebook_id)
    if page_id not in found.places:
        raise NotVisible("This notebook has no such page.")
    order, version = found.places[page_id]
    key = ("page", shape.digest, notebook_id, page_id, version, order)
    kept = reads.settled.shown(key)
    if kept is None:
        row = reads.settled.read(published.load_page, notebook_id, page_id, version)
        kept = reads.settled.keep_shown(key, shape, {**row, "order": order})
    return answer_of(kept, is_public=viewer.user_id is None)
