"""Notebooks: the lists, and each alone with its pages."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from events import outstanding
from events.subscriptions import UPDATE_VIEWS
from infra.database import retried
from queries.answer import Answer, Shape, listing
from queries.reads import Reads
from queries.settled import Kept, Key, answer_of
from queries.viewer import NotVisible, Viewer
from read_models import notebook_list, notebook_view, profiles, published
from read_models.profiles import Profile


@retried
def own_list(reads: Reads, user_id: str, trashed: bool, page: int, per_page: int, shape: Shape) -> Answer:
    """One's own notebooks, or those in one's trash, newest change first."""
    owner = reads.current.profile(user_id)
    with reads.current.connection() as connection:
        found = notebook_list.own(connection, user_id, trashed, page, per_page)
        if found.may_be_behind:
            reads.current.catch_up_views(connection, user_id)
            found = notebook_list.own(connection, user_id, trashed, page, per_page)
        items = _in_list(reads, connection, [row["state"] for row in found.rows], owner, shape)
    return listing(items, found.total, page, per_page, is_public=False)


def _in_list(
    reads: Reads, connection: Connection, states: Sequence[str], owner: Profile, shape: Shape
) -> list[msgspec.Raw]:
    """What is told of the notebooks in these states, finished: what was told of them before is told again."""
    keys = {state: ("in list", shape.digest, state, owner.version) for state in states}
    known = {state: reads.settled.piece(key) for state, key in keys.items()}
    for row in notebook_list.in_states(connection, [state for state in states if known[state] is None]):
        # If it has changed between the two questions, it is told as it is now.
        key = ("in list", shape.digest, row["state"], owner.version)
        made = reads.settled.keep_piece(key, shape.present(row, owner))
        known |= {state: made for state in states if state.startswith(f"{row['notebook_id']}|")}
    return [piece for piece in known.values() if piece is not None]


@retried
def public_list(reads: Reads, viewer: Viewer, page: int, per_page: int, shape: Shape) -> Answer:
    """All that is published, newest publication first."""
    with reads.current.connection() as connection:
        if viewer.user_id:
            reads.current.catch_up_views(connection, viewer.user_id)
        withdrawn = outstanding.withdrawals(connection, UPDATE_VIEWS)
        found = notebook_list.public(connection, withdrawn, page, per_page)
        owners = profiles.load_many(connection, {row["owner_id"] for row in found.rows})
    items = [shape.present(row, owners[row["owner_id"]]) for row in found.rows]
    return listing(items, found.total, page, per_page, is_public=viewer.user_id is None)


def read_notebook(reads: Reads, viewer: Viewer, notebook_id: str, draft: Shape, shown: Shape) -> Answer:
    """The draft for its author, the publication for everyone else.

    Raises:
        NotVisible: there is no such notebook, or it is private to someone else.
    """
    own = _draft(reads, viewer.user_id, notebook_id, draft) if viewer.user_id else None
    kept = own or _published(reads, notebook_id, shown)
    return answer_of(kept, is_public=viewer.user_id is None)


def _draft(reads: Reads, user_id: str, notebook_id: str, shape: Shape) -> Kept | None:
    """The author's view, None when the notebook is someone else's."""
    found = _newest_view(reads, user_id, notebook_id)
    if found is None:
        return None
    view, pages = found
    owner = reads.current.profile(user_id)
    key = _key(view, pages, owner, shape)
    return reads.settled.draft(key) or reads.settled.keep_draft(key, user_id, shape, view, owner, pages)


@retried
def _newest_view(reads: Reads, user_id: str, notebook_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    with reads.current.connection() as connection:
        reads.current.catch_up_views(connection, user_id)
        view = notebook_view.load(connection, notebook_id)
        if view is None or view["owner_id"] != user_id:
            return None
        if view["trashed_at"]:
            raise NotVisible("This notebook is in the trash; restore it first.")
        return view, notebook_view.load_pages(connection, view)


def _key(view: dict[str, Any], pages: list[dict[str, Any]], owner: Profile, shape: Shape) -> Key:
    # All that the answer is made of. A time alone would not do: of two saves the one that ends last may have begun
    # first, and the newest time is then the other's.
    counts = (view["changed_at"], view["word_count"], view["has_unpublished_changes"])
    versions = tuple((page["id"], page["version"]) for page in pages)
    return ("draft", shape.digest, view["notebook_id"], view["version"], *counts, versions, owner.version)


def _published(reads: Reads, notebook_id: str, shape: Shape) -> Kept:
    found = reads.current.publication(notebook_id)
    owner = reads.current.profile(found.fact.owner_id)
    key = ("notebook", shape.digest, notebook_id, found.fact.version, owner.version)
    kept = reads.settled.shown(key)
    if kept is None:
        pages = reads.settled.read(published.load_pages, notebook_id, found.fact.publication)
        kept = reads.settled.keep_shown(key, shape, found.fact, owner, pages)
    return kept
